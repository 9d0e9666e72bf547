package miner

import (
	"sync/atomic"

	"quarry/work"
)

// feed gives the newest job to all devices. Publishing replaces the assignment
// and ends its batches; a worker compares pointers between batches to learn of
// it, which costs one atomic load.
type feed struct {
	current atomic.Pointer[Assignment]
}

// Assignment is one published job, until it is replaced.
type Assignment struct {
	Job *work.Job // nil: there is no work

	replaced chan struct{}
	stop     stopWord
}

// Replaced returns a channel that is closed when there is a newer assignment.
func (a *Assignment) Replaced() <-chan struct{} { return a.replaced }

// stopWord ends the batches of one assignment once it is not zero. Kernels read
// it in every turn: it is on cache lines that are not written otherwise. Each assignment
// has its own, so that none is ever reset.
type stopWord struct {
	_    [128]byte
	word uint32 // by sync/atomic
	_    [124]byte
}

func newFeed() *feed {
	f := &feed{}
	f.current.Store(&Assignment{replaced: make(chan struct{})})
	return f
}

// publish makes job the one to search.
func (f *feed) publish(job *work.Job) {
	old := f.current.Swap(&Assignment{Job: job, replaced: make(chan struct{})})
	atomic.StoreUint32(&old.stop.word, 1)
	close(old.replaced)
}

func (f *feed) newest() *Assignment { return f.current.Load() }
