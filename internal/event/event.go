// Package event makes events with stable names and keys of log messages, for programs
// that read them. docs/events.md lists all.
package event

import (
	"fmt"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Schema is the number of what docs/events.md promises. It is raised when an event or
// a key goes or changes its meaning, not when one is added.
const Schema = 1

// Name returns the event's name of a constant log message, or the code of a constant
// phrase: "share accepted" is share_accepted.
func Name(message string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(message) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
		case r != '\'':
			gap = true
		}
	}
	return b.String()
}

// Phrase is one of a few constant texts: people read the text, programs its code.
type Phrase string

// String returns the text.
func (p Phrase) String() string { return string(p) }

// Of returns a field with the phrase as its value.
func Of(key string, p Phrase) zap.Field { return zap.Stringer(key, p) }

// note is a text that says no more than the event's name does.
type note string

func (n note) String() string { return string(n) }

// Advice returns a field, for people only, with what to do.
func Advice(text string) zap.Field { return zap.Stringer("advice", note(text)) }

// Consequence returns a field, for people only, with what follows.
func Consequence(text string) zap.Field { return zap.Stringer("consequence", note(text)) }

// shown is what people read in place of a message and all its fields.
type shown string

// TextLines returns the one line.
func (s shown) TextLines() []string { return []string{string(s)} }

// Shown returns a field, for people only, that they read in place of the message and
// all its fields.
func Shown(line string) zap.Field { return zap.Reflect("", shown(line)) }

// Fields returns the fields as programs get them: durations in seconds, which the key
// says, phrases as codes, and nothing that is for people only.
func Fields(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, 0, len(fields))
	for _, f := range fields {
		switch value := f.Interface.(type) {
		case note, shown:
			continue
		case Phrase:
			f = zap.String(f.Key, Name(string(value)))
		case error:
			f = zap.String(f.Key, fmt.Sprint(value)) // with one key, whatever the error
		}
		if f.Type == zapcore.DurationType {
			f.Key += "_seconds"
		}
		out = append(out, f)
	}
	return out
}
