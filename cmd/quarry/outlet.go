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
	errors  io.Writer // told once if out fails
	lines   chan []byte
	ended   chan struct{} // closed by close
	done    chan struct{} // closed when all is written
	dropped atomic.Uint64
}

func newOutlet(out, errors io.Writer) *outlet {
	o := &outlet{out: out, errors: errors, lines: make(chan []byte, outletLines), ended: make(chan struct{}), done: make(chan struct{})}
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
	close(o.ended)
	select {
	case <-o.done:
	case <-time.After(outletFlush):
	}
}

func (o *outlet) run() {
	defer close(o.done)
	failed := false
	for line, ok := o.next(); ok; line, ok = o.next() {
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

// next waits for a line; after the end it only takes what is queued.
func (o *outlet) next() (line []byte, ok bool) {
	select {
	case line = <-o.lines:
		return line, true
	case <-o.ended:
	}
	select {
	case line = <-o.lines:
		return line, true
	default:
		return nil, false
	}
}
