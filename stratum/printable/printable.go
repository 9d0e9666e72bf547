// Package printable makes texts of a pool safe to print and to log.
package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how much of a pool's text is kept, in characters.
const MaxText = 200

// Sanitize makes a pool's text safe to print: no control characters (so no
// terminal escapes either), nothing invisible, at most 200 characters.
func Sanitize(text string) string {
	if len(text) > 4*utf8.UTFMax*MaxText {
		text = text[:4*utf8.UTFMax*MaxText]
	}
	text = Visible(text)
	kept := 0
	for at := range text {
		if kept++; kept > MaxText {
			text = text[:at]
			break
		}
	}
	return strings.Clone(strings.TrimSpace(text)) // a substring would keep the whole in memory
}

// Visible is the text without invisible characters; line ends and tabs, which
// separate words, become blanks.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, text)
}
