package miner

import (
	"slices"
	"sync"
	"sync/atomic"

	"quarry/hashing"
)

// lineup is the kernels in use, shared by all workers. A kernel that was found
// wrong is out for good; the last one stays, whatever it does. Workers compare
// pointers between batches to learn of a change, as with the feed.
type lineup struct {
	mu      sync.Mutex // held by demote only
	current atomic.Pointer[ranks]
}

// ranks are the kernels that may still be used. They do not change.
type ranks struct {
	rolled, plain []hashing.Kernel // best first, for jobs with and without versions to roll
}

// best is the kernel for a job.
func (r *ranks) best(rolling bool) hashing.Kernel {
	if rolling {
		return r.rolled[0]
	}
	return r.plain[0]
}

// newLineup takes over the two orders; plain may be empty, and is then the
// same as rolled.
func newLineup(rolled, plain []hashing.Kernel) *lineup {
	if len(plain) == 0 {
		plain = rolled
	}
	l := &lineup{}
	l.current.Store(&ranks{rolled: rolled, plain: plain})
	return l
}

func (l *lineup) ranks() *ranks { return l.current.Load() }

// demote takes the kernel of that name out. news is false if another worker
// did so before; out is false if it is the last one and stays.
func (l *lineup) demote(name string) (out, news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.current.Load()
	named := func(k hashing.Kernel) bool { return k.Name == name }
	if !slices.ContainsFunc(now.rolled, named) && !slices.ContainsFunc(now.plain, named) {
		return true, false
	}
	next := &ranks{
		rolled: slices.DeleteFunc(slices.Clone(now.rolled), named),
		plain:  slices.DeleteFunc(slices.Clone(now.plain), named),
	}
	if len(next.rolled) == 0 || len(next.plain) == 0 {
		return false, false
	}
	l.current.Store(next)
	return true, true
}
