package telemetry

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// clock is a simulated clock.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s = %v, want %v (tolerance %v)", what, got, want, tolerance)
	}
}

func TestCountersOwnCacheLines(t *testing.T) {
	if size := unsafe.Sizeof(WorkerCounter{}); size != counterBytes {
		t.Fatalf("a WorkerCounter takes %d bytes, want %d", size, counterBytes)
	}
	for n := 1; n <= 40; n++ {
		c := NewCounters(n)
		for i := range n {
			if at := uintptr(unsafe.Pointer(c.Worker(i))); at%64 != 0 {
				t.Fatalf("worker %d of %d starts %d bytes into a cache line", i, n, at%64)
			}
		}
	}
}

func TestCountersSum(t *testing.T) {
	c := NewCounters(3)
	var wg sync.WaitGroup
	for i := range c.Len() {
		wg.Go(func() {
			for range 1000 {
				c.Worker(i).Add(uint64(i + 1))
			}
			c.Worker(i).AddHardwareError()
		})
	}
	wg.Wait()
	if c.Hashes() != 6000 || c.HardwareErrors() != 3 || c.Worker(2).Hashes() != 3000 {
		t.Errorf("hashes %d, errors %d, worker 2 %d; want 6000, 3, 3000", c.Hashes(), c.HardwareErrors(), c.Worker(2).Hashes())
	}
	if n := testing.AllocsPerRun(100, func() { c.Worker(1).Add(5) }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
	if NewCounters(-1).Len() != 0 {
		t.Error("negative number of workers is not 0")
	}
}

// mine lets worker w hash at a constant rate for d in steps, sampling after each.
func mine(c *clock, m *Meter, counters *Counters, rates []float64, d, step time.Duration) {
	for done := time.Duration(0); done < d; done += step {
		c.advance(step)
		for w, rate := range rates {
			counters.Worker(w).Add(uint64(math.Round(rate * step.Seconds())))
		}
		m.Sample()
	}
}

func TestMeterIsRightFromTheFirstSecond(t *testing.T) {
	c, counters := newClock(), NewCounters(2)
	counters.Worker(0).Add(1 << 40) // counted before the session
	m := NewMeter(counters, c.now)
	if r := m.Read(); r.Total != (Rates{}) || r.Hashes != 0 || r.Elapsed != 0 {
		t.Fatalf("at the start: %+v", r)
	}
	for second := 1; second <= 1000; second++ {
		mine(c, m, counters, []float64{1e6, 3e6}, time.Second, 500*time.Millisecond)
		r := m.Read()
		for name, got := range map[string]float64{
			"10s": r.Total.TenSeconds, "1m": r.Total.Minute, "15m": r.Total.FifteenMinutes, "session": r.Total.Session,
			"worker 1 10s": r.Workers[1].TenSeconds + 1e6, "worker 0 15m": r.Workers[0].FifteenMinutes * 4,
		} {
			near(t, name, got, 4e6, 1e-9)
		}
		if t.Failed() {
			t.Fatalf("in second %d", second)
		}
	}
	if r := m.Read(); r.Hashes != 4e9 || r.Elapsed != 1000*time.Second || r.Workers[0].Hashes != 1e9 {
		t.Errorf("totals: %d hashes in %v, worker 0 %d", r.Hashes, r.Elapsed, r.Workers[0].Hashes)
	}
}

func TestMeterFallsToExactlyZero(t *testing.T) {
	c, counters := newClock(), NewCounters(1)
	m := NewMeter(counters, c.now)
	mine(c, m, counters, []float64{1e6}, 20*time.Minute, 500*time.Millisecond)
	last := m.Read().Total
	for stopped := time.Duration(0); stopped < 16*time.Minute; stopped += 500 * time.Millisecond {
		r := m.Read().Total
		check := func(name string, got, before float64, window time.Duration) {
			if got > before+1e-6 {
				t.Fatalf("%s rises from %v to %v after work stopped", name, before, got)
			}
			if want := 1e6 * (1 - stopped.Seconds()/window.Seconds()); math.Abs(got-max(want, 0)) > 1e6*0.03 {
				t.Fatalf("%s is %v %v after work stopped, want about %v", name, got, stopped, want)
			}
			if stopped >= window && got != 0 {
				t.Fatalf("%s is %v %v after work stopped, want exactly 0", name, got, stopped)
			}
		}
		check("10s", r.TenSeconds, last.TenSeconds, shortWindow)
		check("1m", r.Minute, last.Minute, middleWindow)
		check("15m", r.FifteenMinutes, last.FifteenMinutes, longWindow)
		last = r
		c.advance(500 * time.Millisecond)
		m.Sample()
	}
	near(t, "session", m.Read().Total.Session, 1e6*20/36, 1e-9)
}

func TestMeterWithIrregularSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c, counters := newClock(), NewCounters(1)
	m := NewMeter(counters, c.now)
	for i := range 20000 {
		// From bursts of samples to gaps longer than the short window.
		step := time.Duration(math.Exp(rng.Float64()*10-2) * float64(time.Millisecond))
		if i%500 == 0 {
			step = 25 * time.Second
		}
		c.advance(step)
		counters.Worker(0).Add(uint64(step.Nanoseconds())) // 1e9 hashes a second
		if rng.IntN(3) > 0 {
			m.Sample()
		}
		if r := m.Read(); r.Elapsed > time.Second {
			near(t, "10s", r.Total.TenSeconds, 1e9, 1e-6)
			near(t, "1m", r.Total.Minute, 1e9, 1e-6)
			near(t, "15m", r.Total.FifteenMinutes, 1e9, 1e-6)
			near(t, "session", r.Total.Session, 1e9, 1e-6)
		}
		if t.Failed() {
			t.Fatalf("at step %d", i)
		}
	}
}

func TestMeterLateSampleIsNoSpike(t *testing.T) {
	c, counters := newClock(), NewCounters(1)
	m := NewMeter(counters, c.now)
	mine(c, m, counters, []float64{1e6}, time.Minute, time.Second)
	// Nothing sampled for 9.9 s, then a sample, then a batch counted right after it.
	c.advance(9900 * time.Millisecond)
	counters.Worker(0).Add(9_900_000)
	m.Sample()
	c.advance(time.Millisecond)
	counters.Worker(0).Add(10_000)
	if r := m.Read().Total.TenSeconds; r > 1.01e6 || r < 0.99e6 {
		t.Errorf("10s rate = %v, want about 1e6", r)
	}
}

func TestMeterClockBackwardsAndStandingStill(t *testing.T) {
	c, counters := newClock(), NewCounters(1)
	m := NewMeter(counters, c.now)
	counters.Worker(0).Add(1 << 30)
	c.advance(time.Microsecond)
	m.Sample()
	if r := m.Read(); r.Total != (Rates{}) {
		t.Errorf("rates after a microsecond: %+v, want none", r.Total)
	}
	mine(c, m, counters, []float64{1e6}, time.Minute, time.Second)
	c.advance(-time.Hour)
	m.Sample()
	r := m.Read()
	if r.Elapsed < time.Minute || math.IsNaN(r.Total.TenSeconds) || r.Total.TenSeconds > 1.1e6 {
		t.Errorf("after the clock went back: %v, %+v", r.Elapsed, r.Total)
	}
}

func TestMeterStopFreezesTheSession(t *testing.T) {
	c, counters := newClock(), NewCounters(1)
	m := NewMeter(counters, c.now)
	mine(c, m, counters, []float64{1e6}, 20*time.Second, time.Second)
	m.Stop()
	before := m.Read()
	c.advance(time.Hour)
	counters.Worker(0).Add(5)
	m.Sample()
	m.Stop()
	after := m.Read()
	if before.Total != after.Total || before.Hashes != after.Hashes || before.Elapsed != after.Elapsed {
		t.Errorf("after Stop %+v became %+v", before, after)
	}
	near(t, "session", after.Total.Session, 1e6, 1e-9)
}

func TestMeterConcurrent(t *testing.T) {
	counters := NewCounters(4)
	m := NewMeter(counters, nil)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for range 2000 {
				counters.Worker(w).Add(1)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range 200 {
				m.Sample()
				if r := m.Read(); r.Hashes > 8000 || math.IsNaN(r.Total.Session) {
					t.Errorf("read %+v", r)
				}
			}
		})
	}
	wg.Wait()
	if r := m.Read(); r.Hashes != 8000 {
		t.Errorf("hashes = %d, want 8000", r.Hashes)
	}
}
