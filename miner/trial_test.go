package miner

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/telemetry"
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
// grow; and in between the best kernel hashes.
func TestTryTellsRates(t *testing.T) {
	var last atomic.Pointer[string]
	o := testOptions(t, 1, scripted{run: offers(testJob(t, 1, "1"))})
	o.Kernels = []hashing.Kernel{paced("best", 5e6, &last), paced("slow", 1e6, &last)}
	ctx, cancel := context.WithCancel(t.Context())
	o.Tune = func(ctx context.Context, s *Stage) {
		defer cancel()
		if rolling, err := s.Job(ctx); !rolling || err != nil {
			t.Errorf("job: %v, %v", rolling, err)
		}
		for name, rate := range map[string]float64{"best": 5e6, "slow": 1e6} {
			var rates []float64
			for range 9 {
				rates = append(rates, s.Try(ctx, name, true, 15*time.Millisecond)...)
			}
			slices.Sort(rates)
			if len(rates) != 9 || rates[4] < 0.8*rate || rates[4] > 1.02*rate {
				t.Errorf("%s has %v, want %v", name, rates, rate)
			}
		}
		if rates := s.Try(ctx, "absent", true, time.Hour); rates != nil {
			t.Errorf("a kernel that is not there has %v", rates)
		}
		if rates := s.Try(ctx, "best", false, 5*time.Millisecond); len(rates) != 1 || rates[0] != 0 {
			t.Errorf("without a job of the kind: %v", rates)
		}
		if name := *last.Load(); name != "best" {
			t.Errorf("%s hashes after the trials", name)
		}
	}
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
}

// TestKernelsMayComeLater: workers wait for the first kernel, and hash with it.
func TestKernelsMayComeLater(t *testing.T) {
	o := testOptions(t, 2, scripted{run: offers(testJob(t, 1, "1e-6")), submit: accept})
	later := o.Kernels[0]
	o.Kernels, o.Shares = nil, 5
	o.Tune = func(ctx context.Context, s *Stage) {
		time.Sleep(20 * time.Millisecond)
		if n := o.Telemetry.Counters.Hashes(); n > 0 {
			t.Errorf("%d hashes without a kernel", n)
		}
		s.Join(later)
	}
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Tune = nil
	if err := Run(t.Context(), o); err == nil {
		t.Error("it runs without kernels")
	}
}

// TestRest ends with its time or its context, and not with each of many jobs.
func TestRest(t *testing.T) {
	f := newFeed()
	s := &Stage{feed: f}
	began := time.Now()
	s.Rest(t.Context(), 10*time.Millisecond)
	if took := time.Since(began); took < 10*time.Millisecond || took > 5*time.Second {
		t.Errorf("rested %v of 10 ms", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Rest(ctx, time.Hour)
	var flood sync.WaitGroup
	defer flood.Wait()
	flooding, stop := context.WithCancel(t.Context())
	defer stop()
	flood.Go(func() {
		for flooding.Err() == nil {
			time.Sleep(15 * time.Millisecond)
			f.publish(nil)
		}
	})
	began = time.Now()
	s.Rest(t.Context(), time.Hour)
	if took := time.Since(began); took < leastRest || took > 30*time.Second {
		t.Errorf("rested %v with new jobs all the time", took)
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
	d, err := hashing.ParseDifficulty("1000")
	if err != nil {
		b.Fatal(err)
	}
	job := &work.Job{Extranonce1: []byte{3}, Extranonce2Size: 4, Version: 0x20000000, VersionMask: 0x1fffe000, Difficulty: d, Received: time.Now()}
	o := Options{
		Source: scripted{run: offers(job)}, Kernels: []hashing.Kernel{kernel}, Placements: placements, Priority: affinity.PriorityLow,
		Telemetry: telemetry.New(len(placements), nil),
	}
	var ratios []float64
	ctx, cancel := context.WithCancel(b.Context())
	o.Tune = func(ctx context.Context, s *Stage) {
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
	if err := Run(ctx, o); err != nil {
		b.Fatal(err)
	}
	slices.Sort(ratios)
	middle := ratios[len(ratios)/2]
	b.ReportMetric(middle, "ratio")
	b.ReportMetric(float64(window/time.Microsecond)*(1-middle), "us/window")
}
