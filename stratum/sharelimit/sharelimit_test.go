package sharelimit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/hashing"
	"quarry/work"
)

// finder finds shares of random strength at a rate.
type finder struct {
	random *rand.Rand
	job    *work.Job
	now    time.Time
}

func newFinder(t *testing.T, d string) *finder {
	t.Helper()
	difficulty, err := hashing.ParseDifficulty(d)
	if err != nil {
		t.Fatal(err)
	}
	return &finder{rand.New(rand.NewPCG(1, 2)), &work.Job{Difficulty: difficulty}, time.Now()}
}

// strength is about the hash's difficulty times a constant; [hashing.Hash.Difficulty] takes its time.
func strength(h hashing.Hash) float64 { return 1 / (1 + float64(h.TopWord())) }

// find offers so many shares a second to the guard and returns how many it lets
// through in each second, and the strength of the last.
func (f *finder) find(g *Limiter, rate, seconds int) (passed []int, sent, dropped []float64) {
	for range seconds {
		n := 0
		for range rate {
			f.now = f.now.Add(time.Second / time.Duration(rate))
			var h hashing.Hash
			for i := range h {
				h[i] = byte(f.random.Uint32())
			}
			if g.Admit(&work.Share{Job: f.job, Hash: h}, f.now) {
				n++
				sent = append(sent, strength(h))
			} else {
				dropped = append(dropped, strength(h))
			}
		}
		passed = append(passed, n)
	}
	return passed, sent, dropped
}

func newLimiter() (*Limiter, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	return New(500, 1000, zap.New(core)), logs
}

// TestGuardLetsSaneRatesThrough, a burst too.
func TestGuardLetsSaneRatesThrough(t *testing.T) {
	for _, rate := range []int{1, 100, 490} {
		g, logs := newLimiter()
		f := newFinder(t, "1e-9")
		if _, _, dropped := f.find(g, rate, 100); len(dropped) > 0 || logs.Len() > 0 {
			t.Errorf("%d shares a second: %d dropped", rate, len(dropped))
		}
	}
	g, _ := newLimiter()
	f := newFinder(t, "1e-9")
	for range 1000 {
		if !g.Admit(&work.Share{Job: f.job}, f.now) {
			t.Fatal("a burst is not let through")
		}
	}
	if g.Admit(&work.Share{Job: f.job}, f.now) {
		t.Error("more than a burst is let through")
	}
}

// TestGuardStopsAFlood: the rate stays within the limit, the strong shares are
// those that go out, and when the flood is over so is the guarding.
func TestGuardStopsAFlood(t *testing.T) {
	g, logs := newLimiter()
	f := newFinder(t, "1e-300")
	f.find(g, 5000, 15)
	passed, sent, dropped := f.find(g, 5000, 60)
	sum := 0
	for _, n := range passed {
		sum += n
	}
	if mean := sum / len(passed); mean < 200 || mean > 500 {
		t.Errorf("%d shares a second on average: %v", mean, passed)
	}
	weakest, strongest := slices.Min(sent), slices.Max(dropped)
	slices.Sort(dropped)
	if median := dropped[len(dropped)/2]; weakest < 2*median {
		t.Errorf("sent from %g on, dropped up to %g, half of them to %g", weakest, strongest, median)
	}
	if n := logs.Len(); n != 2 {
		t.Errorf("%d warnings in 75 s", n)
	}
	f.find(g, 100, 30)
	if _, _, dropped := f.find(g, 100, 60); len(dropped) > 0 {
		t.Errorf("%d dropped after the flood", len(dropped))
	}
}

// TestGuardHasRoomForBlocks also in a flood, but not for those of a test chain.
func TestGuardHasRoomForBlocks(t *testing.T) {
	for nbits, want := range map[uint32]bool{0x192495f8: true, 0x207fffff: false} {
		g, _ := newLimiter()
		f := newFinder(t, "1e-300")
		target, err := hashing.TargetFromNBits(nbits)
		if err != nil {
			t.Fatal(err)
		}
		f.job.NetworkTarget, f.job.NetworkKnown = target, true
		f.find(g, 2000, 5)
		for range 2000 {
			g.Admit(&work.Share{Job: f.job}, f.now)
		}
		if g.Admit(&work.Share{Job: f.job}, f.now) != want {
			t.Errorf("nbits %08x: block let through: %v", nbits, !want)
		}
	}
}
