package miner

import (
	"slices"
	"sync"
	"sync/atomic"

	"quarry/hashing"
)

// lineup is the kernels that may be used, shared by all workers. A kernel that
// was found wrong is out for good; the last one stays, whatever it does. Workers
// compare pointers between batches to learn of a change, as with the feed.
type lineup struct {
	mu      sync.Mutex // held by those who change it
	current atomic.Pointer[ranks]
}

// ranks are the kernels that may be used now. They do not change.
type ranks struct {
	rolled, plain []hashing.Kernel // best first, for jobs with and without versions to roll
	trial         *trial           // nil: the best one is used
	replaced      chan struct{}    // closed when there are others
}

// kernels are those for jobs with versions to roll, or without.
func (r *ranks) kernels(rolling bool) []hashing.Kernel {
	if rolling {
		return r.rolled
	}
	return r.plain
}

// choice is the kernel for a job; ok is false while there is none. The trial
// is nil if the kernel is not on trial.
func (r *ranks) choice(rolling bool) (kernel hashing.Kernel, on *trial, ok bool) {
	if r.trial != nil && r.trial.rolling == rolling {
		return r.trial.kernel, r.trial, true
	}
	list := r.kernels(rolling)
	if len(list) == 0 {
		return hashing.Kernel{}, nil, false
	}
	return list[0], nil, true
}

// newLineup begins with these, best first.
func newLineup(kernels []hashing.Kernel) *lineup {
	l := &lineup{}
	l.current.Store(&ranks{rolled: slices.Clone(kernels), plain: slices.Clone(kernels), replaced: make(chan struct{})})
	return l
}

func (l *lineup) ranks() *ranks { return l.current.Load() }

// change replaces the ranks by a copy that edit has changed, with lists of its own
// if it changes them. It does nothing if edit returns false.
func (l *lineup) change(edit func(*ranks) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.current.Load()
	next := &ranks{rolled: old.rolled, plain: old.plain, trial: old.trial, replaced: make(chan struct{})}
	if !edit(next) {
		return false
	}
	l.current.Store(next)
	close(old.replaced)
	return true
}

// join puts a kernel behind the others.
func (l *lineup) join(k hashing.Kernel) {
	l.change(func(r *ranks) bool {
		r.rolled, r.plain = slices.Concat(r.rolled, []hashing.Kernel{k}), slices.Concat(r.plain, []hashing.Kernel{k})
		return true
	})
}

// prefer puts the named kernels first, in that order. It reports whether that
// changed anything.
func (l *lineup) prefer(rolling bool, names []string) bool {
	place := func(k hashing.Kernel) int {
		if i := slices.Index(names, k.Name); i >= 0 {
			return i
		}
		return len(names)
	}
	return l.change(func(r *ranks) bool {
		before := r.kernels(rolling)
		list := slices.Clone(before)
		slices.SortStableFunc(list, func(a, b hashing.Kernel) int { return place(a) - place(b) })
		if rolling {
			r.rolled = list
		} else {
			r.plain = list
		}
		return !slices.EqualFunc(list, before, func(a, b hashing.Kernel) bool { return a.Name == b.Name })
	})
}

// demote takes the kernel of that name out. news is false if another worker
// did so before; out is false if it is the last one and stays.
func (l *lineup) demote(name string) (out, news bool) {
	named := func(k hashing.Kernel) bool { return k.Name == name }
	news = l.change(func(r *ranks) bool {
		if out = !slices.ContainsFunc(r.rolled, named); out {
			return false
		}
		r.rolled, r.plain = slices.DeleteFunc(slices.Clone(r.rolled), named), slices.DeleteFunc(slices.Clone(r.plain), named)
		if r.trial != nil && r.trial.kernel.Name == name {
			r.trial = nil
		}
		out = len(r.rolled) > 0
		return out
	})
	return out, news
}
