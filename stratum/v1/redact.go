package v1

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
)

// redactor removes a secret from a pool's texts. Pools echo what they reject, as
// we sent it: in JSON, so the secret may be there plain or escaped in
// any of JSON's ways, once or more often.
//
// It must see a text before the text is truncated: half a secret is secret, too.
type redactor struct{ pattern *regexp.Regexp }

// minSecret is the shortest password that is removed, in bytes: "x", which
// most pools want, is no secret and is in every text.
const minSecret = 3

func newRedactor(secret string) redactor {
	if len(secret) < minSecret {
		return redactor{}
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
	return redactor{regexp.MustCompile(b.String())}
}

// escaped is a pattern for what follows \u in the JSON escape of r.
func escaped(r rune) string {
	if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
		return fmt.Sprintf(`(?i:%04x)\\+u(?i:%04x)`, high, low)
	}
	return fmt.Sprintf(`(?i:%04x)`, r)
}

// replace also drops invisible characters: they may have split a secret that
// would show without them.
func (r redactor) replace(text string) string {
	if r.pattern == nil {
		return text
	}
	text = r.pattern.ReplaceAllLiteralString(text, "***")
	return r.pattern.ReplaceAllLiteralString(visible(text), "***")
}
