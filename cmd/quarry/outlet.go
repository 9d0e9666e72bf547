package main

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

const (
	outletLines = 4096            // lines that may wait to be written
	outletFlush = 2 * time.Second // how long the end waits for them
)

// outlet writes lines from a goroutine of its own, so that whoever logs never
// waits: a terminal that was stopped with Ctrl-S, a pipe that nobody reads or
// a slow disk must not stop the mining. Lines that find the queue full are
// dropped, and the next one that is written says how many.
type outlet struct {
	out     io.Writer
	errors  io.Writer     // told once if out fails
	lines   chan []byte   // nil is the end
	done    chan struct{} // closed when all before the end is written
	dropped atomic.Uint64
}

func newOutlet(out, errors io.Writer) *outlet {
	o := &outlet{out: out, errors: errors, lines: make(chan []byte, outletLines), done: make(chan struct{})}
	go o.run()
	return o
}

// Write queues one or more whole lines. It never fails.
func (o *outlet) Write(p []byte) (int, error) {
	select {
	case o.lines <- bytes.Clone(p):
	default:
		o.dropped.Add(1)
	}
	return len(p), nil
}

// Sync does nothing: close does.
func (o *outlet) Sync() error { return nil }

// close writes what is queued, as long as that takes no longer than a moment.
// What is logged afterwards goes nowhere.
func (o *outlet) close() {
	tooLong := time.After(outletFlush)
	select {
	case o.lines <- nil:
	case <-tooLong:
		return
	}
	select {
	case <-o.done:
	case <-tooLong:
	}
}

func (o *outlet) run() {
	defer close(o.done)
	failed := false
	for line := <-o.lines; line != nil; line = <-o.lines {
		_, err := o.out.Write(line)
		if err != nil && !failed {
			fmt.Fprintf(o.errors, "quarry: messages are lost: %v\n", err)
		}
		failed = err != nil
		if n := o.dropped.Swap(0); n > 0 {
			fmt.Fprintf(o.errors, "quarry: %d messages were dropped, for the output was blocked\n", n)
		}
	}
}
