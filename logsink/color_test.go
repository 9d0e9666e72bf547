package logsink

import (
	"bytes"
	"os"
	"runtime"
	"testing"
)

// TestShowsColor: what a person demands or forbids counts before what the output is.
func TestShowsColor(t *testing.T) {
	terminal := openTerminal(t)
	yes, no := func(*os.File) bool { return true }, func(*os.File) bool { return false }
	for _, c := range []struct {
		name     string
		env      map[string]string
		takes    func(*os.File) bool
		terminal bool // whether a terminal has colors
		pipe     bool
	}{
		{"nothing set", nil, yes, true, false},
		{"an old console", nil, no, false, false},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, yes, false, false},
		{"NO_COLOR before all", map[string]string{"NO_COLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}, yes, false, false},
		{"NO_COLOR that is empty", map[string]string{"NO_COLOR": ""}, yes, true, false},
		{"dumb", map[string]string{"TERM": "dumb"}, yes, false, false},
		{"CLICOLOR off", map[string]string{"CLICOLOR": "0"}, yes, false, false},
		{"CLICOLOR on", map[string]string{"CLICOLOR": "1"}, yes, true, false},
		{"forced", map[string]string{"FORCE_COLOR": "1", "TERM": "dumb"}, no, true, true},
		{"forced with a level", map[string]string{"FORCE_COLOR": "3"}, yes, true, true},
		{"forced the other way", map[string]string{"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, yes, true, true},
		{"not forced", map[string]string{"FORCE_COLOR": "0", "CLICOLOR_FORCE": "0"}, yes, true, false},
	} {
		env := func(name string) string { return c.env[name] }
		if got := showsColor(&bytes.Buffer{}, env, c.takes); got != c.pipe {
			t.Errorf("%s: a pipe has colors: %v", c.name, got)
		}
		if terminal == nil {
			continue
		}
		if got := showsColor(terminal, env, c.takes); got != c.terminal {
			t.Errorf("%s: a terminal has colors: %v", c.name, got)
		}
	}
}

// openTerminal returns a terminal, or nil where there is none.
func openTerminal(t *testing.T) *os.File {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil
	}
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Logf("without a terminal: %v", err)
		return nil
	}
	t.Cleanup(func() { file.Close() })
	return file
}
