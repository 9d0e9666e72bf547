package screen

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

// TestFit: what goes on is below the last column, and what is to be copied in one
// piece.
func TestFit(t *testing.T) {
	pin := "sha256:" + strings.Repeat("0123456789abcdef", 2)
	for _, c := range []struct{ name, text, want string }{
		{"short", "tcp         ok    a:1\n", "tcp         ok    a:1\n"},
		{"step", "tcp         ok    one two three four five six seven\n",
			"tcp         ok    one two three four\n                  five six seven\n"},
		{"advice", "                  -> one two three four five six\n",
			"                  -> one two three four\n                     five six\n"},
		{"text", "quarry: one two three four five six seven eight\n", "quarry: one two three four five six\n  seven eight\n"},
		{"list", "  line 3: one two three four five six seven\n", "  line 3: one two three four five six\n    seven\n"},
		{"paste", "tls         FAIL  pin it: " + pin + " now\n", "tls         FAIL  pin it:\n" + pin + "\n                  now\n"},
		{"too long", "x " + pin + pin[7:] + "\n", "x\n  " + pin[:38] + "\n  " + pin[38:] + pin[7:] + "\n"},
		{"control", "a\x1b[2Jb\n", "a?[2Jb\n"},
		{"not ASCII", "   \u00e4\u00f6\u00fc         ok    one two three four five\n", "   \u00e4\u00f6\u00fc         ok    one two three four\n                     five\n"},
	} {
		terminal := New(nil, func() int { return 41 }, false)
		got := terminal.fit(c.text)
		if got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
		for line := range strings.Lines(got) {
			if textWidth(strings.TrimSuffix(line, "\n")) > 40 {
				t.Errorf("%s: too wide: %q", c.name, line)
			}
		}
	}
}

// TestFitIsForTerminals: programs read long lines.
func TestFitIsForTerminals(t *testing.T) {
	var file bytes.Buffer
	long := strings.Repeat("word  ", 100) + "\n"
	if _, err := Fit(&file).Write([]byte(long)); err != nil || file.String() != long || FitText(&file, long) != long {
		t.Errorf("%q, %v", file.String(), err)
	}
	var shown bytes.Buffer
	terminal := New(zapcore.AddSync(&shown), func() int { return 0 }, false)
	if n, err := terminal.Write([]byte(long)); n != len(long) || err != nil || strings.Count(shown.String(), "\n") < 7 {
		t.Errorf("%d, %v: %q", n, err, shown.String())
	}
}
