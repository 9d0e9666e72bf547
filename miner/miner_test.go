package miner_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/hashing"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/telemetry"
	"quarry/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options are for a miner with the devices.
func options(source miner.Source, devices ...miner.Device) miner.Options {
	var counters []*telemetry.Device
	for _, d := range devices {
		counters = append(counters, d.Counters())
	}
	return miner.Options{Source: source, Devices: devices, Telemetry: telemetry.New(nil, counters...)}
}

// testOptions are for a miner with a device that is no CPU.
func testOptions(workers int, source miner.Source) miner.Options {
	return options(source, minertest.NewReference("reference", workers))
}

// TestStormKeepsTheBooks: many workers, shares by the thousand, every kind of
// verdict, jobs coming and going; the books balance at every moment.
func TestStormKeepsTheBooks(t *testing.T) {
	jobs := []*work.Job{minertest.Job(t, 1, "1e-8"), minertest.Job(t, 2, "2e-8"), nil, minertest.Job(t, 3, "1e-8")}
	var mu sync.Mutex
	given := map[string]uint64{}
	source := minertest.Source{
		OnRun: func(ctx context.Context, publish func(*work.Job)) error {
			tick := time.NewTicker(3 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				publish(jobs[i%len(jobs)])
				select {
				case <-ctx.Done():
					return nil
				case <-tick.C:
				}
			}
		},
		OnSubmit: func(ctx context.Context, _ *work.Share) work.Verdict {
			verdicts := map[string]work.Verdict{
				"accepted": {Kind: work.Accepted, Sent: true}, "rejected": {Kind: work.Rejected, Reason: work.ReasonDuplicate, Code: 22, Sent: true},
				"stale": {Kind: work.Stale}, "lost": {Kind: work.Lost, Reason: work.LostTimeout, Sent: true},
				"none": {}, // a source that breaks its word
			}
			names := []string{"accepted", "accepted", "rejected", "stale", "lost", "none"}
			name := names[rand.IntN(len(names))]
			if rand.IntN(20) == 0 { // a slow one, so that some are pending
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
			mu.Lock()
			given[name]++
			mu.Unlock()
			return verdicts[name]
		},
	}
	o := testOptions(3, source)
	o.Shares = 500
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(t.Context(), o) }()
	balance := func() telemetry.Shares {
		s := o.Telemetry.Snapshot().Shares
		if s.Found != s.Accepted+s.Rejected+s.Stale+s.Lost+s.Pending {
			t.Errorf("the books do not balance: %+v", s)
		}
		return s
	}
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
			balance()
		}
	}
	s := balance()
	mu.Lock()
	defer mu.Unlock()
	if s.Pending != 0 || s.Bugs != 0 {
		t.Errorf("pending %d, bookkeeping errors %d at the end, want none", s.Pending, s.Bugs)
	}
	full := s.LostBy["queue_full"]
	if s.Accepted != given["accepted"] || s.Rejected != given["rejected"] || s.Stale != given["stale"] ||
		s.Lost != given["lost"]+given["none"]+full || s.LostBy["no_verdict"] != given["none"] {
		t.Errorf("verdicts given %v and queue full %d, but the books say %+v", given, full, s)
	}
	if s.Accepted < 500 {
		t.Errorf("ended with %d accepted shares, want 500 or a few more", s.Accepted)
	}
}

// TestNoJobNoHashing: without a job the workers rest, and a new job wakes them.
func TestNoJobNoHashing(t *testing.T) {
	step := make(chan *work.Job)
	source := minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		for {
			select {
			case job := <-step:
				publish(job)
			case <-ctx.Done():
				return nil
			}
		}
	}}
	const workers = 2
	device := minertest.NewReference("reference", workers)
	o := options(source, device)
	var resting atomic.Bool
	var late atomic.Int64 // batches begun while there was no job
	device.Batch = func() {
		if resting.Load() {
			late.Add(1)
		}
	}
	switched := make(chan *work.Job, 100)
	o.Trace.Switched = func(_ int, job *work.Job) { switched <- job }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, o) }()

	for _, job := range []*work.Job{minertest.Job(t, 1, "1000"), minertest.Job(t, 2, "1000")} {
		resting.Store(false)
		step <- job
		for range workers {
			if got := <-switched; got != job {
				t.Fatalf("a worker switched to %s, want %s", got.ID, job.ID)
			}
		}
		step <- nil
		step <- nil // the first nil has been published when this one is taken
		late.Store(0)
		resting.Store(true)
		time.Sleep(30 * time.Millisecond)
		// A worker that had just looked may begin one more batch, not two.
		if n := late.Load(); n > workers {
			t.Fatalf("%d batches were begun without a job", n)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// settled waits until the counters stand still for a while and returns them.
func settled(c *telemetry.Counters) uint64 {
	for {
		before := c.Hashes()
		time.Sleep(50 * time.Millisecond)
		if c.Hashes() == before {
			return before
		}
	}
}

// TestShutdownWaitsForVerdicts: a verdict on its way at the end still counts;
// one that never comes is lost, and the source is closed after the submits.
func TestShutdownWaitsForVerdicts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	submitting := make(chan struct{}, 1000)
	source := minertest.Source{
		OnRun: minertest.Jobs(minertest.Job(t, 1, "1e-8")),
		OnSubmit: func(ctx context.Context, _ *work.Share) work.Verdict {
			select {
			case submitting <- struct{}{}:
			default:
			}
			cancel()
			select {
			case <-time.After(100 * time.Millisecond):
				return work.Verdict{Kind: work.Accepted, Sent: true}
			case <-ctx.Done():
				return work.LostTo(ctx.Err())
			}
		},
	}
	o := testOptions(1, source)
	if err := miner.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	s := o.Telemetry.Snapshot().Shares
	if len(submitting) == 0 || s.Accepted == 0 || s.Pending != 0 || s.Found != s.Accepted+s.Lost {
		t.Errorf("after the end: %+v", s)
	}
}

// TestLossesAreToldTogether: however many shares a pool takes with it, or a
// block, the log has one line at once and one that counts the rest.
func TestLossesAreToldTogether(t *testing.T) {
	for what, verdict := range map[string]work.Verdict{
		"lost":  {Kind: work.Lost, Reason: work.LostDisconnected},
		"stale": {Kind: work.Stale},
	} {
		core, logs := observer.New(zap.InfoLevel)
		o := testOptions(2, minertest.Source{
			OnRun:    minertest.Jobs(minertest.Job(t, 1, "1e-8")),
			OnSubmit: func(context.Context, *work.Share) work.Verdict { return verdict },
		})
		o.Log = zap.New(core)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := miner.Run(ctx, o); err != nil {
			t.Fatal(err)
		}
		told := uint64(logs.FilterMessage("share " + what).Len())
		for _, line := range logs.FilterMessage("more shares " + what).All() {
			told += line.ContextMap()["shares"].(uint64)
		}
		s := o.Telemetry.Snapshot().Shares
		if n := map[string]uint64{"lost": s.Lost, "stale": s.Stale}[what]; n < 100 || told != n || logs.Len() > 10 {
			t.Errorf("%d shares %s, %d told in %d lines", n, what, told, logs.Len())
		}
	}
}

// TestStarvedWorkerDoesNotHoldTheEnd: a worker that gets no CPU at the end is
// not waited for, and what it finds later changes no book.
func TestStarvedWorkerDoesNotHoldTheEnd(t *testing.T) {
	starved, free := make(chan struct{}), make(chan struct{})
	var once sync.Once
	source := minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1e-8")), OnSubmit: minertest.Accept}
	device := minertest.NewReference("reference", 1)
	o := options(source, device)
	device.Batch = func() {
		if device.Counters().Hashes() > 1<<12 {
			once.Do(func() { close(starved) })
			<-free
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, o) }()
	<-starved
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the run has not ended")
	}
	s := o.Telemetry.Snapshot()
	close(free)
	if s.Shares.Accepted == 0 || s.Shares.Pending != 0 || s.Shares.Found != s.Shares.Accepted+s.Shares.Lost {
		t.Errorf("the books at the end: %+v", s.Shares)
	}
}

// TestBlocksAreTold: a block that is rarer than a share has a line of its own.
func TestBlocksAreTold(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	job := minertest.Job(t, 1, "1e-9")
	job.NetworkTarget, job.NetworkKnown = minertest.Job(t, 1, "1e-7").Difficulty.Target(), true
	source := minertest.Source{OnRun: minertest.Jobs(job), OnSubmit: minertest.Accept}
	o := testOptions(1, source)
	o.Log, o.Shares = zap.New(core), 1000
	if err := miner.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s := o.Telemetry.Snapshot().Shares
	if n := uint64(logs.FilterMessage("block found").Len()); n != s.BlocksFound || n == 0 || n > s.Found/10 {
		t.Errorf("%d lines for %d blocks among %d shares", n, s.BlocksFound, s.Found)
	}
}

// TestWeakBlocks: on a chain that is easier than the shares one block is sent for a
// job, though no device finds it, and not at once another for the next job. Its
// verdict says nothing about the hash rate.
func TestWeakBlocks(t *testing.T) {
	regtest := func(seed byte) *work.Job {
		job := minertest.Job(t, seed, "1000")
		job.NetworkTarget, job.NetworkKnown = hashing.MaxTarget(), true
		return job
	}
	core, logs := observer.New(zap.InfoLevel)
	done := make(chan struct{})
	source := minertest.Source{
		OnRun: func(ctx context.Context, publish func(*work.Job)) error {
			publish(regtest(1))
			<-done
			publish(regtest(2))
			<-ctx.Done()
			return nil
		},
		OnSubmit: func(_ context.Context, share *work.Share) work.Verdict {
			if !share.Job.IsBlock(share.Hash) || share.Job.IsShare(share.Hash) || share.Job.ID != "job1" {
				t.Errorf("sent: %+v", share)
			}
			close(done) // a second share panics
			return work.Verdict{Kind: work.Accepted, Sent: true}
		},
	}
	o := testOptions(1, source)
	o.Log = zap.New(core)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-done
		time.Sleep(50 * time.Millisecond)
		stop()
	}()
	if err := miner.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	s := o.Telemetry.Snapshot().Shares
	if s.Found != 1 || s.BlocksAccepted != 1 || s.AcceptedDifficulty != 0 {
		t.Errorf("the books: %+v", s)
	}
	if said := logs.FilterMessage("share accepted").All(); len(said) != 1 || said[0].ContextMap()["block"] != true {
		t.Errorf("said %v", logs.All())
	}
}

// TestHeldBackIsNoLatency: what was not sent says nothing of the pool.
func TestHeldBackIsNoLatency(t *testing.T) {
	var n atomic.Uint64
	source := minertest.Source{
		OnRun: minertest.Jobs(minertest.Job(t, 1, "1e-8")),
		OnSubmit: func(ctx context.Context, share *work.Share) work.Verdict {
			time.Sleep(time.Millisecond)
			if n.Add(1)%2 == 0 {
				return minertest.Accept(ctx, share)
			}
			return work.Verdict{Kind: work.Stale}
		},
	}
	o := testOptions(1, source)
	o.Shares = 10
	if err := miner.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if s := o.Telemetry.Snapshot().Shares; s.Stale == 0 || s.Latency.Count != s.Accepted {
		t.Errorf("%d latencies for %d accepted and %d not sent", s.Latency.Count, s.Accepted, s.Stale)
	}
}

// failing is a device that gives up when it is told to.
type failing struct {
	*minertest.Reference
	fail chan error
}

func (f failing) Run(ctx context.Context, s *miner.Search) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- f.Reference.Run(ctx, s) }()
	var err error
	select {
	case err = <-f.fail:
	case <-ctx.Done():
	}
	cancel()
	return cmp.Or(err, <-ended)
}

// TestDevicesFail: the others go on without a device that fails; without any the
// run ends and says why.
func TestDevicesFail(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	first := failing{minertest.NewReference("first", 1), make(chan error)}
	second := failing{minertest.NewReference("second", 1), make(chan error)}
	o := options(minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1000"))}, first, second)
	o.Log = zap.New(core)
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(t.Context(), o) }()
	first.fail <- errors.New("out of memory")
	for logs.Len() == 0 {
		time.Sleep(time.Millisecond)
	}
	for before := second.Counters().Hashes(); second.Counters().Hashes() == before; {
		select {
		case err := <-ended:
			t.Fatalf("ended with %v although one device works", err)
		case <-time.After(time.Millisecond):
		}
	}
	second.fail <- errors.New("too hot")
	err := <-ended
	if err == nil || !strings.Contains(err.Error(), "first stopped: out of memory") || !strings.Contains(err.Error(), "second stopped: too hot") {
		t.Errorf("ended with %v", err)
	}
	if lines := logs.FilterMessage("device stopped mining").All(); len(lines) != 2 || lines[0].ContextMap()["device"] != "first" {
		t.Errorf("lines %v", lines)
	}
}

// TestCountersMustBeKnown: a device whose counters telemetry lacks is refused.
func TestCountersMustBeKnown(t *testing.T) {
	o := testOptions(1, minertest.Source{})
	o.Devices = append(o.Devices, minertest.NewReference("other", 1))
	if err := miner.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("ended with %v", err)
	}
	o.Devices = nil
	if err := miner.Run(t.Context(), o); err == nil {
		t.Error("it runs without a device")
	}
}

func TestSourceErrorEndsTheRun(t *testing.T) {
	broken := errors.New("no pool")
	source := minertest.Source{OnRun: func(context.Context, func(*work.Job)) error { return broken }}
	if err := miner.Run(t.Context(), testOptions(2, source)); !errors.Is(err, broken) {
		t.Errorf("Run returned %v, want the source's error", err)
	}
}

// TestExhaustedJobWaitsForTheClock: a job whose space is used up makes the
// workers wait, not spin, and they go on with the next job.
func TestExhaustedJobWaitsForTheClock(t *testing.T) {
	tiny := minertest.Job(t, 1, "1")
	tiny.Extranonce2Size, tiny.VersionMask = 1, 0
	next := minertest.Job(t, 2, "1")
	switched := make(chan *work.Job, 1<<20)
	publishNext := make(chan struct{})
	source := minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		publish(tiny)
		<-publishNext
		publish(next)
		<-ctx.Done()
		return nil
	}}
	core, logs := observer.New(zap.InfoLevel)
	device := minertest.NewReference("reference", 1)
	device.Nonces = 3
	o := options(source, device)
	o.Log = zap.New(core)
	o.Trace.Switched = func(_ int, job *work.Job) { switched <- job }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, o) }()
	if got := <-switched; got != tiny {
		t.Fatal("not the first job")
	}
	hashed := settled(o.Telemetry.Counters)
	if want := uint64(256) * 3; hashed < want {
		t.Errorf("%d hashes of the tiny job, want %d at least", hashed, want)
	}
	if n := logs.FilterMessageSnippet("search space exhausted").Len(); n != 1 {
		t.Errorf("%d lines say why nothing is hashed, want 1", n)
	}
	close(publishNext)
	for got := range switched {
		if got == next {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
