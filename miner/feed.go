package miner

import (
	"sync/atomic"

	"quarry/work"
)

// feed shows the newest job to all workers. Publishing replaces the offer and
// ends its batches; a worker compares pointers between batches to learn of it,
// which costs one atomic load.
type feed struct {
	current atomic.Pointer[offer]
}

// offer is one published job; a nil job means that there is nothing to do.
type offer struct {
	job      *work.Job
	replaced chan struct{} // closed when a newer offer is there
	stop     stopWord
}

// stopWord ends the batches of one offer once it is not zero. Kernels read it in
// every turn: it is on cache lines that nobody else writes. Each offer has its
// own, so that none is ever set back.
type stopWord struct {
	_    [128]byte
	word uint32 // by sync/atomic
	_    [124]byte
}

func newFeed() *feed {
	f := &feed{}
	f.current.Store(&offer{replaced: make(chan struct{})})
	return f
}

// publish makes job the one to work on.
func (f *feed) publish(job *work.Job) {
	old := f.current.Swap(&offer{job: job, replaced: make(chan struct{})})
	atomic.StoreUint32(&old.stop.word, 1)
	close(old.replaced)
}

func (f *feed) newest() *offer { return f.current.Load() }
