package miner

import (
	"context"
	"errors"
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
	// long the garbage collector may have to wait for it.
	batchTime = time.Millisecond
	minBatch  = 1 // groups of as many nonces as the kernel has lanes
	maxBatch  = 1 << 20
	// startBatch takes well below a millisecond even on slow machines.
	startBatch = 16
	nonces     = 1 << 32 // in a work
	// exhaustedPause is how long a worker waits for the clock when a job's
	// space is used up: by then ntime may be rolled one further.
	exhaustedPause = time.Second
	exhaustedQuiet = time.Minute // between two lines about that
)

// worker searches on one thread. Everything in it belongs to its goroutine.
type worker struct {
	index   int
	place   Placement
	kernel  hashing.Kernel
	feed    *feed
	roller  *work.Roller
	counter *telemetry.WorkerCounter
	shares  *submitter
	trace   Trace
	log     *zap.Logger

	toldExhausted time.Time

	work  work.Work
	hits  []hashing.Hit
	batch uint32 // groups of lanes per call, tuned to batchTime
}

// run searches whatever the feed offers until ctx ends. The thread it locks is
// never unlocked: it dies with the goroutine, and its pinning and priority
// with it.
func (w *worker) run(ctx context.Context, priority Priority) {
	runtime.LockOSThread()
	w.settle(priority)
	w.hits = make([]hashing.Hit, hashing.MinHits)
	w.batch = startBatch
	var last *offer
	for ctx.Err() == nil {
		now := w.feed.newest()
		if now.job == nil {
			wait(ctx, now.replaced, nil)
			continue
		}
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
	lanes := uint64(w.kernel.Lanes)
	for left := uint64(nonces); left > 0 && w.feed.newest() == now && ctx.Err() == nil; {
		count := uint32(min(left, uint64(w.batch)*lanes))
		began := time.Now()
		found, done := w.kernel.Scan(w.work.Prehash(), start, count, w.hits)
		w.tune(time.Since(began), done == count)
		w.counter.Add(uint64(done) * uint64(w.work.Versions))
		for _, hit := range w.hits[:found] {
			w.verify(hit)
		}
		start += done
		left -= uint64(done)
	}
}

// tune doubles or halves the batch when its time is off by more than half.
func (w *worker) tune(took time.Duration, full bool) {
	switch {
	case took > 2*batchTime && w.batch > minBatch:
		w.batch /= 2
	case full && took < batchTime/2 && w.batch < maxBatch:
		w.batch *= 2
	}
}

// verify hashes a hit again; what the reference does not confirm is a hardware
// error and goes no further.
func (w *worker) verify(hit hashing.Hit) {
	share, verdict := w.work.Verify(hit)
	switch verdict {
	case work.Found:
		w.shares.offer(share)
	case work.Mismatch:
		w.counter.AddHardwareError()
		// The first says it all; later ones are logged ever more rarely.
		if n := w.counter.HardwareErrors(); bits.OnesCount64(n) == 1 {
			w.log.Error("hardware error: the kernel reported a nonce that the reference does not confirm; "+
				"lower the clock or check the cooling, or try another --kernel",
				zap.Int("worker", w.index), zap.String("kernel", w.kernel.Name),
				zap.Uint32("nonce", hit.Nonce), zap.Uint64("errors", n))
		}
	}
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
