package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/config"
	"quarry/internal/stdio"
	"quarry/logsink"
	"quarry/screen"
)

// logging is where messages go: the given writer, and the log file if there is one.
type logging struct {
	*zap.Logger
	always  *zap.Logger // at any level: status and summary
	screen  *logsink.AsyncWriter
	file    *logsink.File // nil without a log file
	outputs *logsink.Outputs

	terminal *screen.Terminal // nil: the writer is none, or gets JSON
}

// newLogging opens the outputs in the settings. What goes wrong with w is reported to
// stderr too. The caller closes it.
func newLogging(c config.Log, w, stderr io.Writer) (*logging, error) {
	l := &logging{}
	w = stdio.Unwatched(w)
	level, err := parseLevel(c.Level)
	if err != nil {
		return nil, err
	}
	if c.File != "" {
		l.file, err = logsink.OpenFile(logsink.FileOptions{
			Name: c.File, MaxSize: int64(c.MaxSize) << 20, MaxFiles: c.MaxFiles, Screen: w,
			Report: func(message string, fields ...zap.Field) { l.Warn(message, fields...) },
		})
		if err != nil {
			return nil, err
		}
	}
	l.outputs = logsink.NewOutputs(stderr)
	l.screen = l.outputs.Add(logsink.Screen, w)
	first, terminal := newCore(l.screen, c.Format, w)
	l.terminal = terminal
	all := []zapcore.Core{first}
	some := []zapcore.Core{atLevel(all[0], level)}
	if l.file != nil {
		if c.FileLevel != "auto" {
			level, _ = zapcore.ParseLevel(c.FileLevel) // config has checked it
		}
		format := c.FileFormat
		if format == "auto" {
			format = c.Format
		}
		file := logsink.NewCore(l.outputs.Add(c.File, l.file), formOf(format, l.file))
		all, some = append(all, file), append(some, atLevel(file, level))
	}
	l.always, l.Logger = zap.New(zapcore.NewTee(all...)), zap.New(zapcore.NewTee(some...))
	l.outputs.Report = l.Warn
	return l, nil
}

// formOf returns the form of messages in a format of the settings.
func formOf(format string, w io.Writer) logsink.Form {
	return logsink.Form{JSON: format == "json", Color: logsink.IsColorTerminal(w)}
}

// newCore returns the core for messages to w, which out leads to. On a terminal text
// is fitted to its width.
func newCore(out zapcore.WriteSyncer, format string, w io.Writer) (zapcore.Core, *screen.Terminal) {
	form := formOf(format, w)
	if form.JSON || !logsink.IsTerminal(w) {
		return logsink.NewCore(out, form), nil
	}
	terminal := screen.New(out, screen.Columns(w), form.Color)
	return terminal.Core(), terminal
}

// plain returns where lines go that are no messages, but must not overtake them.
func (l *logging) plain() io.Writer {
	if l.terminal != nil {
		return l.terminal
	}
	return l.screen
}

func parseLevel(text string) (zapcore.Level, error) {
	level, err := zapcore.ParseLevel(text)
	if err != nil {
		return level, usageFault("log level %q: want debug, info, warn or error", text)
	}
	return level, nil
}

// atLevel returns a core with the messages of that level and above.
func atLevel(core zapcore.Core, level zapcore.Level) zapcore.Core {
	filtered, err := zapcore.NewIncreaseLevelCore(core, level)
	if err != nil { // never: every core of ours passes all levels
		return core
	}
	return filtered
}

// close writes what is queued. Nothing may be logged afterwards.
func (l *logging) close() { l.outputs.Close() }

// errUnread ends a command whose messages nobody will read any more.
var errUnread = errors.New("the reader of standard output is gone")

// whileRead returns a context that ends when nobody will read any message any more.
// From here on to its end, the process does not die of writing to such a pipe.
func (l *logging) whileRead(parent context.Context) (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // not Ignore: child processes would inherit that
	ctx, end := context.WithCancelCause(parent)
	go func() {
		select {
		case <-l.outputs.Unread():
			end(errUnread)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { end(nil) }
}

// unread returns errUnread, with a hint, if that is why ctx ended, otherwise nil.
func unread(ctx context.Context, hint string) error {
	if errors.Is(context.Cause(ctx), errUnread) {
		return fmt.Errorf("%w%s", errUnread, hint)
	}
	return nil
}

// newConsoleLogger returns a logger that writes synchronously.
func newConsoleLogger(format, level string, w io.Writer) (*zap.Logger, error) {
	parsed, err := parseLevel(level)
	if err != nil {
		return nil, err
	}
	core, _ := newCore(zapcore.Lock(zapcore.AddSync(w)), format, w)
	return zap.New(atLevel(core, parsed)), nil
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
