// Package logsink writes log messages, as lines for people or JSON, without
// blocking the caller.
package logsink

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"quarry/internal/event"
)

// Form is how messages are written.
type Form struct {
	JSON  bool // one object a line
	Color bool // as text
}

// NewCore returns a core that passes every level; the logger in front of it filters.
func NewCore(w zapcore.WriteSyncer, form Form) zapcore.Core {
	if !form.JSON {
		return newTextCore(w, form)
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", NameKey: "event", MessageKey: "msg",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
	core := zapcore.NewCore(encoder, w, zapcore.DebugLevel)
	return jsonCore{core.With([]zapcore.Field{zap.Int("schema", event.Schema)})}
}

// jsonCore writes messages as events.
type jsonCore struct{ zapcore.Core }

func (c jsonCore) With(fields []zapcore.Field) zapcore.Core {
	return jsonCore{c.Core.With(event.Fields(fields))}
}

func (c jsonCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return checked.AddCore(entry, c)
}

func (c jsonCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	entry.LoggerName = event.Name(entry.Message)
	return c.Core.Write(entry, event.Fields(fields))
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
