package miner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/telemetry"
	"quarry/work"
)

// patience is how long a stopping miner waits for its devices. They stop within
// a batch, but where other programs want every CPU, threads of a low priority
// may not run for seconds: they end by themselves later.
const patience = 500 * time.Millisecond

// drainTime is how long a stopping miner waits for verdicts still out.
const drainTime = 3 * time.Second

// Options configure a run. Source, Devices and Telemetry are required.
type Options struct {
	Source  Source
	Devices []Device
	Start   work.Start
	// Shares ends the run after so many accepted shares; 0 means never.
	Shares    uint64
	Telemetry *telemetry.Telemetry // made with the devices' counters
	Trace     Trace
	Log       *zap.Logger // nil is silent
}

// Trace has hooks for measuring; nil ones are not called. They are called on
// the hot path and from several goroutines, and must be quick.
type Trace struct {
	// Switched is called by each worker just before its first scan of a job.
	Switched func(worker int, job *work.Job)
	// Booked is called after a share's verdict was booked.
	Booked func(share *work.Share, found time.Time, verdict work.Verdict)
}

// Run mines until ctx ends, the share limit is reached (both return nil), the
// source gives up (its error) or no device is left. It stops in order: devices,
// then shares still without a verdict (for at most three seconds), then the source.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	searching, stopSearching := context.WithCancel(ctx)
	defer stopSearching()
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()

	feed := newFeed()
	shares := &submitter{
		source: o.Source, ledger: o.Telemetry.Ledger, trace: o.Trace, log: o.Log,
		limit: o.Shares, enough: stopSearching,
		losses: losses{log: o.Log, more: "more shares lost"}, outdated: losses{log: o.Log, more: "more shares stale"},
		queue: make(chan found, queuedShares), ended: make(chan struct{}),
	}
	search := &Search{feed: feed, roller: work.NewRoller(o.Start), shares: shares, trace: o.Trace, log: o.Log}
	shares.weak = &weakBlocks{search: search}
	devices := &devices{log: o.Log}
	var source, submits sync.WaitGroup
	var sourceErr error
	source.Go(func() {
		sourceErr = o.Source.Run(connected, func(job *work.Job) {
			feed.publish(job)
			noteJob(o.Telemetry, job)
		})
		stopSearching()
	})
	submits.Go(func() { shares.run(connected) })
	o.Telemetry.SetSource(o.Source.Status)
	devices.start(searching, o.Devices, search, stopSearching)
	var blocks sync.WaitGroup
	blocks.Go(func() { shares.weak.run(searching) })

	<-searching.Done()
	feed.publish(nil) // ends the batches
	waitFor(&devices.running, patience)
	blocks.Wait()
	o.Telemetry.Meter.Stop()
	close(shares.ended)
	if pending := o.Telemetry.Ledger.Snapshot().Pending; pending > 0 {
		o.Log.Info("waiting for the last verdicts", zap.Uint64("shares", pending), held(o.Source), zap.Duration("at_most", drainTime))
	}
	deadline := time.AfterFunc(drainTime, disconnect)
	submits.Wait()
	deadline.Stop()
	disconnect()
	source.Wait()
	o.Telemetry.Ledger.Close(work.LostShutdown)
	if ctx.Err() != nil || shares.reached() {
		return nil
	}
	return cmp.Or(devices.err(), sourceErr)
}

// validate refuses what cannot work and fills in the defaults.
func (o *Options) validate() error {
	if len(o.Devices) == 0 {
		return errors.New("miner: needs a device")
	}
	for _, d := range o.Devices {
		if !slices.Contains(o.Telemetry.Devices, d.Counters()) {
			return fmt.Errorf("miner: telemetry does not have the counters of device %s", d.Counters().Name())
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return nil
}

// held is how many of the shares wait for their pool to be back, if any.
func held(source Source) zap.Field {
	n := 0
	for _, pool := range source.Status() {
		n += pool.Waiting
	}
	if n == 0 {
		return zap.Skip()
	}
	return zap.Int("held_for_pool", n)
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

// noteJob records whose job is mined now, and what it asks of shares.
func noteJob(t *telemetry.Telemetry, job *work.Job) {
	if job == nil {
		t.SetPool("")
		return
	}
	t.SetPool(job.Pool)
	t.SetDifficulty(job.Difficulty.Float64())
	network := 0.0 // unknown
	if job.NetworkKnown {
		network = job.NetworkTarget.Difficulty()
	}
	t.SetNetworkDifficulty(network)
}
