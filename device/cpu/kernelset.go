package cpu

import (
	"slices"
	"sync"
	"sync/atomic"

	"quarry/hashing"
)

// kernelSet is the kernels that may be used, shared by all workers. A kernel that
// was found wrong is removed permanently; the last one stays in any case. Workers
// compare pointers between batches to learn of a change, as with a new job.
type kernelSet struct {
	mu      sync.Mutex // held by those who change it
	current atomic.Pointer[ranking]
}

// ranking is the kernels that may be used now, in order. It does not change.
type ranking struct {
	rolled, plain []hashing.Kernel // best first, for jobs with and without versions to roll
	trial         *trial           // nil: the best one is used
	replaced      chan struct{}    // closed when there are others
}

// kernels are those for jobs with versions to roll, or without.
func (r *ranking) kernels(rolling bool) []hashing.Kernel {
	if rolling {
		return r.rolled
	}
	return r.plain
}

// choice is the kernel for a job; ok is false while there is none. The trial
// is nil if the kernel is not on trial.
func (r *ranking) choice(rolling bool) (kernel hashing.Kernel, on *trial, ok bool) {
	if r.trial != nil && r.trial.rolling == rolling {
		return r.trial.kernel, r.trial, true
	}
	list := r.kernels(rolling)
	if len(list) == 0 {
		return hashing.Kernel{}, nil, false
	}
	return list[0], nil, true
}

// newKernelSet begins with these, best first.
func newKernelSet(kernels []hashing.Kernel) *kernelSet {
	s := &kernelSet{}
	s.current.Store(&ranking{rolled: slices.Clone(kernels), plain: slices.Clone(kernels), replaced: make(chan struct{})})
	return s
}

func (s *kernelSet) ranking() *ranking { return s.current.Load() }

// change replaces the ranking by a copy that edit has changed, with lists of its own
// if it changes them. It does nothing if edit returns false.
func (s *kernelSet) change(edit func(*ranking) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Load()
	next := &ranking{rolled: old.rolled, plain: old.plain, trial: old.trial, replaced: make(chan struct{})}
	if !edit(next) {
		return false
	}
	s.current.Store(next)
	close(old.replaced)
	return true
}

// add puts a kernel behind the others.
func (s *kernelSet) add(k hashing.Kernel) {
	s.change(func(r *ranking) bool {
		r.rolled, r.plain = slices.Concat(r.rolled, []hashing.Kernel{k}), slices.Concat(r.plain, []hashing.Kernel{k})
		return true
	})
}

// prefer puts the named kernels first, in that order. It reports whether that
// changed anything.
func (s *kernelSet) prefer(rolling bool, names []string) bool {
	place := func(k hashing.Kernel) int {
		if i := slices.Index(names, k.Name); i >= 0 {
			return i
		}
		return len(names)
	}
	return s.change(func(r *ranking) bool {
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

// remove takes the kernel of that name out. first is false if another worker
// did so before; out is false if it is the last one and stays.
func (s *kernelSet) remove(name string) (out, first bool) {
	named := func(k hashing.Kernel) bool { return k.Name == name }
	first = s.change(func(r *ranking) bool {
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
	return out, first
}
