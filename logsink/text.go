package logsink

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap/zapcore"

	"quarry/telemetry"
)

// textCore writes log entries as lines for people:
//
//	2006-01-02T15:04:05+01:00 share accepted  share_difficulty=0.0031 latency=1ms
//
// The level is shown only from warnings up. Fields keep the order in which they were
// given. Terminals have package screen.
type textCore struct {
	zapcore.LevelEnabler
	out    zapcore.WriteSyncer
	color  bool
	fields []zapcore.Field
}

func newTextCore(w zapcore.WriteSyncer, form Form) *textCore {
	return &textCore{LevelEnabler: zapcore.DebugLevel, out: w, color: form.Color}
}

var _ zapcore.Core = (*textCore)(nil)

func (c *textCore) With(fields []zapcore.Field) zapcore.Core {
	clone := *c
	clone.fields = append(c.fields[:len(c.fields):len(c.fields)], fields...)
	return &clone
}

func (c *textCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Texter is the value of a field that text shows as lines of its own, in place of
// the message and all fields. JSON shows the value.
type Texter interface {
	TextLines() []string
}

// TexterOf returns the Texter among the fields, nil if there is none.
func TexterOf(fields []zapcore.Field) Texter {
	for _, f := range fields {
		if t, ok := f.Interface.(Texter); ok {
			return t
		}
	}
	return nil
}

func (c *textCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if t := TexterOf(fields); t != nil {
		for _, line := range t.TextLines() {
			entry.Message = line
			if err := c.write(entry, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return c.write(entry, append(c.fields[:len(c.fields):len(c.fields)], fields...))
}

func (c *textCore) write(entry zapcore.Entry, fields []zapcore.Field) error {
	var b strings.Builder
	b.WriteString(c.paint(dim, entry.Time.Format(time.RFC3339)))
	b.WriteByte(' ')
	switch {
	case entry.Level >= zapcore.ErrorLevel:
		b.WriteString(c.paint(red, "ERROR "))
	case entry.Level == zapcore.WarnLevel:
		b.WriteString(c.paint(yellow, "WARN "))
	case entry.Level == zapcore.DebugLevel:
		b.WriteString(c.paint(dim, "debug "))
	}
	b.WriteString(entry.Message)
	separator := "  "
	for _, f := range fields {
		if text := FieldText(f); text != "" {
			b.WriteString(separator + c.paint(dim, f.Key+"=") + text)
			separator = " "
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(c.out, b.String())
	return err
}

func (c *textCore) Sync() error { return c.out.Sync() }

const (
	dim    = "2"
	red    = "31"
	yellow = "33"
)

func (c *textCore) paint(code, text string) string {
	if !c.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// FieldText returns the field's value for people; "" leaves the field out.
func FieldText(f zapcore.Field) string {
	switch f.Type {
	case zapcore.SkipType:
		return ""
	case zapcore.Float64Type: // difficulties and rates: three digits are enough
		return telemetry.FormatDifficulty(math.Float64frombits(uint64(f.Integer)))
	case zapcore.DurationType:
		return telemetry.FormatDuration(time.Duration(f.Integer))
	}
	if text, ok := f.Interface.(fmt.Stringer); ok && f.Type != zapcore.StringerType { // JSON shows its parts
		return Quote(text.String())
	}
	values := zapcore.NewMapObjectEncoder()
	f.AddTo(values)
	return Quote(fmt.Sprint(values.Fields[f.Key]))
}

// Quote quotes a value that is not a plain word.
func Quote(text string) string {
	if text == "" || strings.ContainsAny(text, " =\"") || strings.ContainsFunc(text, unprintable) {
		return strconv.Quote(text)
	}
	return text
}

// unprintable matches the characters of a pool's text that would control the
// terminal.
func unprintable(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }
