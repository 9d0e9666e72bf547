package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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

	outlets []*outlet
}

// newLogging opens what the settings ask for. Trouble with writing goes to
// errors. The caller closes it.
func newLogging(c config.Log, w, errors io.Writer) (*logging, error) {
	level, err := parseLevel(c.Level)
	if err != nil {
		return nil, err
	}
	l := &logging{json: c.Format == "json"}
	if c.File != "" {
		if err := checkLogFile(c.File); err != nil {
			return nil, err
		}
		l.file = &lumberjack.Logger{Filename: c.File, MaxSize: c.MaxSize, MaxBackups: c.MaxFiles}
	}
	all := newCore(l.json, l.outlet(w, errors), isColourTerminal(w))
	if l.file != nil {
		all = zapcore.NewTee(all, newCore(l.json, l.outlet(l.file, errors), false))
	}
	l.always = zap.New(all)
	l.Logger = zap.New(all, zap.IncreaseLevel(level))
	return l, nil
}

func (l *logging) outlet(w, errors io.Writer) *outlet {
	o := newOutlet(w, errors)
	l.outlets = append(l.outlets, o)
	return o
}

// close writes out what is queued. Nothing may be logged afterwards.
func (l *logging) close() {
	for _, o := range l.outlets {
		o.close()
	}
	l.reopen()
}

// newConsoleLogger is a logger that writes at once.
func newConsoleLogger(format, level string, w io.Writer) (*zap.Logger, error) {
	parsed, err := parseLevel(level)
	if err != nil {
		return nil, err
	}
	core := newCore(format == "json", &lockedWriter{w: w}, isColourTerminal(w))
	return zap.New(core, zap.IncreaseLevel(parsed)), nil
}

func parseLevel(text string) (zapcore.Level, error) {
	level, err := zapcore.ParseLevel(text)
	if err != nil {
		return level, usageFault("log level %q: want debug, info, warn or error", text)
	}
	return level, nil
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
	if err := os.Mkdir(filepath.Dir(name), 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("log file %q: making its folder: %w", name, err)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log file %q cannot be written: %w", name, err)
	}
	return f.Close()
}

// newCore lets every level pass; the logger in front of it decides.
func newCore(json bool, w zapcore.WriteSyncer, colour bool) zapcore.Core {
	if !json {
		return &textCore{LevelEnabler: zapcore.DebugLevel, out: w, colour: colour}
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
	return zapcore.NewCore(encoder, w, zapcore.DebugLevel)
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
