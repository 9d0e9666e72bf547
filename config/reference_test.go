package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func updateReference(t *testing.T) bool {
	t.Helper()
	return os.Getenv("QUARRY_UPDATE_REFERENCE") != ""
}

func TestReferenceFileIsUpToDate(t *testing.T) {
	if updateReference(t) {
		if err := os.WriteFile("reference.toml", []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile("reference.toml")
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != Reference() {
		t.Error("reference.toml differs from Reference(); run: QUARRY_UPDATE_REFERENCE=1 go test ./config")
	}
}

// TestPrintedFilesAreValid loads them as they are, and with every commented
// setting uncommented.
func TestPrintedFilesAreValid(t *testing.T) {
	setting := regexp.MustCompile(`(?m)^#(\[|[a-z_]+ = )`)
	for name, text := range map[string]string{"init": Sample(), "reference": Reference()} {
		result, faults := loadText(t, text)
		if faults != "" {
			t.Errorf("%s is not valid: %s", name, faults)
		} else if len(result.Config.Pools) != 0 {
			t.Errorf("%s names a pool before its owner has", name)
		}
		result, faults = loadText(t, setting.ReplaceAllString(text, "$1"))
		if faults != "" {
			t.Errorf("%s with all comments taken in is not valid: %s", name, faults)
		} else if len(result.Config.Pools) != 1 || result.Config.Pools[0].URL == "" {
			t.Errorf("%s with all comments taken in has pools %v", name, result.Config.Pools)
		}
	}
}

func TestReferenceHasEverySetting(t *testing.T) {
	text := Reference()
	for _, s := range Settings() {
		if !regexp.MustCompile(`(?m)^#?` + s.Key + ` = `).MatchString(text) {
			t.Errorf("no line for %s", s.Name())
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 100 {
			t.Errorf("line of %d characters: %s", len(line), line)
		}
	}
}

// TestTable checks the table's own rules.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	once := func(what, name string) {
		if seen[what+name] {
			t.Errorf("%s %s is there twice", what, name)
		}
		seen[what+name] = true
	}
	for _, s := range Settings() {
		once("key ", s.Name())
		once("variable ", s.Env)
		for _, name := range append([]string{s.Flag}, s.Aliases...) {
			once("flag ", name)
		}
		if s.Table == "" || s.Category == "" || !strings.HasPrefix(s.Env, "QUARRY_") || s.Doc == "" {
			t.Errorf("%s: table, variable or text is wrong", s.Name())
		}
		if s.Kind == SecretText && s.Flag != "" && s.Prompt == "" {
			t.Errorf("%s: a terminal user would see no prompt for --%s -", s.Name(), s.Flag)
		}
		for _, text := range []string{s.Default, s.Example} {
			if _, problem := parse(s, text); problem != "" && text != "" {
				t.Errorf("%s: %q: %s", s.Name(), text, problem)
			}
		}
	}
}
