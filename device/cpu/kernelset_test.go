package cpu

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/hashing"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/work"
)

// named is a kernel that finds nothing and reports its first call.
func named(name string, called chan<- string) hashing.Kernel {
	k := claims(func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) {
		select {
		case called <- name:
		default:
		}
		return 0, count
	})
	k.Name = name
	return k
}

func TestKernelSet(t *testing.T) {
	list := func(names ...string) (kernels []hashing.Kernel) {
		for _, name := range names {
			kernels = append(kernels, named(name, nil))
		}
		return kernels
	}
	set := newKernelSet(nil)
	if _, _, ok := set.ranking().choice(true); ok {
		t.Error("there is a choice of no kernels")
	}
	for _, k := range list("c", "b", "a") {
		set.add(k)
	}
	if !set.prefer(true, []string{"a", "x", "b"}) || !set.prefer(false, []string{"b", "a"}) || set.prefer(false, []string{"b"}) {
		t.Error("prefer does not say what it changed")
	}
	step := func(name string, wantOut, wantFirst bool, rolled, plain string) {
		t.Helper()
		out, first := set.remove(name)
		if r := set.ranking(); out != wantOut || first != wantFirst || r.rolled[0].Name != rolled || r.plain[0].Name != plain {
			t.Errorf("after %s: out %v, first %v, best %s and %s", name, out, first, r.rolled[0].Name, r.plain[0].Name)
		}
	}
	on := &trial{rolling: true}
	if !set.begin(on, "a") || set.begin(&trial{}, "x") {
		t.Error("a trial of what is not there, or none of what is")
	}
	if k, now, _ := set.ranking().choice(true); k.Name != "a" || now != on {
		t.Errorf("on trial is %s", k.Name)
	}
	if k, now, _ := set.ranking().choice(false); k.Name != "b" || now != nil {
		t.Errorf("jobs of the other kind have %s", k.Name)
	}
	step("a", true, true, "b", "b")
	if set.end(on) {
		t.Error("the trial of a kernel that is out goes on")
	}
	step("a", true, false, "b", "b")
	step("c", true, true, "b", "b")
	step("b", false, false, "b", "b")
}

// TestEachJobHasItsKernel: the order depends on whether there are versions to roll.
func TestEachJobHasItsKernel(t *testing.T) {
	called := make(chan string)
	plain := minertest.Job(t, 2, "1")
	plain.VersionMask = 0
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
	o := testMining(t, 1, source)
	a, b := named("a", called), named("b", called)
	o.cpu.Kernels = []hashing.Kernel{a, b}
	o.cpu.Tune = func(_ context.Context, s *Selector) { s.Prefer(false, "b") }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, o.Options) }()
	for _, round := range []struct {
		job  *work.Job
		want string
	}{{minertest.Job(t, 1, "1"), "a"}, {plain, "b"}, {minertest.Job(t, 3, "1"), "a"}} {
		step <- round.job
		for got := range called {
			if got == round.want {
				break
			}
		}
		if got := o.Telemetry.Snapshot().Kernel(); string(got) != round.want {
			t.Errorf("telemetry has kernel %s, want %s", got, round.want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestWrongKernelGoesOut: one error line, and the next kernel for all workers.
func TestWrongKernelGoesOut(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	source := minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1e-6")), OnSubmit: minertest.Accept}
	o := testMining(t, 3, source)
	o.cpu.Kernels = append([]hashing.Kernel{claims(faults()["a false hit"])}, o.cpu.Kernels...)
	o.Log, o.Shares = zap.New(core), 20
	if err := miner.Run(t.Context(), o.Options); err != nil {
		t.Fatal(err)
	}
	s := o.Telemetry.Snapshot()
	if s.HardwareErrors < 1 || s.HardwareErrors > 3 || s.Kernel() != "generic" || s.Shares.Rejected+s.Shares.Stale > 0 {
		t.Errorf("%d errors, kernel %s, shares %+v", s.HardwareErrors, s.Kernel(), s.Shares)
	}
	lines := logs.FilterLevelExact(zap.ErrorLevel).All()
	if len(lines) != 1 || lines[0].ContextMap()["kernel"] != "claims" || lines[0].ContextMap()["next_kernel"] != "generic" {
		t.Errorf("error lines %v, want one that names both kernels", lines)
	}
}

// TestMissedHitsAreSeen: the test that is repeated while mining sees what no
// share can show.
func TestMissedHitsAreSeen(t *testing.T) {
	source := minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1e-6")), OnSubmit: minertest.Accept}
	o := testMining(t, 2, source)
	o.cpu.Kernels = append([]hashing.Kernel{named("blind", nil)}, o.cpu.Kernels...)
	o.Shares, o.cpu.pause = 5, 10*time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := miner.Run(ctx, o.Options); err != nil {
		t.Fatal(err)
	}
	if s := o.Telemetry.Snapshot(); s.Kernel() != "generic" || s.Shares.Accepted < 5 || s.HardwareErrors < 1 || s.HardwareErrors > 2 {
		t.Errorf("kernel %s, %d shares, %d errors", s.Kernel(), s.Shares.Accepted, s.HardwareErrors)
	}
}

// TestLastKernelStays: a last kernel that only panics costs neither the miner
// nor its books.
func TestLastKernelStays(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	enough := make(chan struct{}, 1)
	source := minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		publish(minertest.Job(t, 1, "1"))
		select {
		case <-enough:
		case <-ctx.Done():
		}
		return errors.New("seen enough")
	}}
	o := testMining(t, 2, source)
	o.Log = zap.New(core)
	o.cpu.Kernels[0] = claims(func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) {
		if o.Telemetry.Counters.HardwareErrors() > 5000 {
			select {
			case enough <- struct{}{}:
			default:
			}
		}
		panic("out of order")
	})
	if err := miner.Run(t.Context(), o.Options); err == nil || err.Error() != "seen enough" {
		t.Fatalf("ended with %v", err)
	}
	if s := o.Telemetry.Snapshot(); s.Hashes != 0 || s.Shares.Found != 0 || s.HardwareErrors < 5000 {
		t.Errorf("%d hashes, %d shares, %d errors", s.Hashes, s.Shares.Found, s.HardwareErrors)
	}
	if n := logs.Len(); n == 0 || n > 60 {
		t.Errorf("%d lines about it", n)
	}
}
