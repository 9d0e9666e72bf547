package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"gopkg.in/natefinch/lumberjack.v2"

	"quarry/config"
	"quarry/logsink"
)

// logging is where messages go: the given writer, and the log file if there is one.
type logging struct {
	*zap.Logger
	always *zap.Logger // at any level: status and summary
	file   *lumberjack.Logger

	writers []*logsink.AsyncWriter
}

// newLogging opens the outputs in the settings. Write errors are reported to errors.
// The caller closes it.
func newLogging(c config.Log, w, errors io.Writer) (*logging, error) {
	level, err := parseLevel(c.Level)
	if err != nil {
		return nil, err
	}
	json := c.Format == "json"
	l := &logging{}
	if c.File != "" {
		if err := checkLogFile(c.File); err != nil {
			return nil, err
		}
		l.file = &lumberjack.Logger{Filename: c.File, MaxSize: c.MaxSize, MaxBackups: c.MaxFiles}
	}
	all := logsink.NewCore(json, l.async(w, errors), logsink.IsColorTerminal(w))
	if l.file != nil {
		all = zapcore.NewTee(all, logsink.NewCore(json, l.async(l.file, errors), false))
	}
	l.always = zap.New(all)
	l.Logger = zap.New(all, zap.IncreaseLevel(level))
	return l, nil
}

func (l *logging) async(w, errors io.Writer) *logsink.AsyncWriter {
	a := logsink.NewAsyncWriter(w, errors)
	l.writers = append(l.writers, a)
	return a
}

// close flushes the queue. Nothing may be logged afterwards.
func (l *logging) close() {
	for _, a := range l.writers {
		a.Close()
	}
	l.reopen()
}

// newConsoleLogger returns a logger that writes synchronously.
func newConsoleLogger(format, level string, w io.Writer) (*zap.Logger, error) {
	parsed, err := parseLevel(level)
	if err != nil {
		return nil, err
	}
	core := logsink.NewCore(format == "json", zapcore.Lock(zapcore.AddSync(w)), logsink.IsColorTerminal(w))
	return zap.New(core, zap.IncreaseLevel(parsed)), nil
}

func parseLevel(text string) (zapcore.Level, error) {
	level, err := zapcore.ParseLevel(text)
	if err != nil {
		return level, usageFault("log level %q: want debug, info, warn or error", text)
	}
	return level, nil
}

// reopen closes the log file; the next message opens it again by name, so that
// logrotate can move the old one.
func (l *logging) reopen() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// checkLogFile reports an unwritable file at start rather than at the first message.
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

// statusInterval returns how often to print the status line.
func statusInterval(c config.Log, w io.Writer) time.Duration {
	switch {
	case c.StatusInterval > 0:
		return c.StatusInterval
	case logsink.IsTerminal(w):
		return 10 * time.Second
	}
	return time.Minute
}
