package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry/internal/typed"
)

// testChecks stand in for those of cmd.
func testChecks() map[string]func(string) error {
	return map[string]func(string) error{
		"pool.url": func(text string) error {
			if !strings.HasPrefix(text, "stratum+") {
				return errors.New("the url has no scheme quarry knows")
			}
			if strings.HasSuffix(text, ":0") {
				return errors.New("port 0 is no port")
			}
			return nil
		},
		"log.file": func(text string) error {
			if strings.HasPrefix(text, "/none/") {
				return fmt.Errorf("no folder for %s", text)
			}
			return nil
		},
		"cpu.cpus": func(text string) error {
			if strings.Contains(text, "64") {
				return errors.New("this machine has CPUs 0-3 only")
			}
			return nil
		},
		"cpu.kernel": func(text string) error {
			if text != "auto" && text != "generic" {
				return fmt.Errorf("no kernel %q", text)
			}
			return nil
		},
	}
}

// testPool stands in for that of cmd.
func testPool(p Pool) (string, error) {
	if len(p.User) > 200 || len(p.Password.Reveal()) > 200 {
		return p.URL, errors.New("user or password is too long")
	}
	return strings.TrimRight(strings.ToLower(p.URL), "/"), nil
}

// write puts text into a file that only this user may read.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadText loads a file of that text; faults name it rig.toml.
func loadText(t testing.TB, text string, environ ...string) (*Result, string) {
	t.Helper()
	dir := t.TempDir()
	result, err := Load(Input{File: write(t, dir, "rig.toml", text), Environ: environ, Checks: testChecks(), CheckPool: testPool})
	if err == nil {
		return result, ""
	}
	var faults Faults
	if !errors.As(err, &faults) || result != nil {
		t.Fatalf("Load gave %T and %v, want Faults and no result", err, result)
	}
	return nil, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
}

func TestFileFaults(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key, one slip": {"[cpu]\ntreads = 4\n",
			`rig.toml:2:1: cpu.treads: unknown key; did you mean "threads"?`},
		"unknown key, hyphen": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\ntls-ca = \"x\"\n",
			`rig.toml:3:1: pool.tls-ca: unknown key; did you mean "tls_ca"?`},
		"unknown key, abbreviated": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\npass = \"hunter2\"\n",
			`rig.toml:3:1: pool.pass: unknown key; did you mean "password"?`},
		"unknown key, nothing like it": {"[cpu]\n  frobnicate = 4\n",
			`rig.toml:2:3: cpu.frobnicate: unknown key`},
		"unknown key, quoted": {"[cpu]\n\"a b\" = 4\n",
			`rig.toml:2:1: cpu."a b": unknown key`},
		"key of another table": {"[cpu]\nlevel = \"info\"\n",
			`rig.toml:2:1: cpu.level: unknown key; did you mean "log.level"?`},
		"key outside any table": {"threads = 4\n",
			`rig.toml:1:1: threads: unknown key; did you mean "cpu.threads"?`},
		"unknown key, dotted": {"cpu.treads = 4\n",
			`rig.toml:1:5: cpu.treads: unknown key; did you mean "threads"?`},
		"key too deep": {"[cpu]\nthreads.x = 4\n",
			`rig.toml:2:1: cpu.threads.x: unknown key`},
		"unknown key, inline table": {"cpu = { threads = 1, treads = 4 }\n",
			`rig.toml:1:22: cpu.treads: unknown key; did you mean "threads"?`},
		"unknown table": {"[pol]\nurl = 5\n",
			`rig.toml:1:2: pol: unknown table; did you mean "pool"?`},
		"unknown table below one": {"[cpu.x]\nthreads = 5\n",
			`rig.toml:1:2: cpu.x: unknown table`},
		"key as a table": {"[cpu.threads]\n",
			`rig.toml:1:2: cpu.threads: is a key, not a table; expected a whole number from 0 to 4096`},
		"one pool, single brackets": {"[pool]\nurl = \"stratum+tcp://a:1\"\n",
			`rig.toml:1:2: pool: there may be several pools: write [[pool]] in double brackets`},
		"double brackets": {"[[cpu]]\nthreads = 1\n",
			`rig.toml:1:3: cpu: is one table: write [cpu] in single brackets`},
		"pool by a dotted key": {"pool.url = \"stratum+tcp://a:1\"\n",
			`rig.toml:1:1: pool.url: there may be several pools: write [[pool]] and the key below it`},
		"pool is a string": {"pool = \"stratum+tcp://a:1\"\n",
			`rig.toml:1:8: pool: is a string; expected [[pool]] and its keys below it`},
		"pool array of strings": {"pool = [\"stratum+tcp://a:1\"]\n",
			`rig.toml:1:8: pool: holds a string; expected [[pool]] and its keys below it`},
		"table is a number": {"cpu = 4\n",
			`rig.toml:1:7: cpu: is a whole number; expected a table: write [cpu] and its keys below it`},

		"string for int": {"[cpu]\nthreads = \"4\"\n",
			`rig.toml:2:11: cpu.threads: is a string; expected a whole number from 0 to 4096`},
		"float for int": {"[cpu]\nthreads = 1.5\n",
			`rig.toml:2:11: cpu.threads: is a number with a fraction; expected a whole number from 0 to 4096`},
		"array for string": {"[cpu]\ncpus   =   [0, 1]\n",
			`rig.toml:2:12: cpu.cpus: is an array; expected a CPU list like 0-3,8 in quotes`},
		"int for duration": {"[run]\ntime = 30\n",
			`rig.toml:2:8: run.time: is a whole number; expected 0s or a time from 1ms to 87600h, like 90s, 1h30m or 1d, in quotes; did you mean "30s"?`},
		"date for duration": {"[run]\ntime = 2024-01-01\n",
			`rig.toml:2:8: run.time: is a date or time; expected 0s or a time from 1ms to 87600h, like 90s, 1h30m or 1d, in quotes`},
		"string for bool": {"[run]\nretry = \"yes\"\n",
			`rig.toml:2:9: run.retry: is a string; expected true or false`},
		"table for string": {"[cpu]\nkernel = { name = \"x\" }\n",
			`rig.toml:2:10: cpu.kernel: is a table; expected text in quotes`},
		"int for password": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\npassword = 271828\n",
			`rig.toml:3:12: pool.password: is a whole number; expected text in quotes`},

		"int out of range": {"[cpu]\nthreads = -1\n",
			`rig.toml:2:11: cpu.threads: "-1" is not allowed; expected a whole number from 0 to 4096`},
		"int beyond 64 bits": {"[run]\nshares = 99999999999999999999\n",
			`rig.toml:2:10: run.shares: "99999999999999999999" is not allowed; expected a whole number from 0 to 1000000000000000`},
		"unknown choice": {"[log]\nlevel = \"warning\"\n",
			`rig.toml:2:9: log.level: "warning" is not allowed; expected one of "debug", "info", "warn", "error"; did you mean "warn"?`},
		"bad duration": {"[log]\nstatus_interval = \"30\"\n",
			`rig.toml:2:19: log.status_interval: "30" is not allowed; expected auto or a time from 1s to 24h, like 90s, 1h30m or 1d, in quotes; did you mean "30s"?`},
		"duration too short": {"[log]\nstatus_interval = \"1ms\"\n",
			`rig.toml:2:19: log.status_interval: "1ms" is not allowed; expected auto or a time from 1s to 24h, like 90s, 1h30m or 1d, in quotes`},
		"difficulty 0": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\nsuggest_difficulty = 0.0\n",
			`rig.toml:3:22: pool.suggest_difficulty: "0.0" is not allowed; expected a decimal number above 0, like 0.5 or 1024, or auto in quotes`},
		"difficulty nan": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\nsuggest_difficulty = nan\n",
			`rig.toml:3:22: pool.suggest_difficulty: "nan" is not allowed; expected a decimal number above 0, like 0.5 or 1024, or auto in quotes`},
		"CPU list": {"[cpu]\ncpus = \"0-3,x\"\n",
			`rig.toml:2:8: cpu.cpus: "x" is not a CPU number or range from 0 to 4095; expected a CPU list like 0-3,8 in quotes`},
		"CPU list backwards": {"[cpu]\ncpus = \"3-0\"\n",
			`rig.toml:2:8: cpu.cpus: range "3-0" runs backwards; expected a CPU list like 0-3,8 in quotes`},
		"more threads than CPUs": {"[cpu]\nthreads = 3\ncpus = \"0-1\"\n",
			`rig.toml:2:11: cpu.threads: 3 threads are more than the CPUs of cpus, "0-1" from rig.toml:3:1`},
		"control character": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"a\\nb\"\n",
			`rig.toml:3:8: pool.user: holds a control character; expected text in quotes`},

		"injected: CPU list": {"[cpu]\ncpus = \"64\"\n",
			`rig.toml:2:8: cpu.cpus: this machine has CPUs 0-3 only`},
		"injected: kernel": {"[cpu]\nkernel = \"warp\"\n",
			`rig.toml:2:10: cpu.kernel: no kernel "warp"`},
		"injected: scheme": {"[[pool]]\nurl = \"http://a:1\"\n",
			`rig.toml:2:7: pool.url: the url has no scheme quarry knows`},
		"injected: port": {"[[pool]]\nurl = \"stratum+tcp://a:0\"\n",
			`rig.toml:2:7: pool.url: port 0 is no port`},

		"pool without url": {"[[pool]]\nuser = \"u\"\n",
			`rig.toml:1:3: pool.url: the pool has no url; expected a line like url = "stratum+tcp://pool.example.com:3333"`},
		"pool with empty url": {"[[pool]]\nurl = \"\"\n",
			`rig.toml:2:7: pool.url: is empty`},
		"credentials in url": {"[[pool]]\nurl = \"stratum+tcp://bob:hunter2@a:1\"\n",
			`rig.toml:2:7: pool.url: user and password do not go into the url; give them with user and password (--user, --pass)`},
		"two pools with one url": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\n[[pool]]\nurl = \"stratum+tcp://A:1/\"\n",
			`rig.toml:4:7: pool.url: two pools with one url and user, "stratum+tcp://A:1/", the first at rig.toml:2:7`},
		"password twice": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\npassword = \"hunter2\"\npassword_file = \"pw\"\n",
			"rig.toml:4:17: pool.password_file: given together with password; give only one of them\n" +
				`rig.toml:4:17: pool.password_file: "pw" no such file`},
		"TLS without TLS": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\ntls_insecure = true\n",
			`rig.toml:3:16: pool.tls_insecure: the pool's url does not use TLS, so this protects nothing; expected a url with stratum+ssl:// or stratum+wss://`},
		"pin and no verification": {"[[pool]]\nurl = \"stratum+ssl://a:1\"\ntls_insecure = true\ntls_pin = \"sha256:00\"\n",
			`rig.toml:4:11: pool.tls_pin: has no effect with tls_insecure, which turns verification off; drop one of them`},
		"authorities missing": {"[[pool]]\nurl = \"stratum+ssl://a:1\"\ntls_ca = \"ca.pem\"\n",
			`rig.toml:3:10: pool.tls_ca: "ca.pem" no such file`},

		"key twice": {"[cpu]\nthreads = 1\nkernel = \"auto\"\nthreads = 2\n",
			`rig.toml:4:1: cpu.threads: given twice, first on line 2`},
		"table twice": {"[cpu]\n[log]\n[cpu]\n",
			`rig.toml:3:2: cpu: table given twice, first on line 1`},
		"table twice, dotted": {"cpu.threads = 1\n[cpu]\n",
			`rig.toml:2:2: cpu: table given twice, first by a dotted key`},
		"pools twice": {"pool = []\n[[pool]]\nurl = \"stratum+tcp://a:1\"\n",
			`rig.toml:2:3: pool: pools are already listed on line 1`},

		"syntax: no value": {"[cpu]\nthreads =\nkernel = \"auto\"\n",
			`rig.toml:2:10: cpu.threads: not valid TOML: unexpected character; expected a whole number from 0 to 4096`},
		"syntax: unquoted password": {"[[pool]]\nurl = \"stratum+tcp://a:1\"\npassword = zebra\n",
			`rig.toml:3:12: pool.password: not valid TOML: unexpected character; expected text in quotes`},
		"syntax: unquoted time": {"[run]\ntime = 20s\n",
			`rig.toml:2:10: run.time: not valid TOML: strings must be quoted; expected 0s or a time from 1ms to 87600h, like 90s, 1h30m or 1d, in quotes`},
		"syntax: header": {"[cpu\nthreads = 4\n[log]\nlevle = \"info\"\n",
			"rig.toml:1:5: not valid TOML: expected ']' to close table name\n" +
				`rig.toml:4:1: log.levle: unknown key; did you mean "level"?`},
		"syntax: Windows path": {"[log]\nfile = \"C:\\quarry.log\"\n",
			`rig.toml:2:11: log.file: not valid TOML: invalid escape character; expected \\ for a backslash, or single quotes around the text`},
		"syntax: end of file": {"[cpu]\nkernel = \"auto",
			`rig.toml:2:14: cpu.kernel: not valid TOML: unterminated basic string; expected text in quotes`},
		"columns count characters": {"cpu = { kernel = \"日本\", treads = 1 }\n",
			"rig.toml:1:18: cpu.kernel: no kernel \"日本\"\n" +
				`rig.toml:1:24: cpu.treads: unknown key; did you mean "threads"?`},
		"not UTF-8": {"[cpu]\n# \xff\n",
			`rig.toml:2:3: is not UTF-8 text; expected a TOML file saved as UTF-8`},
		"all in one go, in order": {"[log]\nlevel = 5\nfoo = \nfil = \"x\"\n[[pool]]\npasword = \"hunter2\"\n[cpu]\nthreads = \"a\"\n",
			"rig.toml:2:9: log.level: is a whole number; expected one of \"debug\", \"info\", \"warn\", \"error\"\n" +
				"rig.toml:3:7: log.foo: not valid TOML: unexpected character\n" +
				"rig.toml:4:1: log.fil: unknown key; did you mean \"file\"?\n" +
				"rig.toml:5:3: pool.url: the pool has no url; expected a line like url = \"stratum+tcp://pool.example.com:3333\"\n" +
				"rig.toml:6:1: pool.pasword: unknown key; did you mean \"password\"?\n" +
				"rig.toml:8:11: cpu.threads: is a string; expected a whole number from 0 to 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := loadText(t, tc.text, "QUARRY_USER=u")
			if got != tc.want {
				t.Errorf("file:\n%s\ngot  %s\nwant %s", tc.text, got, tc.want)
			}
			for _, secret := range []string{"hunter2", "271828", "zebra"} {
				if strings.Contains(got, secret) {
					t.Errorf("a fault shows the secret %q: %s", secret, got)
				}
			}
		})
	}
}

func TestPoolsAsAWhole(t *testing.T) {
	long := strings.Repeat("u", 300)
	for text, want := range map[string]string{
		"[[pool]]\nurl = \"stratum+tcp://a:1\"":              `rig.toml:1:3: pool.user: the pool "stratum+tcp://a:1" has no user; expected a line like user = "address.worker"`,
		"[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"\"": `rig.toml:3:8: pool.user: is empty; expected a line like user = "address.worker"`,
		"[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"" + long + "\"\n[cpu]\ntreads = 1": "rig.toml:2:7: pool: user or password is too long\n" +
			`rig.toml:5:1: cpu.treads: unknown key; did you mean "threads"?`,
	} {
		if _, got := loadText(t, text); got != want {
			t.Errorf("file:\n%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestFileForms(t *testing.T) {
	for name, text := range map[string]string{
		"headers":      "[cpu]\nthreads = 2\n[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = 'u'\n[[pool]]\nurl = \"stratum+tcp://b:1\"\nuser = 'v'\n",
		"dotted":       "cpu.threads = 0x2\n[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = 'u'\n[[pool]]\nurl = \"stratum+tcp://b:1\"\nuser = 'v'\n",
		"inline":       "cpu = {threads = 2}\npool = [{url = \"stratum+tcp://a:1\", user = \"u\"}, # one\n {url = \"stratum+tcp://b:1\", user = 'v'}]\n",
		"mark, CR LF":  "\ufeff[cpu]\r\nthreads = 2\r\n[[pool]]\r\nurl = \"stratum+tcp://a:1\"\r\nuser = \"\"\"u\"\"\"\r\n[[pool]]\r\nurl = \"stratum+tcp://b:1\"\r\nuser = 'v'\r\n",
		"no last line": "[cpu]\nthreads = 2\n[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\n[[ pool ]]\nurl = \"stratum+tcp://b:1\"\nuser = 'v'",
	} {
		t.Run(name, func(t *testing.T) {
			result, faults := loadText(t, text)
			if faults != "" {
				t.Fatal(faults)
			}
			c := result.Config
			if c.CPU.Threads != 2 || len(c.Pools) != 2 || c.Pools[0].User != "u" || c.Pools[1].URL != "stratum+tcp://b:1" || c.Pools[1].User != "v" {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestDifficultyKeepsItsDigits(t *testing.T) {
	for _, text := range []string{"0.0005", `"0.0005"`, "1024", "0.10000000000000000555111512312578270"} {
		result, faults := loadText(t, "[[pool]]\nurl = \"stratum+tcp://a:1\"\nuser = \"u\"\nsuggest_difficulty = "+text+"\n")
		if faults != "" {
			t.Fatal(faults)
		}
		if got := result.Config.Pools[0].SuggestDifficulty; got != strings.Trim(text, `"`) {
			t.Errorf("suggest_difficulty = %s gave %q", text, got)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"unknown keys":  strings.Repeat("a=1\n", 50000),
		"syntax errors": strings.Repeat("!\n", 100000),
		"pools":         strings.Repeat("[[pool]]\n", 25000),
		"brackets":      "a=" + strings.Repeat("[", 250000),
		"inline pools":  "pool=[" + strings.Repeat("{},", 75000) + "]",
		"inline values": "pool=[" + strings.Repeat("1,", 125000) + "]",
		"key parts":     "[" + strings.Repeat("a.", 125000) + "a]",
		"repeated key":  "[cpu]\n" + strings.Repeat("threads=1\n", 25000),
		"inline keys":   "cpu={" + strings.Repeat("a=1,", 50000) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := loadText(t, text)
			if n := strings.Count(faults, "\n") + 1; faults == "" || n > maxFaults+1 {
				t.Errorf("%d faults, want 1 to %d", n, maxFaults+1)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	big := write(t, dir, "big.toml", strings.Repeat("#\n", maxFile/2+1))
	for path, want := range map[string]string{
		filepath.Join(dir, "none.toml"): "no such file",
		dir:                             "is a directory, not a file",
		big:                             "is bigger than 1024 KiB",
	} {
		_, err := Load(Input{File: path})
		if err == nil || err.Error() != path+": "+want {
			t.Errorf("got %v, want %s: %s", err, path, want)
		}
	}
	if os.Getuid() <= 0 {
		t.Log("this user may read everything (or has no Unix permissions): permission fault not tried")
		return
	}
	closed := write(t, dir, "closed.toml", "")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Input{File: closed}); err == nil || !strings.Contains(err.Error(), "may not be read by this user") {
		t.Errorf("got %v for a file without permission", err)
	}
}

// TestOtherMinersFile: xmrig and cgminer have -c too, for JSON.
func TestOtherMinersFile(t *testing.T) {
	name := write(t, t.TempDir(), "config.json", " {\n\"url\": \"a:1\"}")
	_, err := Load(Input{File: name})
	if want := name + ": is JSON, as other miners have it; expected TOML, like what quarry config init prints"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"url", "user", "password", "password_file", "threads", "tls_ca"}
	for text, want := range map[string]string{
		"treads": "threads", "thraeds": "threads", "Threads": "threads", "uri": "url", "usr": "user",
		"username": "user", "pass": "password", "passwordfile": "password_file", "tls-ca": "tls_ca",
		"frequency": "", "x": "", strings.Repeat("a", 1000): "",
	} {
		if got := typed.Nearest(text, keys); got != want {
			t.Errorf("typed.Nearest(%.20q) = %q, want %q", text, got, want)
		}
	}
}

func TestCPUList(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "0": "0", "0-3,8": "0-3,8", "all": "", " ALL ": "", "8,0-3,2": "0-3,8", " 1 , 2 - 3 ": "1-3", "4095": "4095", "1,0": "0-1",
	} {
		list, err := ParseCPUList(text)
		if err != nil || list.String() != want {
			t.Errorf("ParseCPUList(%q) = %q, %v; want %q", text, list, err, want)
		}
	}
	for _, text := range []string{",", "0,", "-1", "1-", "4096", "0-99999999999", "0x1", "+1", "1-2-3", "a", "0,0", "1,2-3,1", "all,1"} {
		if list, err := ParseCPUList(text); err == nil {
			t.Errorf("ParseCPUList(%q) = %v, want an error", text, list)
		}
	}
}
