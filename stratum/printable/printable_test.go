package printable

import (
	"strings"
	"testing"
)

func TestSanitize(t *testing.T) {
	for text, want := range map[string]string{
		"hello": "hello", "a\x1b[31mred\x07\r\n": "a[31mred", " x ": "x", "\u202eevil\u200b": "evil", "": "", "ä😀": "ä😀", "\xff": "",
		strings.Repeat("é", 1<<20): strings.Repeat("é", 200),
	} {
		if got := Sanitize(text); got != want {
			t.Errorf("%.40q: %.40q", text, got)
		}
	}
}
