package miner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/telemetry"
	"quarry/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a Source made of two functions.
type scripted struct {
	run    func(ctx context.Context, publish func(*work.Job)) error
	submit func(ctx context.Context, share *work.Share) work.Verdict
}

func (s scripted) Run(ctx context.Context, publish func(*work.Job)) error {
	return s.run(ctx, publish)
}
func (s scripted) Submit(ctx context.Context, share *work.Share) work.Verdict {
	return s.submit(ctx, share)
}

func accept(context.Context, *work.Share) work.Verdict {
	return work.Verdict{Kind: work.Accepted, Sent: true}
}

// offers publishes the jobs and waits for the end.
func offers(jobs ...*work.Job) func(context.Context, func(*work.Job)) error {
	return func(ctx context.Context, publish func(*work.Job)) error {
		for _, job := range jobs {
			publish(job)
		}
		<-ctx.Done()
		return nil
	}
}

func testJob(t *testing.T, seed byte, difficulty string) *work.Job {
	t.Helper()
	d, err := hashing.ParseDifficulty(difficulty)
	if err != nil {
		t.Fatal(err)
	}
	return &work.Job{
		ID: fmt.Sprint("job", seed), PrevHash: hashing.Hash{seed}, Coinb1: []byte{seed}, Coinb2: []byte{2},
		Extranonce1: []byte{3}, Extranonce2Size: 4, Version: 0x20000000, VersionMask: 0x1fffe000,
		NBits: 0x1d00ffff, NTime: 1_700_000_000, Difficulty: d, Received: time.Now(),
	}
}

func testOptions(t *testing.T, workers int, source Source) Options {
	t.Helper()
	kernel, _, err := hashing.ChooseFrom(hashing.Kernels(), "generic")
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Source: source, Kernels: []hashing.Kernel{kernel}, Placements: make([]affinity.Placement, workers), Priority: affinity.PriorityNormal,
		Telemetry: telemetry.New(workers, nil),
	}
}

// TestStormKeepsTheBooks: many workers, shares by the thousand, every kind of
// verdict, jobs coming and going; the books balance at every moment.
func TestStormKeepsTheBooks(t *testing.T) {
	jobs := []*work.Job{testJob(t, 1, "1e-7"), testJob(t, 2, "2e-7"), nil, testJob(t, 3, "1e-7")}
	var mu sync.Mutex
	given := map[string]uint64{}
	source := scripted{
		run: func(ctx context.Context, publish func(*work.Job)) error {
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
		submit: func(ctx context.Context, _ *work.Share) work.Verdict {
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
	o := testOptions(t, 3, source)
	o.Shares = 500
	ended := make(chan error, 1)
	go func() { ended <- Run(t.Context(), o) }()
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
	full := s.LostBy["queue full"]
	if s.Accepted != given["accepted"] || s.Rejected != given["rejected"] || s.Stale != given["stale"] ||
		s.Lost != given["lost"]+given["none"]+full || s.LostBy["no verdict"] != given["none"] {
		t.Errorf("verdicts given %v and queue full %d, but the books say %+v", given, full, s)
	}
	if s.Accepted < 500 {
		t.Errorf("ended with %d accepted shares, want 500 or a few more", s.Accepted)
	}
}

// claims is a kernel that scans nothing and reports what it is told.
func claims(scan func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32)) hashing.Kernel {
	return hashing.Kernel{Name: "claims", Lanes: 256, Versions: 4, Scan: scan}
}

// TestLyingKernel: hits that the reference does not confirm are hardware
// errors and never shares.
func TestLyingKernel(t *testing.T) {
	source := scripted{
		run: offers(testJob(t, 1, "1")),
		submit: func(context.Context, *work.Share) work.Verdict {
			t.Error("a false hit was submitted")
			return work.Verdict{}
		},
	}
	o := testOptions(t, 2, source)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Kernels[0] = claims(func(_ *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		hits[0] = hashing.Hit{Nonce: start}
		if o.Telemetry.Counters.HardwareErrors() > 100 {
			cancel()
		}
		return 1, count
	})
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if s := o.Telemetry.Snapshot(); s.HardwareErrors < 100 || s.Shares.Found != 0 {
		t.Errorf("%d hardware errors and %d shares, want over 100 and none", s.HardwareErrors, s.Shares.Found)
	}
}

// TestNothingIsScannedTwice follows every scan of several workers through job
// changes: no (midstate, tail, nonce) comes up twice, and what a finished work
// covers is all 2^32 nonces.
func TestNothingIsScannedTwice(t *testing.T) {
	type span struct{ start, end uint64 }
	type header struct {
		midstate [8]uint32
		tail     [3]uint32
	}
	var mu sync.Mutex
	spans := map[header][]span{}
	enough := make(chan struct{})
	var once sync.Once
	kernel := claims(func(p *hashing.Prehash, start, count uint32, _ []hashing.Hit) (int, uint32) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range p.Midstates[:p.Versions] {
			h := header{m, p.Tail}
			spans[h] = append(spans[h], span{uint64(start), uint64(start) + uint64(count)})
		}
		if len(spans) > 3000 {
			once.Do(func() { close(enough) })
		}
		return 0, count
	})
	jobs := []*work.Job{testJob(t, 1, "1"), testJob(t, 2, "1"), testJob(t, 1, "1")}
	source := scripted{run: func(ctx context.Context, publish func(*work.Job)) error {
		for i := 0; ; i++ {
			publish(jobs[i%len(jobs)])
			select {
			case <-enough:
				return errors.New("seen enough")
			case <-ctx.Done():
				return nil
			case <-time.After(2 * time.Millisecond):
			}
		}
	}}
	o := testOptions(t, 3, source)
	o.Kernels[0], o.Start = kernel, work.Start{Nonce: 12345}
	if err := Run(t.Context(), o); err == nil || err.Error() != "seen enough" {
		t.Fatalf("ended with %v", err)
	}
	whole := 0
	for h, list := range spans {
		var sum uint64
		for i, s := range list {
			sum += s.end - s.start
			for _, other := range list[:i] {
				if s.start < other.end && other.start < s.end {
					t.Fatalf("header %x: nonces %v and %v overlap", h.tail, s, other)
				}
			}
		}
		if sum > nonces {
			t.Fatalf("header %x: %d nonces scanned, more than there are", h.tail, sum)
		}
		if sum == nonces {
			whole++
		}
	}
	if whole == 0 {
		t.Error("no work was ever finished: the test shows nothing about whole works")
	}
}

// TestNoJobNoHashing: without a job the workers rest, and a new job wakes them.
func TestNoJobNoHashing(t *testing.T) {
	step := make(chan *work.Job)
	source := scripted{run: func(ctx context.Context, publish func(*work.Job)) error {
		for {
			select {
			case job := <-step:
				publish(job)
			case <-ctx.Done():
				return nil
			}
		}
	}}
	o := testOptions(t, 2, source)
	var resting atomic.Bool
	var late atomic.Int64 // scans begun while there was no job
	o.Kernels[0] = claims(func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) {
		if resting.Load() {
			late.Add(1)
		}
		return 0, count
	})
	switched := make(chan *work.Job, 100)
	o.Trace.Switched = func(_ int, job *work.Job) { switched <- job }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()

	for _, job := range []*work.Job{testJob(t, 1, "1000"), testJob(t, 2, "1000")} {
		resting.Store(false)
		step <- job
		for range o.Placements {
			if got := <-switched; got != job {
				t.Fatalf("a worker switched to %s, want %s", got.ID, job.ID)
			}
		}
		step <- nil
		step <- nil // the first nil has been published when this one is taken
		late.Store(0)
		resting.Store(true)
		time.Sleep(30 * time.Millisecond)
		// A worker that had just looked may begin one more scan, not two.
		if n := late.Load(); n > int64(len(o.Placements)) {
			t.Fatalf("%d scans were begun without a job", n)
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
	source := scripted{
		run: offers(testJob(t, 1, "1e-6")),
		submit: func(ctx context.Context, _ *work.Share) work.Verdict {
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
	o := testOptions(t, 1, source)
	if err := Run(ctx, o); err != nil {
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
		o := testOptions(t, 2, scripted{
			run:    offers(testJob(t, 1, "1e-7")),
			submit: func(context.Context, *work.Share) work.Verdict { return verdict },
		})
		o.Log = zap.New(core)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Run(ctx, o); err != nil {
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
	source := scripted{run: offers(testJob(t, 1, "1e-6")), submit: accept}
	o := testOptions(t, 1, source)
	scan := o.Kernels[0].Scan
	o.Kernels[0].Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		if o.Telemetry.Counters.Hashes() > 1<<20 {
			once.Do(func() { close(starved) })
			<-free
		}
		return scan(p, start, count, hits)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
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
	job := testJob(t, 1, "1e-8")
	job.NetworkTarget, job.NetworkKnown = testJob(t, 1, "1e-6").Difficulty.Target(), true
	source := scripted{run: offers(job), submit: accept}
	o := testOptions(t, 1, source)
	o.Log, o.Shares = zap.New(core), 1000
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s := o.Telemetry.Snapshot().Shares
	if n := uint64(logs.FilterMessage("BLOCK FOUND").Len()); n != s.BlocksFound || n == 0 || n > s.Found/10 {
		t.Errorf("%d lines for %d blocks among %d shares", n, s.BlocksFound, s.Found)
	}
}

// TestHeldBackIsNoLatency: what was not sent says nothing of the pool.
func TestHeldBackIsNoLatency(t *testing.T) {
	var n atomic.Uint64
	source := scripted{
		run: offers(testJob(t, 1, "1e-6")),
		submit: func(ctx context.Context, share *work.Share) work.Verdict {
			time.Sleep(time.Millisecond)
			if n.Add(1)%2 == 0 {
				return accept(ctx, share)
			}
			return work.Verdict{Kind: work.Stale}
		},
	}
	o := testOptions(t, 1, source)
	o.Shares = 10
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if s := o.Telemetry.Snapshot().Shares; s.Stale == 0 || s.Latency.Count != s.Accepted {
		t.Errorf("%d latencies for %d accepted and %d held back", s.Latency.Count, s.Accepted, s.Stale)
	}
}

func TestSourceErrorEndsTheRun(t *testing.T) {
	broken := errors.New("no pool")
	source := scripted{run: func(context.Context, func(*work.Job)) error { return broken }}
	if err := Run(t.Context(), testOptions(t, 2, source)); !errors.Is(err, broken) {
		t.Errorf("Run returned %v, want the source's error", err)
	}
}

// TestExhaustedJobWaitsForTheClock: a job whose space is used up makes the
// workers wait, not spin, and they go on with the next job.
func TestExhaustedJobWaitsForTheClock(t *testing.T) {
	tiny := testJob(t, 1, "1")
	tiny.Extranonce2Size, tiny.VersionMask = 1, 0
	next := testJob(t, 2, "1")
	switched := make(chan *work.Job, 1<<20)
	publishNext := make(chan struct{})
	source := scripted{run: func(ctx context.Context, publish func(*work.Job)) error {
		publish(tiny)
		<-publishNext
		publish(next)
		<-ctx.Done()
		return nil
	}}
	core, logs := observer.New(zap.InfoLevel)
	o := testOptions(t, 1, source)
	o.Log = zap.New(core)
	o.Kernels[0] = claims(func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) {
		return 0, count
	})
	o.Trace.Switched = func(_ int, job *work.Job) { switched <- job }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	if got := <-switched; got != tiny {
		t.Fatal("not the first job")
	}
	hashed := settled(o.Telemetry.Counters)
	if want := uint64(256) << 32; hashed < want {
		t.Errorf("%d hashes of the tiny job, want %d at least", hashed, want)
	}
	if n := logs.FilterMessageSnippet("nothing left to search").Len(); n != 1 {
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
