package cpu

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"runtime"
	"time"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/internal/event"
	"quarry/miner"
	"quarry/telemetry"
	"quarry/work"
)

const (
	// batchTime is how long one call of a kernel should take. A new job ends it
	// early, but assembly cannot be preempted: this bounds how long the garbage
	// collector may have to wait for it. Calls cost a microsecond or so: half of
	// it would cost half a per cent of the rate.
	batchTime = 400 * time.Microsecond
	// Batches are counted in hashes, so that works of few and of many versions
	// take the same time. The least is one group of the kernel's lanes under all
	// versions.
	minBatch = 1
	maxBatch = 1 << 30
	// startBatch takes about a millisecond on slow machines.
	startBatch = 2048
	nonces     = 1 << 32 // in a work
	// checkPause is how often a worker tests its kernel again: a wrong hit shows
	// by itself, a missed one does not. A test takes about a millisecond.
	checkPause = time.Minute
)

// worker searches on one thread. Everything in it belongs to its goroutine.
type worker struct {
	index    int
	place    affinity.Placement
	kernels  *kernelSet
	search   *miner.Search
	counters *telemetry.Device
	counter  *telemetry.WorkerCounter
	examiner func() *hashing.Examiner
	nonces   uint64        // in a work
	pause    time.Duration // between tests of the kernel
	log      *zap.Logger

	ranking *ranking // that kernel comes from
	kernel  hashing.Kernel
	rolling bool   // kernel was chosen for a job with versions to roll
	trial   *trial // that kernel is on; nil: none
	fresh   bool   // no batch was searched since kernel was chosen
	known   string // the kernel that telemetry has
	checked time.Time
	work    work.Work
	batch   batch
	sizes   map[string]*uint64 // hashes per batch of each kernel, by name, tuned to batchTime
	size    *uint64            // that of kernel
	pacer   pacer
}

// run searches jobs until ctx ends. The thread it locks is never
// unlocked: it dies with the goroutine, and its pinning and priority with it.
func (w *worker) run(ctx context.Context, priority affinity.Priority) {
	runtime.LockOSThread()
	w.setThread(priority)
	w.batch.hits = make([]hashing.Hit, hashing.MinHits)
	w.sizes = make(map[string]*uint64)
	w.checked = time.Now()
	var last *miner.Assignment
	for ctx.Err() == nil {
		now := w.search.Await(ctx)
		if now == nil {
			return
		}
		if !w.choose(now.Job) { // no kernel has passed its test so far
			wait(ctx, w.ranking.replaced, nil)
			continue
		}
		// As many versions as there may be, whichever kernel it is: the next one may
		// be faster with many, and none is slower.
		nonce, ok := w.search.Next(ctx, &w.work, now, hashing.MaxVersions)
		if !ok {
			continue
		}
		if last == nil {
			w.log.Debug("worker starts hashing", zap.Int("thread", w.index), zap.String("job", now.Job.ID))
		}
		if now != last {
			w.search.Switched(w.index, now.Job)
		}
		last = now
		w.scan(ctx, now, nonce)
	}
}

// choose takes the kernel for the job: the best one, or the one on trial. It
// returns false while there is none.
func (w *worker) choose(job *work.Job) bool {
	rolling := rolls(job)
	now := w.kernels.ranking()
	if now == w.ranking && rolling == w.rolling {
		return w.kernel.Scan != nil
	}
	before := w.kernel.Name
	w.ranking, w.rolling, w.fresh = now, rolling, true
	var ok bool
	if w.kernel, w.trial, ok = now.choice(rolling); !ok {
		return false
	}
	if w.kernel.Name != before {
		w.size = w.sizeOf(w.kernel.Name)
	}
	if w.trial == nil && w.kernel.Name != w.known {
		w.known = w.kernel.Name
		w.counters.SetKernel(w.known)
	}
	return true
}

// sizeOf is the kernel's batch size as it was tuned the last time. A kernel that
// is new begins with a small one: it may be much slower than the others.
func (w *worker) sizeOf(kernel string) *uint64 {
	size, known := w.sizes[kernel]
	if !known {
		size = new(uint64)
		*size = startBatch
		w.sizes[kernel] = size
	}
	return size
}

// scan scans the work's nonces from start on until they are spent, the job is
// replaced or ctx ends.
func (w *worker) scan(ctx context.Context, now *miner.Assignment, start uint32) {
	w.pacer.resume(time.Now())
	defer func() { w.pacer.pause(time.Now()) }()
	for left := w.nonces; left > 0 && w.search.Newest() == now && ctx.Err() == nil; {
		if !w.pacer.ready(ctx, now.Replaced()) {
			continue
		}
		w.choose(now.Job)
		count := w.count(left)
		w.batch.scan(w.kernel, &w.work, start, count)
		w.pacer.worked += w.batch.took
		if w.batch.fault != nil && w.dropKernel() {
			continue // the next kernel searches these nonces again
		}
		w.note(count)
		w.tune(w.batch.took, w.batch.done == count)
		for _, share := range w.batch.shares {
			w.search.Found(share)
		}
		done := w.batch.done
		w.counter.Add(uint64(done) * uint64(w.work.Versions))
		if done == 0 && w.batch.fault != nil {
			done = count // the last kernel cannot search these: skip them
		}
		start += done
		left -= uint64(done)
		if time.Since(w.checked) >= w.pause {
			w.retest()
		}
	}
}

// note keeps a batch of the kernel on trial: not the first, which is affected by
// what the previous kernel left in the core, nor a short one, in which the call itself
// counts, nor one that reaches beyond the trial.
func (w *worker) note(count uint32) {
	switch {
	case w.fresh:
		w.fresh = false
	case w.trial != nil && w.batch.done == count && w.batch.took >= batchTime/2 && w.kernels.ranking() == w.ranking:
		w.trial.tallies[w.index].note(uint64(count)*uint64(w.work.Versions), w.batch.took)
	}
}

// count is how many of the nonces left the next batch has: whole groups of the
// kernel's lanes, as far as there are enough.
func (w *worker) count(left uint64) uint32 {
	lanes := uint64(w.kernel.Lanes)
	groups := max(*w.size/(lanes*uint64(w.work.Versions)), 1)
	return uint32(min(left, groups*lanes, math.MaxUint32))
}

// tune brings the batch nearer to its time when it is off by more than a
// fifth, by a factor of two at most: a batch that was interrupted says
// little.
func (w *worker) tune(took time.Duration, full bool) {
	switch low, high := batchTime*4/5, batchTime*6/5; {
	case took > high:
		*w.size = max(minBatch, *w.size/2, uint64(float64(*w.size)*float64(batchTime)/float64(took)))
	case full && took < low:
		*w.size = min(maxBatch, 2**w.size, uint64(float64(*w.size)*float64(batchTime)/float64(max(took, 1)))+1)
	}
}

// retest tests the kernel on this worker's CPU again.
func (w *worker) retest() {
	w.checked = time.Now()
	if fault := w.examiner().Test(w.kernel); fault != nil {
		w.batch.wrong, w.batch.fault = 1, fault
		w.dropKernel()
	}
}

// dropKernel counts the batch's wrong hits as hardware errors and takes the
// kernel out of use, for all workers. It returns false if there is no other.
func (w *worker) dropKernel() bool {
	for range w.batch.wrong {
		w.counter.AddHardwareError()
	}
	out, first := w.kernels.remove(w.kernel.Name)
	line := w.log.With(zap.String("kernel", w.kernel.Name), zap.Int("thread", w.index), zap.Int("cpu", w.place.CPU), zap.Error(w.batch.fault))
	switch {
	case first:
		line.Error("hardware error: kernel no longer used", event.Advice("lower the clock or check the cooling, and restart to use it again"),
			zap.String("next_kernel", w.kernels.ranking().kernels(w.rolling)[0].Name))
	case !out:
		// Later ones are logged more and more rarely.
		n := w.counter.HardwareErrors()
		if bits.Len64(n) != bits.Len64(n-w.batch.wrong) {
			line.Error("hardware error: no other kernel", event.Advice("lower the clock or check the cooling"),
				zap.Uint64("hardware_errors", n))
		}
	}
	return out
}

// setThread pins the thread and sets its priority, as far as the system allows.
// What the system does not support is logged once, by the first worker.
func (w *worker) setThread(priority affinity.Priority) {
	warn := func(message string, err error) {
		if err != nil && (w.index == 0 || !errors.Is(err, errors.ErrUnsupported)) {
			w.log.Warn(message, zap.Int("thread", w.index), zap.Int("cpu", w.place.CPU), zap.Error(err))
		}
	}
	if w.place.Pinned {
		warn("worker is not pinned to its cpu", affinity.PinThread(w.place.CPU))
	}
	warn("worker keeps its normal priority", affinity.SetThreadPriority(priority))
}

// wait returns when ctx ends, replaced is closed or the pause is over. Nil
// channels do not count.
func wait(ctx context.Context, replaced <-chan struct{}, pause <-chan time.Time) {
	select {
	case <-ctx.Done():
	case <-replaced:
	case <-pause:
	}
}
