package miner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/telemetry"
	"quarry/work"
)

// patience is how long a stopping miner waits for its workers. They stop within
// a batch, but where other programs want every CPU, threads of a low priority
// may not get there for seconds: they end by themselves later.
const patience = 500 * time.Millisecond

// drainTime is how long a stopping miner waits for verdicts still out.
const drainTime = 3 * time.Second

// Options are all that a miner needs. Source, Placements, Telemetry and Kernels
// or Tune are required.
type Options struct {
	Source Source
	// Kernels are tried in this order: when one reports a hit that the reference
	// does not confirm, all workers go on with the next, and never back.
	Kernels []hashing.Kernel
	// Tune, if it is not nil, may add kernels and decides about their order while
	// the miner runs. It ends with its context. Without Kernels nothing is hashed
	// before it adds one.
	Tune       func(context.Context, *Stage)
	Placements []affinity.Placement // one worker for each
	Priority   affinity.Priority
	Start      work.Start
	// Shares ends the run after so many accepted shares; 0 means never.
	Shares    uint64
	Telemetry *telemetry.Telemetry // for at least as many workers as Placements
	Trace     Trace
	Log       *zap.Logger // nil is silent

	nonces uint64        // in a work, for tests; 0: all
	pause  time.Duration // between two tests of a worker's kernel, for tests; 0: checkPause
}

// Trace has hooks for measuring; nil ones are not called. They are called on
// the hot path and from several goroutines, and must be quick.
type Trace struct {
	// Switched is called by each worker just before its first scan of a job.
	Switched func(worker int, job *work.Job)
	// Settled is called after a share's verdict was booked.
	Settled func(share *work.Share, found time.Time, verdict work.Verdict)
}

// Run mines until ctx ends, the share limit is reached (both return nil) or
// the source gives up (its error). It stops in order: workers, then shares
// still without a verdict (for at most three seconds), then the source.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	searching, stopSearching := context.WithCancel(ctx)
	defer stopSearching()
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()

	feed, roller, lineup := newFeed(), work.NewRoller(o.Start), newLineup(o.Kernels)
	examiner := sync.OnceValue(hashing.NewExaminer)
	shares := &submitter{
		source: o.Source, ledger: o.Telemetry.Ledger, trace: o.Trace, log: o.Log,
		limit: o.Shares, enough: stopSearching,
		losses: losses{log: o.Log, more: "more shares lost"}, outdated: losses{log: o.Log, more: "more shares stale"},
		queue: make(chan found, queuedShares), ended: make(chan struct{}),
	}
	var source, workers, submits, tuner sync.WaitGroup
	var sourceErr error
	source.Go(func() {
		sourceErr = o.Source.Run(connected, func(job *work.Job) {
			feed.publish(job)
			noteDifficulties(o.Telemetry, job)
		})
		stopSearching()
	})
	submits.Go(func() { shares.run(connected) })
	for i := range o.Placements {
		w := &worker{
			index: i, place: o.Placements[i], lineup: lineup, feed: feed, roller: roller,
			counter: o.Telemetry.Counters.Worker(i), telemetry: o.Telemetry, shares: shares,
			examiner: examiner, nonces: o.nonces, pause: o.pause, trace: o.Trace, log: o.Log,
		}
		workers.Go(func() { w.run(searching, o.Priority) })
	}
	if o.Tune != nil {
		stage := &Stage{feed: feed, lineup: lineup, workers: len(o.Placements)}
		tuner.Go(func() { o.Tune(searching, stage) })
	}

	<-searching.Done()
	feed.publish(nil) // ends the batches
	waitFor(&workers, patience)
	o.Telemetry.Meter.Stop()
	close(shares.ended)
	if pending := o.Telemetry.Ledger.Snapshot().Pending; pending > 0 {
		o.Log.Info("ending: waiting for the last verdicts", zap.Uint64("shares", pending), zap.Duration("at_most", drainTime))
	}
	impatient := time.AfterFunc(drainTime, disconnect)
	submits.Wait()
	impatient.Stop()
	disconnect()
	source.Wait()
	tuner.Wait()
	o.Telemetry.Ledger.Close(work.LostShutdown)
	if ctx.Err() != nil || shares.reached() {
		return nil
	}
	return sourceErr
}

// check refuses what cannot work and fills in what was left open.
func (o *Options) check() error {
	if len(o.Placements) == 0 || len(o.Kernels) == 0 && o.Tune == nil || o.Telemetry.Counters.Len() < len(o.Placements) {
		return errors.New("miner: needs a kernel, at least one placement and a counter for each worker")
	}
	for _, k := range o.Kernels {
		if k.Scan == nil || k.Lanes < 1 || k.Versions < 1 {
			return fmt.Errorf("miner: kernel %q cannot scan", k.Name)
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.nonces == 0 {
		o.nonces = nonces
	}
	if o.pause == 0 {
		o.pause = checkPause
	}
	return nil
}

// waitFor waits until the group is done, or for d.
func waitFor(group *sync.WaitGroup, d time.Duration) {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// noteDifficulties tells telemetry what shares are now asked for.
func noteDifficulties(t *telemetry.Telemetry, job *work.Job) {
	if job == nil {
		return
	}
	t.SetDifficulty(job.Difficulty.Float64())
	network := 0.0 // unknown
	if job.NetworkKnown {
		network = job.NetworkTarget.Difficulty()
	}
	t.SetNetworkDifficulty(network)
}
