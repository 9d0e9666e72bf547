package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	result, err := Load(Input{SearchPaths: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Strategy: Strategy{Use: "failover", Failback: 2 * time.Minute, Turn: time.Minute},
		CPU:      CPU{Priority: "low", Kernel: "auto"},
		Log:      Log{Level: "info", Format: "auto", FileFormat: "auto", FileLevel: "auto", MaxSize: 10, MaxFiles: 3},
		Run:      Run{Retry: true, State: "auto", Keys: true},
	}
	if !reflect.DeepEqual(result.Config, want) {
		t.Errorf("got  %+v\nwant %+v", result.Config, want)
	}
	if result.File != "" || len(result.Warnings) > 0 {
		t.Errorf("file %q, warnings %v, want none", result.File, result.Warnings)
	}
}

// TestPrecedence sets one setting in more and more layers.
func TestPrecedence(t *testing.T) {
	file := write(t, t.TempDir(), "rig.toml", "[cpu]\n  threads = 1\n")
	in := Input{SearchPaths: []string{}}
	for _, tc := range []struct {
		add     func()
		threads int
		want    Origin
	}{
		{func() {}, 0, Origin{Kind: "default"}},
		{func() { in.File = file }, 1, Origin{"file", file + ":2:3"}},
		{func() { in.Environ = []string{"QUARRY_THREADS=2"} }, 2, Origin{"env", "QUARRY_THREADS"}},
		{func() { in.Flags = map[string][]string{"threads": {"3"}} }, 3, Origin{"flag", "--threads"}},
	} {
		tc.add()
		result, err := Load(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Origins["cpu.threads"]; result.Config.CPU.Threads != tc.threads || got != tc.want {
			t.Errorf("threads %d from %v, want %d from %v", result.Config.CPU.Threads, got, tc.threads, tc.want)
		}
	}
}

// TestEverySettingArrives gives each setting its own value in each layer, and
// checks that the Config changes: every row of the table has an effect.
func TestEverySettingArrives(t *testing.T) {
	values := map[string]string{
		"pool.url": "stratum+ssl://b:2", "pool.user": "u", "pool.password": "secret", "pool.tls_pin": "sha256:00",
		"pool.tls_insecure": "true", "pool.version_rolling": "false", "pool.extranonce_subscribe": "true", "pool.suggest_difficulty": "0.5",
		"pool.password_file": write(t, t.TempDir(), "pw", "other\n"), "pool.tls_ca": write(t, t.TempDir(), "ca.pem", "pem"),
		"pool.proxy": "socks5://p:1", "pool.proxy_user": "someone", "pool.proxy_password": "secret",
		"pool.proxy_password_file": write(t, t.TempDir(), "pw", "third\n"),
		"cpu.threads":              "2", "cpu.cpus": "1,2", "cpu.priority": "idle", "cpu.kernel": "generic",
		"log.level": "debug", "log.format": "json", "log.file": "q.log", "log.max_size": "7", "log.max_files": "8",
		"log.file_format": "json", "log.file_level": "debug",
		"pool.quota": "100", "strategy.use": "round-robin", "strategy.failback": "5m", "strategy.turn": "30s", "strategy.submit_stale": "true",
		"log.status_interval": "9s", "run.shares": "5", "run.time": "6s", "run.retry": "false", "run.state": "/tmp/s.json", "run.keys": "false", "rig.name": "shelf-3",
	}
	for _, s := range Settings() {
		text, known := values[s.Name()]
		if !known {
			t.Errorf("the test has no value for %s", s.Name())
			continue
		}
		base := map[string][]string{}
		if s.Table == "pool" {
			base["url"] = []string{"stratum+ssl://a:1"}
			base["user"] = []string{"someone"}
		}
		behind := strings.HasPrefix(s.Key, "proxy_") // nothing without a proxy
		if behind {
			base["proxy"] = []string{"socks5://p:1"}
		}
		plain, err := Load(Input{SearchPaths: []string{}, Flags: base})
		if err != nil {
			t.Fatal(err)
		}
		flags := maps.Clone(base)
		flags[s.Flag] = []string{text}
		if s.Inverted {
			flags[s.Flag] = []string{"true"}
		}
		file := "[" + s.Table + "]\n"
		if s.Table == "pool" {
			file = "[[pool]]\n"
			if s.Key != "url" {
				file += "url = \"stratum+ssl://a:1\"\n"
			}
			if s.Key != "user" {
				file += "user = \"someone\"\n"
			}
			if behind {
				file += "proxy = \"socks5://p:1\"\n"
			}
		}
		if s.Key == "user" {
			delete(base, "user") // the flag would override it
		}
		inputs := map[string]Input{
			"flag": {SearchPaths: []string{}, Flags: flags},
			"env":  {SearchPaths: []string{}, Flags: base, Environ: []string{s.Env + "=" + text}},
			"file": {File: write(t, t.TempDir(), "f.toml", file+s.Key+" = "+s.toml(text)+"\n")},
		}
		if s.Name() == "pool.url" {
			inputs["env"] = Input{SearchPaths: []string{}, Environ: []string{s.Env + "=" + text, "QUARRY_USER=someone"}}
		}
		for kind, in := range inputs {
			if s.Key == "quota" { // nothing without its strategy
				in.Environ = append(in.Environ, "QUARRY_STRATEGY=balance")
			}
			result, err := Load(in)
			if err != nil {
				t.Errorf("%s by %s: %v", s.Name(), kind, err)
				continue
			}
			name := strings.Replace(s.Name(), "pool.", "pool[0].", 1)
			if reflect.DeepEqual(result.Config, plain.Config) || result.Origins[name].Kind != kind {
				t.Errorf("%s by %s: origin %v, config %+v", s.Name(), kind, result.Origins[name], result.Config)
			}
		}
	}
}

func TestQuotas(t *testing.T) {
	type flags = map[string][]string
	two := flags{"url": {"a:1", "b:1"}, "user": {"u"}}
	for name, tc := range map[string]struct {
		flags flags
		want  string // error, or the quotas
	}{
		"sum up":         {flags{"strategy": {"balance"}, "quota": {"70", "30"}}, "70 30"},
		"with a spare":   {flags{"strategy": {"balance"}, "quota": {"100", "0"}}, "100 0"},
		"too little":     {flags{"strategy": {"balance"}, "quota": {"70", "20"}}, "--quota: the quotas of the pools add up to 90, not 100"},
		"one for all":    {flags{"strategy": {"balance"}, "quota": {"50"}}, "50 50"},
		"none":           {flags{"strategy": {"balance"}}, "--strategy: balance needs the pools' quotas"},
		"of no effect":   {flags{"quota": {"70", "30"}}, "--quota: has no effect with the strategy"},
		"not a percent":  {flags{"strategy": {"balance"}, "quota": {"700", "-600"}}, "a whole number from 0 to 100"},
		"other strategy": {flags{"strategy": {"best"}}, "round-robin"},
	} {
		given := maps.Clone(two)
		maps.Copy(given, tc.flags)
		result, err := Load(Input{SearchPaths: []string{}, Flags: given})
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(result.Config.Pools[0].Quota, result.Config.Pools[1].Quota)
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestPoolsFromFlags(t *testing.T) {
	type flags = map[string][]string
	const a, b = "stratum+tcp://a:1", "stratum+ssl://b:2"
	filePools := "[[pool]]\nurl = \"stratum+tcp://f:1\"\nuser = \"fu\"\npassword = \"fp\"\n[[pool]]\nurl = \"stratum+tcp://g:1\"\nuser = \"gu\"\n"
	for name, tc := range map[string]struct {
		file  string
		env   []string
		flags flags
		want  string // url user password; …
	}{
		"none":                 {want: ""},
		"pairwise":             {flags: flags{"url": {a, b}, "user": {"u", "v"}, "pass": {"p", "q"}}, want: a + " u p; " + b + " v q"},
		"one user for all":     {flags: flags{"url": {a, b}, "user": {"u"}}, want: a + " u x; " + b + " u x"},
		"one password for all": {flags: flags{"url": {a, b}, "user": {"u", "v"}, "pass": {"p"}}, want: a + " u p; " + b + " v p"},
		"file":                 {file: filePools, want: "stratum+tcp://f:1 fu fp; stratum+tcp://g:1 gu x"},
		"env for file":         {file: filePools, env: []string{"QUARRY_USER=eu"}, want: "stratum+tcp://f:1 eu fp; stratum+tcp://g:1 eu x"},
		"env replaces file":    {file: filePools, env: []string{"QUARRY_URL=" + a, "QUARRY_USER=eu"}, want: a + " eu x"},
		"flags replace file":   {file: filePools, flags: flags{"url": {b}, "user": {"u"}}, want: b + " u x"},
		"password of env":      {env: []string{"QUARRY_PASS=ep"}, flags: flags{"url": {a}, "user": {"u"}}, want: a + " u ep"},
		"flag over env":        {env: []string{"QUARRY_PASS=ep"}, flags: flags{"url": {a}, "user": {"u"}, "pass": {"p"}}, want: a + " u p"},
		"env's pool keeps its password": {env: []string{"QUARRY_URL=" + a, "QUARRY_PASS=ep"}, flags: flags{"url": {b}, "user": {"u"}},
			want: b + " u x"},
		"flag for env's pool":   {env: []string{"QUARRY_URL=" + a, "QUARRY_PASS=ep"}, flags: flags{"user": {"u"}}, want: a + " u ep"},
		"flag for file's pools": {file: filePools, flags: flags{"user": {"u", "v"}}, want: "stratum+tcp://f:1 u fp; stratum+tcp://g:1 v x"},
		"empty password":        {flags: flags{"url": {a}, "user": {"u"}, "pass": {""}}, want: a + " u "},
		"comma in password":     {flags: flags{"url": {a}, "user": {"u"}, "pass": {"d=1,x"}}, want: a + " u d=1,x"},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{SearchPaths: []string{}, Environ: tc.env, Flags: tc.flags, Checks: testChecks(), CheckPool: testPool}
			if tc.file != "" {
				in.File = write(t, t.TempDir(), "rig.toml", tc.file)
			}
			result, err := Load(in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range result.Config.Pools {
				got = append(got, p.URL+" "+p.User+" "+p.Password.Reveal())
			}
			if text := strings.Join(got, "; "); text != tc.want {
				t.Errorf("got  %s\nwant %s", text, tc.want)
			}
		})
	}
}

func TestOneTLSFlagForMixedPools(t *testing.T) {
	result, err := Load(Input{SearchPaths: []string{}, Flags: map[string][]string{
		"url": {"stratum+tcp://a:1", "stratum+ssl://b:2"}, "user": {"u"}, "tls-insecure": {"true"}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := result.Config.Pools; p[0].TLSInsecure || !p[1].TLSInsecure {
		t.Errorf("got %+v, want tls_insecure for the TLS pool only", p)
	}
}

func TestEnvironmentAndFlagFaults(t *testing.T) {
	pool := []string{"stratum+tcp://a:1"}
	for name, tc := range map[string]struct {
		env   []string
		flags map[string][]string
		want  string
	}{
		"env":             {env: []string{"QUARRY_THREADS=four"}, want: `QUARRY_THREADS: "four" is not allowed; expected a whole number from 0 to 4096`},
		"env bool":        {env: []string{"QUARRY_RETRY=maybe"}, want: `QUARRY_RETRY: "maybe" is not allowed; expected true or false`},
		"env, injected":   {env: []string{"QUARRY_URL=a:1", "QUARRY_USER=u"}, want: `QUARRY_URL: the url has no scheme quarry knows`},
		"env credentials": {env: []string{"QUARRY_URL=stratum+tcp://bob:hunter2@a:1", "QUARRY_USER=u"}, want: `QUARRY_URL: user and password do not go into the url; give them with user and password (--user, --pass)`},
		"flag":            {flags: map[string][]string{"threads": {"1.5"}}, want: `--threads: "1.5" is not allowed; expected a whole number from 0 to 4096`},
		"flag choice":     {flags: map[string][]string{"log-level": {"dbug"}}, want: `--log-level: "dbug" is not allowed; expected one of "debug", "info", "warn", "error"; did you mean "debug"?`},
		"flag time":       {flags: map[string][]string{"time": {"30"}}, want: `--time: "30" is not allowed; expected 0s or a time from 1ms to 87600h, like 90s, 1h30m or 1d; did you mean "30s"?`},
		"flag, injected":  {flags: map[string][]string{"cpus": {"64"}}, want: `--cpus: this machine has CPUs 0-3 only`},
		"user, no pool":   {flags: map[string][]string{"user": {"u"}}, want: `--user: given without a pool; name the pool with --url`},
		"users and pools": {flags: map[string][]string{"url": {"stratum+tcp://a:1", "stratum+tcp://b:1", "stratum+tcp://c:1"}, "user": {"u", "v"}}, want: `--user: given 2 times for 3 pool(s); give it once for all, or once for each`},
		"same pool twice": {flags: map[string][]string{"url": {pool[0], pool[0]}, "user": {"u"}}, want: `--url: two pools with one url and user, "stratum+tcp://a:1", the first at --url`},
		"password twice":  {flags: map[string][]string{"url": pool, "user": {"u"}, "pass": {"hunter2"}, "password-file": {"/none/pw"}}, want: "--password-file: given together with password; give only one of them\n--password-file: \"/none/pw\" no such file"},
		"bad password":    {env: []string{"QUARRY_PASS=hunter2\a"}, flags: map[string][]string{"url": pool, "user": {"u"}}, want: `QUARRY_PASS: holds a control character; expected text`},
		"env, then flags": {env: []string{"QUARRY_SHARES=-1"}, flags: map[string][]string{"cpus": {"a"}}, want: "QUARRY_SHARES: \"-1\" is not allowed; expected a whole number from 0 to 1000000000000000\n--cpus: \"a\" is not a CPU number or range from 0 to 4095; expected a CPU list like 0-3,8"},
		"no user":         {flags: map[string][]string{"url": pool}, want: `--url: the pool "stratum+tcp://a:1" has no user; expected one by --user or QUARRY_USER`},
		"empty user":      {flags: map[string][]string{"url": pool, "user": {""}}, want: `--user: is empty; expected one by --user or QUARRY_USER`},
		"long user":       {flags: map[string][]string{"url": pool, "user": {strings.Repeat("u", 300)}}, want: `--url: user or password is too long`},
		"pin and ca": {flags: map[string][]string{"url": {"stratum+ssl://a:1"}, "user": {"u"}, "tls-pin": {"sha256:00"}, "tls-ca": {os.DevNull}},
			want: "--tls-pin: excludes tls_ca: a pinned certificate is not verified by an authority; drop one of them\n--tls-ca: \"" + os.DevNull + "\" is not a regular file"},
		"log file":         {flags: map[string][]string{"log-file": {"/none/such/q.log"}}, want: `--log-file: no folder for /none/such/q.log`},
		"range":            {flags: map[string][]string{"cpus": {"0,5-"}}, want: `--cpus: "5-" is not a CPU number or range from 0 to 4095; expected a CPU list like 0-3,8`},
		"threads and cpus": {env: []string{"QUARRY_CPUS=0-1"}, flags: map[string][]string{"threads": {"3"}}, want: `--threads: 3 threads are more than the CPUs of cpus, "0-1" from QUARRY_CPUS`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Input{SearchPaths: []string{}, Environ: tc.env, Flags: tc.flags, Checks: testChecks(), CheckPool: testPool})
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Errorf("a fault shows a secret: %v", err)
			}
		})
	}
}

func TestEnvironmentWarnings(t *testing.T) {
	result, err := Load(Input{SearchPaths: []string{}, Environ: []string{"QUARRY_PASS=hunter2", "QUARRY_IMAGE=hunter2", "QUARRY_USER=", "HOME=/"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"environment variable QUARRY_IMAGE is not a setting of quarry, and is not used",
		"QUARRY_PASS is set, but no pool is configured that it could belong to",
	}
	if !reflect.DeepEqual(result.Warnings, want) {
		t.Errorf("got %q, want %q", result.Warnings, want)
	}
}

func TestWhichFileIsRead(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.toml"), write(t, dir, "second.toml", "[cpu]\nthreads = 2\n")
	third := write(t, dir, "third.toml", "[cpu]\nthreads = 3\n")
	search := []string{first, filepath.Join(second, "below-a-file"), second, third}
	for name, tc := range map[string]struct {
		in   Input
		file string
	}{
		"first that exists": {Input{SearchPaths: search}, second},
		"named by variable": {Input{SearchPaths: search, Environ: []string{"QUARRY_CONFIG=" + third}}, third},
		"named":             {Input{SearchPaths: search, Environ: []string{"QUARRY_CONFIG=" + first}, File: third}, third},
		"none":              {Input{SearchPaths: search[:1]}, ""},
	} {
		result, err := Load(tc.in)
		if err != nil {
			t.Fatal(err)
		}
		if result.File != tc.file {
			t.Errorf("%s: read %q, want %q", name, result.File, tc.file)
		}
	}
	if _, err := Load(Input{File: first, SearchPaths: search}); err == nil {
		t.Error("a named file that is missing was passed over")
	}
}

func TestSearchPaths(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the paths below are written with slashes; this system joins with backslashes")
	}
	for _, tc := range []struct {
		goos string
		env  map[string]string
		want string
	}{
		{"linux", map[string]string{"HOME": "/home/u"}, "/home/u/.config/quarry/config.toml /etc/quarry/config.toml"},
		{"linux", map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "/x"}, "/x/quarry/config.toml /etc/quarry/config.toml"},
		{"linux", map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "rel"}, "/home/u/.config/quarry/config.toml /etc/quarry/config.toml"},
		{"linux", nil, "/etc/quarry/config.toml"},
		{"freebsd", nil, "/usr/local/etc/quarry/config.toml /etc/quarry/config.toml"},
		{"darwin", map[string]string{"HOME": "/Users/u"}, "/Users/u/Library/Application Support/quarry/config.toml /Library/Application Support/quarry/config.toml"},
		{"windows", map[string]string{"AppData": "C:/Users/u/AppData/Roaming", "ProgramData": "C:/ProgramData"}, "C:/Users/u/AppData/Roaming/quarry/config.toml C:/ProgramData/quarry/config.toml"},
	} {
		got := SearchPaths(tc.goos, func(name string) (string, bool) { text, set := tc.env[name]; return text, set })
		if text := strings.Join(got, " "); text != tc.want {
			t.Errorf("%s %v:\ngot  %s\nwant %s", tc.goos, tc.env, text, tc.want)
		}
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "pw", "secret\r\n")
	write(t, dir, "ca.pem", "pem")
	file := write(t, dir, "rig.toml", "[[pool]]\nurl = \"stratum+ssl://a:1\"\nuser = \"u\"\npassword_file = \"pw\"\ntls_ca = \"ca.pem\"\n[log]\nfile = \"q.log\"\n")
	result, err := Load(Input{File: file})
	if err != nil {
		t.Fatal(err)
	}
	p := result.Config.Pools[0]
	if p.Password.Reveal() != "secret" || p.TLSCA != filepath.Join(dir, "ca.pem") || result.Config.Log.File != filepath.Join(dir, "q.log") {
		t.Errorf("got %+v and %+v", p, result.Config.Log)
	}
	if got := result.Origins["pool[0].password"].Where; got != file+":4:1" {
		t.Errorf("the password comes from %q", got)
	}
}

func TestTimes(t *testing.T) {
	result, err := Load(Input{SearchPaths: []string{}, Flags: map[string][]string{"time": {"1h30m"}, "status-interval": {"90s"}}})
	if err != nil {
		t.Fatal(err)
	}
	if result.Config.Run.Time != 90*time.Minute || result.Config.Log.StatusInterval != 90*time.Second {
		t.Errorf("got %v and %v", result.Config.Run.Time, result.Config.Log.StatusInterval)
	}
	if !strings.Contains(result.Show(), `time = "1h30m"`) || !strings.Contains(result.Show(), `status_interval = "1m30s"`) {
		t.Errorf("shown as\n%s", result.Show())
	}
}
