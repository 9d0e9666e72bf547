package miner

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"runtime"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/telemetry"
	"quarry/work"
)

const (
	// batchTime is how long one call of a kernel should take. Assembly cannot
	// be preempted, so this bounds how late a worker sees a new job and how
	// long the garbage collector may have to wait for it. Calls cost a
	// microsecond or so: half of it would cost half a per cent of the rate.
	batchTime = 400 * time.Microsecond
	// Batches are counted in hashes, so that works of few and of many versions
	// take the same time. The least is one group of the kernel's lanes under all
	// versions.
	minBatch = 1
	maxBatch = 1 << 30
	// startBatch takes about a millisecond on slow machines.
	startBatch = 2048
	nonces     = 1 << 32 // in a work
	// exhaustedPause is how long a worker waits for the clock when a job's
	// space is used up: by then ntime may be rolled one further.
	exhaustedPause = time.Second
	exhaustedQuiet = time.Minute // between two lines about that
	// checkPause is how often a worker tests its kernel again: a wrong hit shows
	// by itself, a missed one does not. A test takes about a millisecond.
	checkPause = time.Minute
)

// worker searches on one thread. Everything in it belongs to its goroutine.
type worker struct {
	index     int
	place     Placement
	lineup    *lineup
	feed      *feed
	roller    *work.Roller
	counter   *telemetry.WorkerCounter
	telemetry *telemetry.Telemetry
	shares    *submitter
	examiner  func() *hashing.Examiner
	nonces    uint64        // in a work
	pause     time.Duration // between tests of the kernel
	trace     Trace
	log       *zap.Logger

	toldExhausted time.Time

	ranks   *ranks // that kernel comes from
	kernel  hashing.Kernel
	rolling bool // kernel was chosen for a job with versions to roll
	checked time.Time
	work    work.Work
	batch   batch
	size    uint64 // hashes per batch, tuned to batchTime
}

// run searches whatever the feed offers until ctx ends. The thread it locks is
// never unlocked: it dies with the goroutine, and its pinning and priority
// with it.
func (w *worker) run(ctx context.Context, priority Priority) {
	runtime.LockOSThread()
	w.settle(priority)
	w.batch.hits = make([]hashing.Hit, hashing.MinHits)
	w.checked = time.Now()
	var last *offer
	for ctx.Err() == nil {
		now := w.feed.newest()
		if now.job == nil {
			wait(ctx, now.replaced, nil)
			continue
		}
		w.choose(now.job)
		nonce, err := w.roller.Next(&w.work, now.job, w.kernel.Versions, time.Since(now.job.Received))
		if err != nil { // work.ErrExhausted
			w.tellExhausted(now.job)
			pause := time.NewTimer(exhaustedPause)
			wait(ctx, now.replaced, pause.C)
			pause.Stop()
			continue
		}
		if last == nil {
			w.log.Debug("worker begins to hash", zap.Int("worker", w.index), zap.String("job", now.job.ID))
		}
		if now != last && w.trace.Switched != nil {
			w.trace.Switched(w.index, now.job)
		}
		last = now
		w.search(ctx, now, nonce)
	}
}

// choose takes the best kernel for the job. Its batches grow anew, since it may
// be much slower than the one before.
func (w *worker) choose(job *work.Job) {
	rolling := job.VersionMask&^job.Version != 0
	now := w.lineup.ranks()
	if now == w.ranks && rolling == w.rolling {
		return
	}
	before := w.kernel.Name
	w.ranks, w.rolling, w.kernel = now, rolling, now.best(rolling)
	if w.kernel.Name != before {
		w.size = startBatch
		w.telemetry.SetKernel(w.kernel.Name)
	}
}

// tellExhausted says, by one worker for all and once in a while, why there is
// less hashing than could be.
func (w *worker) tellExhausted(job *work.Job) {
	if w.index != 0 || time.Since(w.toldExhausted) < exhaustedQuiet {
		return
	}
	w.toldExhausted = time.Now()
	w.log.Warn("nothing left to search in the pool's job: its extranonce2 is too short; waiting for the next second or job",
		zap.Int("extranonce2_size", job.Extranonce2Size), zap.String("job", job.ID), zap.String("pool", job.Pool))
}

// search scans the work's nonces from start on until they are spent, the job
// is replaced or ctx ends.
func (w *worker) search(ctx context.Context, now *offer, start uint32) {
	for left := w.nonces; left > 0 && w.feed.newest() == now && ctx.Err() == nil; {
		w.choose(now.job)
		count := w.count(left)
		w.batch.scan(w.kernel, &w.work, start, count)
		if w.batch.fault != nil && w.distrust() {
			continue // the next kernel searches these nonces again
		}
		w.tune(w.batch.took, w.batch.done == count)
		for _, share := range w.batch.shares {
			w.shares.offer(share)
		}
		done := w.batch.done
		w.counter.Add(uint64(done) * uint64(w.work.Versions))
		if done == 0 {
			done = count // the last kernel is of no use here: no hashes, but no standstill
		}
		start += done
		left -= uint64(done)
		if time.Since(w.checked) >= w.pause {
			w.check()
		}
	}
}

// count is how many of the nonces left the next batch has: whole groups of the
// kernel's lanes, as far as there are enough.
func (w *worker) count(left uint64) uint32 {
	lanes := uint64(w.kernel.Lanes)
	groups := max(w.size/(lanes*uint64(w.work.Versions)), 1)
	return uint32(min(left, groups*lanes, math.MaxUint32))
}

// tune brings the batch nearer to its time when it is off by more than a
// fifth, in steps of a factor of two at most: a batch that was interrupted
// says little.
func (w *worker) tune(took time.Duration, full bool) {
	switch low, high := batchTime*4/5, batchTime*6/5; {
	case took > high:
		w.size = max(minBatch, w.size/2, uint64(float64(w.size)*float64(batchTime)/float64(took)))
	case full && took < low:
		w.size = min(maxBatch, 2*w.size, uint64(float64(w.size)*float64(batchTime)/float64(max(took, 1)))+1)
	}
}

// check tests the kernel on this worker's CPU.
func (w *worker) check() {
	w.checked = time.Now()
	if fault := w.examiner().Test(w.kernel); fault != nil {
		w.batch.wrong, w.batch.fault = 1, fault
		w.distrust()
	}
}

// distrust counts the batch's wrong hits as hardware errors and takes the
// kernel out of use, for all workers. It returns false if there is no other.
func (w *worker) distrust() bool {
	for range w.batch.wrong {
		w.counter.AddHardwareError()
	}
	out, news := w.lineup.demote(w.kernel.Name)
	line := w.log.With(zap.String("kernel", w.kernel.Name), zap.Int("worker", w.index), zap.Int("cpu", w.place.CPU), zap.Error(w.batch.fault))
	switch {
	case news:
		line.Error("hardware error: the kernel is wrong and is not used any more; lower the clock or check the cooling, and restart to use it again",
			zap.String("next_kernel", w.lineup.ranks().best(w.rolling).Name))
	case !out:
		// The first says it all; later ones are logged ever more rarely.
		n := w.counter.HardwareErrors()
		if bits.Len64(n) != bits.Len64(n-w.batch.wrong) {
			line.Error("hardware error: the kernel is wrong, and there is no other to go on with; lower the clock or check the cooling",
				zap.Uint64("errors", n))
		}
	}
	return out
}

// settle pins the thread and sets its priority, as far as the system lets it.
// What the system cannot do at all is said once, by the first worker.
func (w *worker) settle(priority Priority) {
	complain := func(what string, err error) {
		if err != nil && (w.index == 0 || !errors.Is(err, errors.ErrUnsupported)) {
			w.log.Warn(what, zap.Int("worker", w.index), zap.Int("cpu", w.place.CPU), zap.Error(err))
		}
	}
	if w.place.Pinned {
		complain("worker is not pinned to its CPU", PinThread(w.place.CPU))
	}
	complain("worker keeps its normal priority", setThreadPriority(priority))
}

// wait returns when ctx ends or one of the channels speaks; pause may be nil.
func wait(ctx context.Context, replaced <-chan struct{}, pause <-chan time.Time) {
	select {
	case <-ctx.Done():
	case <-replaced:
	case <-pause:
	}
}
