package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestHomeInEveryPath gives every setting that names a file a path with ~, in a file,
// in the environment and by flag: it means the home folder, or is refused.
func TestHomeInEveryPath(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	write(t, home, "x.txt", "one line\n")
	found := 0
	for _, s := range Settings() {
		if s.Kind != Path {
			continue
		}
		found++
		for text, want := range map[string]string{
			"~/x.txt":    filepath.Join(home, "x.txt"),
			"~":          "", // of a folder only log.file says so, by a check of cmd
			"~root/x":    "the home folder of another user is not looked up",
			"~nobody":    "or ./~nobody if the name begins with ~",
			"./~kept":    "", // of some settings: no such file
			"x/~/y/~.tx": "",
		} {
			for layer, in := range layersWith(t, s, text) {
				loaded, err := Load(in)
				switch {
				case filepath.IsAbs(want):
					if err != nil || !holds(reflect.ValueOf(loaded.Config), want) {
						t.Errorf("%s = %s by %s: %v, and %q is not in %+v", s.Name(), text, layer, err, want, loaded)
					}
				case want != "":
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s = %s by %s: %v, want %q", s.Name(), text, layer, err, want)
					}
				case err != nil && strings.Contains(err.Error(), "another user"):
					t.Errorf("%s = %s by %s: %v", s.Name(), text, layer, err)
				}
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d settings name files", found)
	}
}

// layersWith returns inputs that set s in a file, in the environment or by flag.
func layersWith(t *testing.T, s Setting, text string) map[string]Input {
	pool := map[string][]string{}
	header := "[" + s.Table + "]"
	if s.Repeated {
		header = "[[" + s.Table + "]]\nurl = 'stratum+ssl://a:1'\nuser = 'u'\nproxy = 'socks5://p:1'\nproxy_user = 'v'"
		pool = map[string][]string{"url": {"stratum+ssl://a:1"}, "user": {"u"}, "proxy": {"socks5://p:1"}, "proxy-user": {"v"}}
	}
	flags := map[string][]string{s.Flag: {text}}
	for name, values := range pool {
		flags[name] = values
	}
	return map[string]Input{
		"file": {File: write(t, t.TempDir(), "rig.toml", header+"\n"+s.Key+" = '"+text+"'\n")},
		"env":  {SearchPaths: []string{}, Environ: []string{s.Env + "=" + text}, Flags: pool},
		"flag": {SearchPaths: []string{}, Flags: flags},
	}
}

// holds reports whether text is a string in v.
func holds(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.String:
		return v.String() == text
	case reflect.Struct:
		for i := range v.NumField() {
			if holds(v.Field(i), text) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if holds(v.Index(i), text) {
				return true
			}
		}
	}
	return false
}

// TestHomeOfTheFile: the configuration file itself may be in the home folder, and
// without a home there is a clear error.
func TestHomeOfTheFile(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	write(t, home, "rig.toml", "[cpu]\nthreads = 3\n")
	for _, in := range []Input{{File: "~/rig.toml"}, {Environ: []string{"QUARRY_CONFIG=~/rig.toml"}}} {
		if loaded, err := Load(in); err != nil || loaded.Config.CPU.Threads != 3 || loaded.File != filepath.Join(home, "rig.toml") {
			t.Errorf("%+v: %+v, %v", in, loaded, err)
		}
	}
	if _, err := Load(Input{File: "~someone/rig.toml"}); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("the home of another: %v", err)
	}
	for _, name := range []string{"HOME", "USERPROFILE"} {
		os.Unsetenv(name)
	}
	if _, err := Load(Input{File: "~/rig.toml"}); err == nil || !strings.Contains(err.Error(), "HOME is not set") {
		t.Errorf("without a home: %v", err)
	}
}

// TestWordsForFiles: auto and none are no file names, in a configuration file either.
func TestWordsForFiles(t *testing.T) {
	for _, word := range []string{"auto", "none"} {
		loaded, err := Load(Input{File: write(t, t.TempDir(), "rig.toml", "[run]\nstate = '"+word+"'\n")})
		if err != nil || loaded.Config.Run.State != word {
			t.Errorf("%s: %+v, %v", word, loaded, err)
		}
	}
}
