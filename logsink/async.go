package logsink

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

const (
	asyncLines = 4096            // lines that may wait to be written
	asyncFlush = 2 * time.Second // how long Close waits for them
)

// AsyncWriter writes lines from its own goroutine, so that logging never blocks: a
// terminal stopped with Ctrl-S, a pipe that nobody reads or a slow disk must not
// stop mining. Lines are dropped while the queue is full, and the next one written
// is preceded by their number.
type AsyncWriter struct {
	out     io.Writer
	errors  io.Writer     // gets one message if out fails
	lines   chan []byte   // nil marks the end
	done    chan struct{} // closed when all lines before the end are written
	dropped atomic.Uint64
}

// NewAsyncWriter starts the goroutine; Close ends it. Errors of out are reported to
// errors.
func NewAsyncWriter(out, errors io.Writer) *AsyncWriter {
	a := &AsyncWriter{out: out, errors: errors, lines: make(chan []byte, asyncLines), done: make(chan struct{})}
	go a.run()
	return a
}

// Write queues one or more whole lines. It never fails.
func (a *AsyncWriter) Write(p []byte) (int, error) {
	select {
	case a.lines <- bytes.Clone(p):
	default:
		a.dropped.Add(1)
	}
	return len(p), nil
}

// Sync does nothing: Close does.
func (a *AsyncWriter) Sync() error { return nil }

// Close writes the queued lines, but waits at most asyncFlush. Lines logged
// afterwards are dropped.
func (a *AsyncWriter) Close() {
	tooLong := time.After(asyncFlush)
	select {
	case a.lines <- nil:
	case <-tooLong:
		return
	}
	select {
	case <-a.done:
	case <-tooLong:
	}
}

func (a *AsyncWriter) run() {
	defer close(a.done)
	failed := false
	for line := <-a.lines; line != nil; line = <-a.lines {
		_, err := a.out.Write(line)
		if err != nil && !failed {
			fmt.Fprintf(a.errors, "quarry: cannot write log messages: %v\n", err)
		}
		failed = err != nil
		if n := a.dropped.Swap(0); n > 0 {
			fmt.Fprintf(a.errors, "quarry: dropped %d log messages: output blocked\n", n)
		}
	}
}
