// Package logsink writes log messages, as lines for people or JSON, without
// blocking the caller.
package logsink

import (
	"io"
	"os"

	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// NewCore returns a core that passes every level; the logger in front of it filters.
func NewCore(json bool, w zapcore.WriteSyncer, color bool) zapcore.Core {
	if !json {
		return &textCore{LevelEnabler: zapcore.DebugLevel, out: w, color: color}
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
	return zapcore.NewCore(encoder, w, zapcore.DebugLevel)
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
