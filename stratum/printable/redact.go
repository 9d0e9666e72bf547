package printable

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
)

// Redactor removes a secret from a pool's texts. Pools echo what they reject, as
// we sent it: in JSON, so the secret may be there plain or escaped in
// any of JSON's ways, once or more often.
//
// It must see a text before the text is truncated: half a secret is secret, too.
type Redactor struct{ pattern *regexp.Regexp }

// MinSecret is the shortest password that is removed, in bytes: "x", which
// most pools want, is no secret and is in every text.
const MinSecret = 3

// NewRedactor returns the redactor of the secret; one that is too short to be secret
// stays.
func NewRedactor(secret string) Redactor {
	if len(secret) < MinSecret {
		return Redactor{}
	}
	var b strings.Builder
	for _, r := range secret {
		b.WriteString(`(?:\\*` + regexp.QuoteMeta(string(r)) + `|\\+u` + escaped(r))
		switch i := strings.IndexRune("\b\f\n\r\t", r); {
		case i >= 0:
			b.WriteString(`|\\+` + "bfnrt"[i:i+1])
		case r == '\\':
			b.WriteString(`|\\+`)
		}
		b.WriteString(`)`)
	}
	return Redactor{regexp.MustCompile(b.String())}
}

// escaped is a pattern for what follows \u in the JSON escape of r.
func escaped(r rune) string {
	if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
		return fmt.Sprintf(`(?i:%04x)\\+u(?i:%04x)`, high, low)
	}
	return fmt.Sprintf(`(?i:%04x)`, r)
}

// Replace returns the text without the secret. It also drops invisible characters: they may have split a secret that
// would show without them.
func (r Redactor) Replace(text string) string {
	if r.pattern == nil {
		return text
	}
	text = r.pattern.ReplaceAllLiteralString(text, "***")
	return r.pattern.ReplaceAllLiteralString(Visible(text), "***")
}
