package logsink

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
)

const (
	asyncLines = 4096                    // lines that may wait to be written
	asyncFlush = 1200 * time.Millisecond // how long the end waits for them
	lastWords  = 350 * time.Millisecond  // and for the standard error output, twice at most: 2 s in all
)

// Why messages are lost.
const (
	writeFailed   = event.Phrase("write failed")
	outputBlocked = event.Phrase("output blocked")
)

// AsyncWriter writes lines from its own goroutine, so that logging never blocks: a
// terminal stopped with Ctrl-S, a pipe that nobody reads or a slow disk must not
// stop mining. Lines are dropped while the queue is full, which is reported at once,
// and their number when there is room again.
type AsyncWriter struct {
	name    string // of the output, for reports
	out     io.Writer
	report  Report
	lines   chan []byte
	stop    func()
	ending  chan struct{} // closed by stop
	done    chan struct{} // closed when all lines before the end are written
	gone    chan struct{} // closed when nobody will ever read the output again
	dropped atomic.Uint64 // lines that found no room
	failed  uint64        // lines since out began to fail
}

// Report reports what became of messages, without blocking; (*zap.Logger).Warn is
// one. It may log to the output that it reports of.
type Report func(message string, fields ...zap.Field)

// NewAsyncWriter starts the goroutine; Close ends it.
func NewAsyncWriter(name string, out io.Writer, report Report) *AsyncWriter {
	ending := make(chan struct{})
	a := &AsyncWriter{
		name: name, out: out, report: report, lines: make(chan []byte, asyncLines),
		ending: ending, stop: sync.OnceFunc(func() { close(ending) }),
		done: make(chan struct{}), gone: make(chan struct{}),
	}
	go a.run()
	return a
}

// Write queues one or more whole lines. It never fails. Lines after Close are
// dropped.
func (a *AsyncWriter) Write(p []byte) (int, error) {
	select {
	case <-a.ending:
		return len(p), nil
	default:
	}
	select {
	case a.lines <- bytes.Clone(p):
	default:
		if a.dropped.Add(1) == 1 {
			a.report("log output blocked", zap.String("output", a.name))
		}
	}
	return len(p), nil
}

// Sync does nothing: Close does.
func (a *AsyncWriter) Sync() error { return nil }

// Close writes the queued lines, but waits at most asyncFlush.
func (a *AsyncWriter) Close() { a.closeWithin(asyncFlush) }

func (a *AsyncWriter) closeWithin(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	a.stop()
	a.wait(ctx)
}

// WriteLast writes the last text of a program, but hardly waits for it.
func WriteLast(w io.Writer, text string) {
	a := NewAsyncWriter("", w, func(string, ...zap.Field) {})
	_, _ = a.Write([]byte(text))
	a.closeWithin(lastWords)
}

// wait reports whether all lines were written before ctx ended.
func (a *AsyncWriter) wait(ctx context.Context) bool {
	select {
	case <-a.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// unwritten returns how many lines are not written and will never be reported.
func (a *AsyncWriter) unwritten() uint64 { return uint64(len(a.lines)) + a.dropped.Load() + 1 }

func (a *AsyncWriter) run() {
	defer close(a.done)
	for {
		select {
		case line := <-a.lines:
			a.write(line)
			continue
		case <-a.ending:
		}
		for len(a.lines) > 0 { // nobody else takes lines
			a.write(<-a.lines)
		}
		return
	}
}

// write writes a line, and reports when that begins to fail, and when it works
// again.
func (a *AsyncWriter) write(line []byte) {
	select {
	case <-a.gone:
		return
	default:
	}
	_, err := a.out.Write(line)
	output := zap.String("output", a.name)
	switch {
	case err != nil && hasNoReader(err):
		close(a.gone)
		a.report("log output closed", output)
		return
	case err != nil:
		if a.failed++; a.failed == 1 {
			a.report("log output failed", output, zap.String("error", plainError(err)))
		}
	case a.failed > 0:
		a.report("log messages lost", output, zap.Uint64("messages", a.failed), event.Of("reason", writeFailed))
		a.failed = 0
	}
	if n := a.dropped.Swap(0); n > 0 {
		a.report("log messages lost", output, zap.Uint64("messages", n), event.Of("reason", outputBlocked))
	}
}
