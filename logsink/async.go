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
	asyncFlush = 2 * time.Second // how long the end waits for them
)

// AsyncWriter writes lines from a goroutine of its own, so that whoever logs never
// waits: a terminal that was stopped with Ctrl-S, a pipe that nobody reads or
// a slow disk must not stop the mining. Lines that find the queue full are
// dropped, and the next one that is written says how many.
type AsyncWriter struct {
	out     io.Writer
	errors  io.Writer     // told once if out fails
	lines   chan []byte   // nil is the end
	done    chan struct{} // closed when all before the end is written
	dropped atomic.Uint64
}

// NewAsyncWriter starts the goroutine; Close ends it. Trouble with out is written
// to errors.
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

// Close writes what is queued, as long as that takes no longer than a moment.
// What is logged afterwards goes nowhere.
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
			fmt.Fprintf(a.errors, "quarry: messages are lost: %v\n", err)
		}
		failed = err != nil
		if n := a.dropped.Swap(0); n > 0 {
			fmt.Fprintf(a.errors, "quarry: dropped %d log messages: output blocked\n", n)
		}
	}
}
