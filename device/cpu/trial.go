package cpu

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"quarry/hashing"
	"quarry/miner"
	"quarry/work"
)

// trial is a period in which all workers use one kernel. The rates of whole
// batches that lie entirely within it are kept.
type trial struct {
	kernel  hashing.Kernel
	rolling bool // for jobs of this kind
	tallies []tally
}

// tallyBatches bounds the batches that are kept of one worker in one trial: 12
// ms of them.
const tallyBatches = 30

// tally are one worker's batches, on cache lines of its own. The worker writes; the
// caller of Try reads, also while the worker is late with its last batch.
type tally struct {
	count   atomic.Uint32
	batches [tallyBatches]atomic.Uint64 // hashes a second
	_       [120]byte
}

// note keeps a batch.
func (t *tally) note(hashes uint64, took time.Duration) {
	if n := t.count.Load(); n < tallyBatches && took > 0 {
		t.batches[n].Store(uint64(float64(hashes) / took.Seconds()))
		t.count.Store(n + 1)
	}
}

// leastBatches is how many batches a worker's rate is made of, at least: a
// batch may have been interrupted.
const leastBatches = 3

// rate is the median of the batches' rates; 0 if there are too few.
func (t *tally) rate() float64 {
	rates := make([]uint64, t.count.Load())
	if len(rates) < leastBatches {
		return 0
	}
	for i := range rates {
		rates[i] = t.batches[i].Load()
	}
	slices.Sort(rates)
	return float64(rates[len(rates)/2])
}

// Selector lets one goroutine choose the kernels of a running device.
type Selector struct {
	search  *miner.Search
	kernels *kernelSet
	workers int
}

// Join lets the workers use one more kernel, behind those it has. It must have
// passed its self-test.
func (s *Selector) Join(k hashing.Kernel) { s.kernels.add(k) }

// Prefer puts the named kernels first, in that order, for jobs with versions to
// roll or without.
func (s *Selector) Prefer(rolling bool, names ...string) { s.kernels.prefer(rolling, names) }

// Kernels are those in use for such jobs, the first one by the workers, the
// others when it is found wrong. Those found wrong are not included.
func (s *Selector) Kernels(rolling bool) []hashing.Kernel {
	return slices.Clone(s.kernels.ranking().kernels(rolling))
}

// Job waits for a job, and reports whether it has versions to roll. The error is
// ctx's.
func (s *Selector) Job(ctx context.Context) (rolling bool, err error) {
	if now := s.search.Await(ctx); now != nil {
		return rolls(now.Job), nil
	}
	return false, ctx.Err()
}

// rolls reports whether the job leaves versions to choose.
func rolls(job *work.Job) bool { return job.VersionMask&^job.Version != 0 }

// Try has all workers use the named kernel for jobs of that kind for d, and then
// the best one again. It returns each worker's rate in hashes a second: the
// median of its whole batches, 0 where there were too few. The first batch after
// a change of the kernel does not count. It returns nil if the kernel is not in
// use, or is removed meanwhile.
func (s *Selector) Try(ctx context.Context, name string, rolling bool, d time.Duration) []float64 {
	now := &trial{rolling: rolling, tallies: make([]tally, s.workers)}
	if !s.kernels.begin(now, name) {
		return nil
	}
	pause := time.NewTimer(d)
	defer pause.Stop()
	wait(ctx, nil, pause.C)
	if !s.kernels.end(now) {
		return nil
	}
	rates := make([]float64, s.workers)
	for i := range rates {
		rates[i] = now.tallies[i].rate()
	}
	return rates
}

// begin begins the trial of the named kernel, if it is in use.
func (s *kernelSet) begin(t *trial, name string) bool {
	return s.change(func(r *ranking) bool {
		list := r.kernels(t.rolling)
		i := slices.IndexFunc(list, func(k hashing.Kernel) bool { return k.Name == name })
		if i < 0 {
			return false
		}
		t.kernel, r.trial = list[i], t
		return true
	})
}

// end ends the trial; it returns false if it was ended before.
func (s *kernelSet) end(t *trial) bool {
	return s.change(func(r *ranking) bool {
		was := r.trial == t
		r.trial = nil
		return was
	})
}

// leastRest is how soon Rest checks the job again, so that a flood of jobs does not
// wake the caller at each.
const leastRest = time.Second

// Rest waits for d, but hardly longer than until the next job.
func (s *Selector) Rest(ctx context.Context, d time.Duration) {
	job := s.search.Newest()
	short := time.NewTimer(min(d, leastRest))
	defer short.Stop()
	wait(ctx, nil, short.C)
	if d > leastRest {
		long := time.NewTimer(d - leastRest)
		defer long.Stop()
		wait(ctx, job.Replaced(), long.C)
	}
}
