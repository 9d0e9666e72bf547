package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// FuzzTOML: whatever a file holds, reading it gives values or faults with a position
// inside the file, and never accepts what is not TOML.
func FuzzTOML(f *testing.F) {
	for _, text := range []string{
		"", Sample(), Reference(), strings.ReplaceAll(Reference(), "\n#", "\n"), "\ufeff[cpu]\r\nthreads = 1\r\n",
		"cpu = {threads = 1, cpus = \"0-3\"}\npool = [{url = \"stratum+tcp://a:1\"}, {}]\n",
		"cpu.threads = 1\n[cpu]\n", "[cpu]\nthreads = 1\nthreads = 2", "[[cpu]]\n[pool]\n[pool.x]\n[[pool.url]]\n",
		"[cpu\nthreads = \n[[log]\nfile='''", "[log]\nlevel = 1\nfile = [1, [2, {a = 3}]]\n", "a.b.c = 1\n\"\" = 2\n'x y'.z = 3\n",
		"[run]\ntime = 1979-05-27T07:32:00Z\nshares = 0xffffffffffffffffff\n", "[[pool]]\nsuggest_difficulty = 1e400\n\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := checker{schema: newSchema(&Config{}), collector: &collector{}}
		readTOML(c, "rig.toml", data)
		err := c.err()
		var faults Faults
		if !errors.As(err, &faults) {
			var into any
			if err := toml.Unmarshal(data, &into); err != nil {
				t.Fatalf("accepted what is not TOML: %v", err)
			}
			return
		}
		lines := strings.Split(string(data), "\n")
		for _, fault := range faults {
			more := strings.HasPrefix(fault.Problem, "and more")
			if !more && (fault.Line < 1 || fault.Line > len(lines) || fault.Col < 1 || fault.Col > len(lines[fault.Line-1])+1) {
				t.Fatalf("position outside the file: %v", fault)
			}
			if strings.ContainsAny(fault.Error(), "\n\r\x1b\x00") {
				t.Fatalf("foreign control characters in %q", fault.Error())
			}
		}
	})
}

// FuzzText: every setting reads every text from environment and flags without
// a panic, and what it accepts it reads back the same from a file.
func FuzzText(f *testing.F) {
	for _, s := range Settings() {
		f.Add(s.Default)
		f.Add(s.Example)
	}
	for _, text := range []string{"0-4095,1", "99999999999999999999", "-0s", "9223372036854775807ns", "\x00", "é\u0085", `a"b\c`, "true"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range Settings() {
			v, problem := parse(s, text)
			if problem != "" {
				continue
			}
			if again, problem := parse(s, v.text); problem != "" || again.text != v.text {
				t.Fatalf("%s: %q became %q, and that %q (%s)", s.Name(), text, v.text, again.text, problem)
			}
			table := "[" + s.Table + "]\n"
			if s.Table == "pool" {
				table = "[[pool]]\n"
			}
			if s.Kind == Path || credentials(s, text) != "" {
				continue
			}
			c := checker{schema: newSchema(&Config{}), collector: &collector{}}
			out := readTOML(c, "rig.toml", []byte(table+s.Key+" = "+s.toml(v.text)+"\n"))
			if err := c.err(); err != nil {
				t.Fatalf("%s: %q as TOML: %v", s.Name(), v.text, err)
			}
			if got := out.one(s.Table).items[s.Key]; got.text != v.text {
				t.Fatalf("%s: %q came back as %q", s.Name(), v.text, got.text)
			}
		}
	})
}
