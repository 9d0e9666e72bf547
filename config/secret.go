package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Secret is text that no log, error or dump shows: every way of formatting or
// encoding it gives a mask. Only Reveal gives the text.
type Secret struct{ text string }

// mask stands for any secret, so that not even its length shows.
const mask = "********"

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the secret itself, for the one place that sends it.
func (s Secret) Reveal() string { return s.text }

// String returns a mask, or "" when the secret is empty.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return mask
}

// GoString returns String in quotes, for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format writes the mask whatever the verb, so that %x or %d do not reach the
// text.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// MarshalText returns the mask; encoding/json, zap and go-toml use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// fileSuffix makes a secret's key the key of the file that may hold it:
// password, password_file.
const fileSuffix = "_file"

// checkSecret refuses a secret given both as text and as a file.
func (e *entry) checkSecret(c checker, key string) {
	file, text := e.items[key+fileSuffix], e.items[key]
	if file.text != "" && text.text != "" && text.given() {
		c.add(file.at.fault(e.table.name+"."+key+fileSuffix, "given together with "+key+"; give only one of them"))
	}
}

// secret returns the secret of that key, read from its file if there is one,
// and warns if every user of the machine could read it.
func (e *entry) secret(c checker, key string) Secret {
	text, file := e.items[key], e.items[key+fileSuffix]
	if file.text == "" || file.bad {
		s, _ := e.table.setting(key)
		if text.text != "" && text.text != s.Default && text.at.layer == layerFile && worldReadable(text.at.source) {
			c.warn("%s holds a %s and every user of this machine may read it; run: chmod 600 %s",
				quote(text.at.source), noun(key), quote(text.at.source))
		}
		return NewSecret(text.text)
	}
	read, problem := readSecret(file.text)
	if problem != "" {
		c.add(file.at.fault(e.table.name+"."+key+fileSuffix, quote(file.text)+" "+problem))
	} else if worldReadable(file.text) {
		c.warn("%s file %s: every user of this machine may read it; run: chmod 600 %s", noun(key), quote(file.text), quote(file.text))
	}
	text.origin, text.value = file.origin, value{text: read}
	e.items[key] = text
	return NewSecret(read)
}

// noun returns the last word of a key, "password" of proxy_password.
func noun(key string) string { return key[strings.LastIndexByte(key, '_')+1:] }
