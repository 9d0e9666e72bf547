//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package keys

import "testing"

// TestSingle: keys that send more than one byte are none of ours, and do not swallow
// others.
func TestSingle(t *testing.T) {
	for typed, want := range map[string]string{
		"s": "s", "sp": "sp", "\x1b[A": "", "\x1b[Aq": "q", "s\x1b[3~p": "sp", "\x1bOPh": "h", "\x1b": "", "\x1bq": "", "\x1b[1;5C?": "?", "\x1b[": "", "": "",
	} {
		if got := string(single([]byte(typed))); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
