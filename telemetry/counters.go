package telemetry

import "sync/atomic"

// counterBytes is the distance between two workers' counters: two 64-byte lines, because x86 prefetches lines in
// pairs and arm64 has cores with 128-byte lines.
const counterBytes = 128

// WorkerCounter holds what one worker counts. Only that worker writes it; anyone may read it.
type WorkerCounter struct {
	hashes atomic.Uint64
	errors atomic.Uint64
	_      [counterBytes - 16]byte
}

// Add counts n finished hashes; a worker calls it once per batch.
func (w *WorkerCounter) Add(n uint64) { w.hashes.Add(n) }

// AddHardwareError counts one hit that the reference hash did not confirm.
func (w *WorkerCounter) AddHardwareError() { w.errors.Add(1) }

// Hashes returns the number of hashes counted so far.
func (w *WorkerCounter) Hashes() uint64 { return w.hashes.Load() }

// HardwareErrors returns the number of unconfirmed hits so far.
func (w *WorkerCounter) HardwareErrors() uint64 { return w.errors.Load() }

// Counters is one WorkerCounter per worker, each on its own cache lines.
type Counters struct {
	workers []*WorkerCounter
}

// NewCounters returns counters for n workers, numbered from 0. A negative n counts as 0.
func NewCounters(n int) *Counters {
	lines := make([]WorkerCounter, max(n, 0))
	c := &Counters{workers: make([]*WorkerCounter, len(lines))}
	for i := range lines {
		c.workers[i] = &lines[i]
	}
	return c
}

// Len returns the number of workers.
func (c *Counters) Len() int { return len(c.workers) }

// Worker returns worker i's counter, 0 <= i < Len; an index out of range panics.
func (c *Counters) Worker(i int) *WorkerCounter { return c.workers[i] }

// Hashes returns the sum over all workers.
func (c *Counters) Hashes() uint64 {
	var sum uint64
	for i := range c.workers {
		sum += c.workers[i].Hashes()
	}
	return sum
}

// HardwareErrors returns the sum over all workers.
func (c *Counters) HardwareErrors() uint64 {
	var sum uint64
	for i := range c.workers {
		sum += c.workers[i].HardwareErrors()
	}
	return sum
}
