package main

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
	"gopkg.in/natefinch/lumberjack.v2"

	"quarry/config"
)

// logging is where messages go: always the given writer, and the log file too
// if there is one.
type logging struct {
	*zap.Logger
	always *zap.Logger // whatever the level: status and summary
	json   bool        // JSON lines rather than text
	file   *lumberjack.Logger
}

// newLogging opens what the settings ask for.
func newLogging(c config.Log, w io.Writer) (*logging, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, usageFault("log level %q: want debug, info, warn or error", c.Level)
	}
	l := &logging{json: c.Format == "json"}
	cores := []zapcore.Core{newCore(l.json, w, isColourTerminal(w))}
	if c.File != "" {
		if err := checkLogFile(c.File); err != nil {
			return nil, err
		}
		l.file = &lumberjack.Logger{Filename: c.File, MaxSize: c.MaxSize, MaxBackups: c.MaxFiles}
		cores = append(cores, newCore(l.json, l.file, false))
	}
	all := zapcore.NewTee(cores...)
	l.always = zap.New(all)
	l.Logger = zap.New(all, zap.IncreaseLevel(level))
	return l, nil
}

// newConsoleLogger is a logger without a file.
func newConsoleLogger(format, level string, w io.Writer) (*zap.Logger, error) {
	l, err := newLogging(config.Log{Format: format, Level: level}, w)
	if err != nil {
		return nil, err
	}
	return l.Logger, nil
}

// reopen closes the log file; the next message opens it again under its name,
// wherever logrotate has moved the old one.
func (l *logging) reopen() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// checkLogFile fails at the start rather than at the first message.
func checkLogFile(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return usageFault("log file %q: cannot make its folder: %v", name, err)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return usageFault("log file %q cannot be written: %v", name, err)
	}
	return f.Close()
}

// newCore lets every level pass; the logger in front of it decides.
func newCore(json bool, w io.Writer, colour bool) zapcore.Core {
	if !json {
		return &textCore{LevelEnabler: zapcore.DebugLevel, out: &lockedWriter{w: w}, colour: colour}
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
	return zapcore.NewCore(encoder, &lockedWriter{w: w}, zapcore.DebugLevel)
}

// isTerminal tells whether a person is looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isColourTerminal respects NO_COLOR (no-color.org) and TERM=dumb.
func isColourTerminal(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// lockedWriter makes writes whole lines, one after the other.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Sync does nothing: nothing is buffered.
func (l *lockedWriter) Sync() error { return nil }

// statusInterval is how often to print the status line.
func statusInterval(c config.Log, w io.Writer) time.Duration {
	switch {
	case c.StatusInterval > 0:
		return c.StatusInterval
	case isTerminal(w):
		return 10 * time.Second
	}
	return time.Minute
}
