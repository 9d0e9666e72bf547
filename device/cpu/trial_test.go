package cpu

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/work"
)

// paced is a kernel that finds nothing at so many hashes a second, the first
// call after another kernel's at a tenth of that.
func paced(name string, rate float64, last *atomic.Pointer[string]) hashing.Kernel {
	return hashing.Kernel{Name: name, Lanes: 8, Versions: 4, Scan: func(p *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) {
		took := time.Duration(float64(count) * float64(p.Versions) / rate * 1e9)
		if before := last.Swap(&name); before != nil && *before != name {
			took *= 10
		}
		for began := time.Now(); time.Since(began) < took; {
		}
		return 0, count
	}}
}

// TestTryTellsRates: of whole batches only, not of the first, nor of those that
// grow; and between them the best kernel hashes.
func TestTryTellsRates(t *testing.T) {
	var last atomic.Pointer[string]
	o := testMining(t, 1, minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1"))})
	o.cpu.Kernels = []hashing.Kernel{paced("best", 5e6, &last), paced("slow", 1e6, &last)}
	ctx, cancel := context.WithCancel(t.Context())
	o.cpu.Tune = func(ctx context.Context, s *Selector) {
		defer cancel()
		if rolling, err := s.Job(ctx); !rolling || err != nil {
			t.Errorf("job: %v, %v", rolling, err)
		}
		for name, rate := range map[string]float64{"best": 5e6, "slow": 1e6} {
			// Other programs may lower each, but not all of many, and raise none.
			best := 0.0
			for tries := 0; tries < 500 && best < 0.8*rate; tries++ {
				rates := s.Try(ctx, name, true, 15*time.Millisecond)
				if len(rates) != 1 || rates[0] > 1.02*rate {
					t.Fatalf("%s has %v, want at most %v", name, rates, rate)
				}
				best = max(best, rates[0])
			}
			if best < 0.8*rate {
				t.Errorf("%s has %v at best, want %v", name, best, rate)
			}
		}
		if rates := s.Try(ctx, "absent", true, time.Hour); rates != nil {
			t.Errorf("a kernel that is not there has %v", rates)
		}
		if rates := s.Try(ctx, "best", false, 5*time.Millisecond); len(rates) != 1 || rates[0] != 0 {
			t.Errorf("without a job of the kind: %v", rates)
		}
		for deadline := time.Now().Add(10 * time.Second); *last.Load() != "best"; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%s hashes after the trials", *last.Load())
				break
			}
		}
	}
	if err := miner.Run(ctx, o.Options); err != nil {
		t.Fatal(err)
	}
}

// TestKernelsMayComeLater: workers wait for the first kernel, and hash with it.
func TestKernelsMayComeLater(t *testing.T) {
	o := testMining(t, 2, minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1e-6")), OnSubmit: minertest.Accept})
	later := o.cpu.Kernels[0]
	o.cpu.Kernels, o.Shares = nil, 5
	o.cpu.Tune = func(ctx context.Context, s *Selector) {
		time.Sleep(20 * time.Millisecond)
		if n := o.Telemetry.Counters.Hashes(); n > 0 {
			t.Errorf("%d hashes without a kernel", n)
		}
		s.Join(later)
	}
	if err := miner.Run(t.Context(), o.Options); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Placements: o.cpu.Placements}); err == nil {
		t.Error("there is a device without kernels")
	}
}

// TestRest ends with its time or its context, and not with each of many jobs.
func TestRest(t *testing.T) {
	var flooding atomic.Bool
	job := minertest.Job(t, 1, "1000")
	o := testMining(t, 1, minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		for publish(job); ctx.Err() == nil; time.Sleep(15 * time.Millisecond) {
			if flooding.Load() {
				publish(job)
			}
		}
		return nil
	}})
	o.cpu.Kernels = []hashing.Kernel{idleKernel()}
	ctx, cancel := context.WithCancel(t.Context())
	o.cpu.Tune = func(ctx context.Context, s *Selector) {
		defer cancel()
		began := time.Now()
		s.Rest(ctx, 10*time.Millisecond)
		if took := time.Since(began); took < 10*time.Millisecond || took > 5*time.Second {
			t.Errorf("rested %v of 10 ms", took)
		}
		over, end := context.WithCancel(ctx)
		end()
		s.Rest(over, time.Hour)
		flooding.Store(true)
		began = time.Now()
		s.Rest(ctx, time.Hour)
		if took := time.Since(began); took < leastRest || took > 30*time.Second {
			t.Errorf("rested %v with new jobs all the time", took)
		}
	}
	if err := miner.Run(ctx, o.Options); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkTrials is what windows of 3 ms, one after another, cost when they are
// all of the best kernel: paired with times without, in turns of 100 ms, all CPUs
// hashing. The cost is in us a window.
func BenchmarkTrials(b *testing.B) {
	const window, turn = 3 * time.Millisecond, 100 * time.Millisecond
	kernel, _, err := hashing.ChooseFrom(hashing.Kernels(), hashing.Auto)
	if err != nil {
		b.Fatal(err)
	}
	set, err := affinity.UsableCPUs()
	if err != nil {
		b.Fatal(err)
	}
	placements, err := affinity.ChooseCPUs(set, 0, nil)
	if err != nil {
		b.Fatal(err)
	}
	o := testMining(b, len(placements), minertest.Source{OnRun: minertest.Jobs(minertest.Job(b, 1, "1000"))})
	o.cpu.Kernels, o.cpu.Placements, o.cpu.Priority = []hashing.Kernel{kernel}, placements, affinity.PriorityLow
	var ratios []float64
	ctx, cancel := context.WithCancel(b.Context())
	o.cpu.Tune = func(ctx context.Context, s *Selector) {
		defer cancel()
		rate := func(work func()) float64 {
			began, before := time.Now(), o.Telemetry.Counters.Hashes()
			work()
			return float64(o.Telemetry.Counters.Hashes()-before) / time.Since(began).Seconds()
		}
		time.Sleep(turn)
		for b.Loop() {
			without := rate(func() { time.Sleep(turn) })
			with := rate(func() {
				for range turn / window {
					s.Try(ctx, kernel.Name, true, window)
				}
			})
			ratios = append(ratios, 2*with/(without+rate(func() { time.Sleep(turn) })))
		}
	}
	if err := miner.Run(ctx, o.Options); err != nil {
		b.Fatal(err)
	}
	slices.Sort(ratios)
	middle := ratios[len(ratios)/2]
	b.ReportMetric(middle, "ratio")
	b.ReportMetric(float64(window/time.Microsecond)*(1-middle), "us/window")
}
