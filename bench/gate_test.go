package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry/bench/report"
	"quarry/bench/stats"
	"quarry/hashing"
)

// neighbor is another program on the core, with a simulated clock: a hash takes
// 1 microsecond, or 1.6 while the neighbor is there, and looks then see a load
// of 1.3.
type neighbor struct {
	now    atomic.Int64                 // nanoseconds
	there  func(now time.Duration) bool // whether the neighbor is
	random *rand.Rand
}

func (n *neighbor) busy() bool { return n.there(time.Duration(n.now.Load())) }

func (n *neighbor) meter() meter {
	return meter{
		now: func() time.Time { return time.Unix(0, n.now.Load()) },
		look: func() look {
			load := 1.0
			if n.busy() {
				load = 1.3
			}
			return look{hertz: 4e9, load: load * (1 + 0.004*(2*n.random.Float64()-1))}
		},
	}
}

// slowed returns the generic kernel timed by the neighbor's clock.
func (n *neighbor) slowed(t testing.TB) hashing.Kernel {
	return faulty(t, "slowed", func(good scan) scan {
		return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
			found, done := good(p, start, count, hits)
			for range int(done) * int(p.Versions) {
				cost := int64(1000)
				if n.busy() {
					cost = 1600
				}
				n.now.Add(cost)
			}
			return found, done
		}
	})
}

// withNeighbor runs a benchmark with the neighbor running that percentage of the
// time, a few milliseconds at once.
func withNeighbor(t *testing.T, seed uint64, percent int) *report.Report {
	t.Helper()
	r := seeded(seed)
	var stretches []bool // of 4 ms
	for range 10000 {
		stretches = append(stretches, r.IntN(100) < percent)
	}
	n := &neighbor{random: r, there: func(now time.Duration) bool {
		return stretches[int(now/(4*time.Millisecond))%len(stretches)]
	}}
	options := shortOptions(n.slowed(t))
	options.Kernels[0].Versions = 1
	options.Threads, options.Samples, options.meters = []int{1}, 5, n.meter
	report, err := Run(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestRateIsTheMachinesOwn: however often the neighbor runs, as long as it leaves
// some moments free, the figure is the rate of the kernel alone.
func TestRateIsTheMachinesOwn(t *testing.T) {
	for _, percent := range []int{0, 30, 60, 80} {
		s := withNeighbor(t, 1, percent).Kernels[0]
		if math.Abs(s.Median/1e6-1) > 0.001 || s.Disturbed {
			t.Errorf("with a neighbor %d %% of the time: %.0f hashes a second, disturbed %v; alone it does 1000000", percent, s.Median, s.Disturbed)
		}
		if s.Slices < 100 || s.Kept > s.Slices*(110-percent)/100 || s.Kept < s.Slices*(60-percent)/200 {
			t.Errorf("with a neighbor %d %% of the time: %d of %d slices kept", percent, s.Kept, s.Slices)
		}
	}
}

// TestAlwaysDisturbed: the report says so, and its interval extends to what the
// machine may do alone. Without a known load of an undisturbed core for the CPU's
// family, this cannot be detected.
func TestAlwaysDisturbed(t *testing.T) {
	report := withNeighbor(t, 2, 100)
	s := report.Kernels[0]
	if knownLoad(report.Machine) == 0 {
		if s.Disturbed || s.Kept == 0 {
			t.Errorf("disturbed %v, %d slices kept", s.Disturbed, s.Kept)
		}
		return
	}
	if !s.Disturbed || s.Kept != 0 || s.Low > 625000 || s.High < 1e6 || len(s.Samples) != 5 {
		t.Errorf("%+v, want 625000 hashes a second, at most twice as many, in 5 samples", s)
	}
	if n := len(report.Timeline); n < 6 {
		t.Errorf("%d points: no sample was repeated", n)
	}
	if !strings.Contains(strings.Join(report.Warnings, "\n"), "neighbors disturbed 1 of 1 series (slowed): the machine") {
		t.Errorf("warnings %q", report.Warnings)
	}
	if sunk := report.Timeline[0]; !sunk.Disturbed {
		t.Errorf("%+v is not marked", sunk)
	}
}

// TestGateLearns: it learns the load of an undisturbed core, on an unknown CPU, from
// a tenth of the looks, some of which are misreadings.
func TestGateLearns(t *testing.T) {
	r := seeded(3)
	var g gate
	if g.level() != 0 || len(g.kept([]slice{{}, {}})) != 0 {
		t.Error("it knows a level before the first look")
	}
	for i := range 20000 {
		load := 1.7 + 0.5*r.Float64()
		switch {
		case i%10 == 0:
			load = 1.33 + 0.004*r.NormFloat64()
		case i%250 == 1:
			load = 0.5 + r.Float64()/2
		}
		g.learn([]slice{{after: look{load: load}}})
	}
	if level := g.level(); math.Abs(level/1.33-1) > 0.005 {
		t.Errorf("level %v, want 1.33", level)
	}
}

func TestKeptSlices(t *testing.T) {
	g := gate{known: 1}
	loads := []float64{1, 1.004, 1.2, 1, 1, 1.3, 0.996, 0.99, 1.009, 1.02}
	var list []slice
	for i := range loads[1:] {
		list = append(list, slice{hashes: uint64(i), before: look{load: loads[i]}, after: look{load: loads[i+1]}})
	}
	var kept []uint64
	for _, s := range g.kept(list) {
		kept = append(kept, s.hashes)
	}
	// 0 and 3 have quiet looks, but none further on.
	if len(kept) != 2 || kept[0] != 6 || kept[1] != 7 {
		t.Errorf("slices %v kept, want 6 and 7", kept)
	}
}

func TestAlike(t *testing.T) {
	var list []slice
	for i, cycles := range []float64{120, 80, 130, 80.5, 81, 150, 79.5, 100, 101, 102, 90} {
		clock := look{hertz: 4e9}
		list = append(list, slice{hashes: uint64(1000 + i), took: time.Duration(cycles * float64(1000+i) / 4), before: clock, after: clock})
	}
	still := alike(list)
	if len(still) != 4 || math.Abs(cyclesOf(still)-80.25) > 0.05 || clockOf(still) != 4e9 {
		t.Errorf("%d slices of %v cycles at %v hertz", len(still), cyclesOf(still), clockOf(still))
	}
	if len(alike(nil)) != 0 {
		t.Error("slices out of nothing")
	}
}

// TestRecordThins: a long sample is thinned from its beginning to its end.
func TestRecordThins(t *testing.T) {
	var r record
	const all = 5*mostSlices + 3
	for i := range all {
		r.add(slice{hashes: uint64(i)})
	}
	if n := len(r.slices); n < mostSlices/2 || n > mostSlices {
		t.Fatalf("%d slices", n)
	}
	step := r.slices[1].hashes - r.slices[0].hashes
	for i, s := range r.slices {
		if s.hashes != uint64(i)*step {
			t.Fatalf("slice %d is number %d, want every %dth", i, s.hashes, step)
		}
	}
	if last := r.slices[len(r.slices)-1].hashes; last+step < all-step {
		t.Errorf("the last is number %d of %d", last, all)
	}
}

func TestLooker(t *testing.T) {
	var now time.Time
	step := func(d time.Duration) func() time.Time {
		return func() time.Time { now = now.Add(d); return now }
	}
	if l, ok := newLooker(step(40 * time.Nanosecond)); !ok || l.took != 40 || l.scale != 1 {
		t.Errorf("a fine clock: %+v, %v", l, ok)
	}
	reads := 0
	ticking := func(tick time.Duration) func() time.Time { // a reading takes 10 ns
		return func() time.Time { reads++; return time.Unix(0, int64(time.Duration(reads*10)/tick*tick)) }
	}
	if l, ok := newLooker(ticking(42)); !ok || l.scale != 4 || l.took > 42 {
		t.Errorf("a clock with steps of 42 ns: %+v, %v", l, ok)
	}
	for _, tick := range []time.Duration{100 * time.Microsecond, 15 * time.Millisecond} {
		if l, ok := newLooker(ticking(tick)); ok {
			t.Errorf("a clock with steps of %v passes: %+v", tick, l)
		}
	}
	l, ok := newLooker(time.Now)
	if !ok {
		t.Skip("this system's clock is too coarse")
	}
	var loads []float64
	for range 200 {
		if look := l.look(); look.load > 0 && look.hertz > 0 {
			loads = append(loads, look.load)
		}
	}
	if load := stats.Median(loads); load < 0.1 || load > 10 {
		t.Errorf("a load of %v", load)
	}
}

func TestPortBounds(t *testing.T) {
	for _, c := range []struct {
		family, model int
		kernel        string
		versions      int
		want          float64 // cycles, from the design notes; 0 for unknown
	}{
		{25, 0x11, "shani-avx512", 1, 59}, {25, 0x11, "shani-avx512", 32, 54},
		{25, 0x11, "avx512", 1, 89}, {25, 0x61, "avx512", 2, 81.8}, {25, 0x61, "avx512", 4, 78.2}, {25, 0xa0, "avx512", 1000, 74.6},
		{25, 0x11, "avx2", 1, 179.8}, {25, 0x11, "avx2", 32, 160}, {25, 0x11, "shani", 1, 66.8}, {25, 0x11, "shani", 32, 61},
		{25, 0x01, "avx2", 1, 0}, {25, 0x11, "sse2", 1, 0}, {25, 0x11, "shani-avx2", 32, 0},
		{26, 0x02, "avx512", 1, 44.5}, {26, 0x44, "avx512", 1000, 37.3}, {26, 0x24, "avx512", 1, 0}, {26, 0x02, "shani-avx512", 1, 0},
		{6, 0x8f, "avx512", 1, 89}, {6, 0x6a, "avx2", 1, 239.7}, {6, 0x9e, "avx2", 1, 0}, {0, 0, "generic", 1, 0},
	} {
		got := portBound(report.Machine{Family: c.family, Model: c.model}, report.SeriesKey{Kernel: c.kernel, Versions: c.versions})
		if math.Abs(got.Value-c.want) > 0.06 || got.OK != (c.want > 0) {
			t.Errorf("family %d model %#x, %s with %d versions: %v, want %v", c.family, c.model, c.kernel, c.versions, got, c.want)
		}
	}
}
