package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 3, 2, 1}, 2.5}} {
		if got := Median(c.list); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.list, got, c.want)
		}
	}
	list := []float64{3, 1, 2}
	if Median(list); list[0] != 3 {
		t.Error("Median sorts its argument")
	}
}

func TestIntervalOfEqualSamples(t *testing.T) {
	if low, high := Interval([]float64{5, 5, 5, 5, 5, 5, 5}, 0, 1); low != 5 || high != 5 {
		t.Errorf("%v to %v, want 5 to 5", low, high)
	}
	if low, high := Interval([]float64{5}, Drift([]float64{5}), 1); low != 5 || high != 5 {
		t.Errorf("one sample: %v to %v", low, high)
	}
	if low, high := Interval(nil, Drift(nil), 1); low != 0 || high != 0 {
		t.Errorf("no samples: %v to %v", low, high)
	}
}

// TestIntervalCovers draws samples around a known median, and wants it within
// the interval in about 95 of 100 cases, without drift.
func TestIntervalCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	covered, width := 0, 0.0
	const cases = 400
	for range cases {
		samples := make([]float64, 15)
		for i := range samples {
			samples[i] = 100 + r.NormFloat64()
		}
		low, high := Interval(samples, Drift(samples), 1)
		width += (high - low) / cases
		if low <= 100 && 100 <= high {
			covered++
		}
	}
	if covered < cases*93/100 {
		t.Errorf("%d of %d intervals cover the true median", covered, cases)
	}
	if width > 2.5 { // the bare bootstrap has 1.2
		t.Errorf("intervals are %.2f wide on average for a spread of 1", width)
	}
}

// TestIntervalsAgreeUnderDrift: the rate walks at random as a shared machine's
// does, and two runs one after the other must still agree 9 times of 10.
func TestIntervalsAgreeUnderDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 0))
	agree, bare := 0, 0
	const pairs, n = 300, 9
	for range pairs {
		rate := 100.0
		run := func() []float64 {
			samples := make([]float64, n)
			for i := range samples {
				rate += 0.3 * r.NormFloat64()
				samples[i] = rate + 0.3*r.NormFloat64()
			}
			return samples
		}
		a, b := run(), run()
		lowA, highA := Interval(a, Drift(a), 1)
		lowB, highB := Interval(b, Drift(b), 1)
		if lowA <= highB && lowB <= highA {
			agree++
		}
		lowA, highA = bootstrap(a, 1)
		lowB, highB = bootstrap(b, 1)
		if lowA <= highB && lowB <= highA {
			bare++
		}
	}
	t.Logf("%d of %d pairs agree, %d by the bootstrap alone", agree, pairs, bare)
	if agree < pairs*9/10 {
		t.Errorf("%d of %d pairs agree", agree, pairs)
	}
	if bare >= agree {
		t.Error("the drift changes nothing: is it still in the interval?")
	}
}

// TestDriftIsPooled: the drift within one run widens the interval of the other, and
// a run without two samples does not count.
func TestDriftIsPooled(t *testing.T) {
	steady, moved := []float64{10, 10, 10, 10}, []float64{98, 98, 102, 102}
	if got, want := Drift(moved), 0.04; math.Abs(got-want) > 1e-9 {
		t.Errorf("drift of one run %v, want %v", got, want)
	}
	if got, want := Drift(steady, moved, nil, []float64{3}), 0.04/math.Sqrt2; math.Abs(got-want) > 1e-9 {
		t.Errorf("drift of both %v, want %v", got, want)
	}
	if low, high := Interval(steady, 0.25, 1); low != 8 || high != 12.5 {
		t.Errorf("%v to %v, want 8 to 12.5", low, high)
	}
}

func TestIntervalIsRepeatable(t *testing.T) {
	samples := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	low, high := Interval(samples, Drift(samples), 1)
	again, andHigh := Interval(samples, Drift(samples), 1)
	if low != again || high != andHigh || low >= 5 || high <= 5 {
		t.Errorf("%v to %v, then %v to %v", low, high, again, andHigh)
	}
}

// TestRatioIntervalHoldsTheTruth draws pairs of runs whose true ratio is 1.02
// and counts how often the interval holds it: nominally 95 %; with 15 samples
// the percentile bootstrap of a median is a little on the wide side.
func TestRatioIntervalHoldsTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	run := func(mean float64) []float64 {
		rates := make([]float64, 15)
		for i := range rates {
			rates[i] = mean * (1 + 0.01*random.NormFloat64())
		}
		return rates
	}
	const runs = 300
	held, widest := 0, 0.0
	for range runs {
		a, b := run(100), run(102)
		low, high := RatioInterval(a, b, math.Hypot(Drift(a), Drift(b)))
		if low <= 1.02 && 1.02 <= high {
			held++
		}
		widest = max(widest, high-low)
	}
	if share := float64(held) / runs; share < 0.95 {
		t.Errorf("the interval held the true ratio %v of the time, want 0.95", share)
	}
	if widest > 0.07 {
		t.Errorf("an interval is %v wide, with a noise of 0.01", widest)
	}
	// A run that drifts by 4 % says nothing about 2 %.
	drifting := []float64{98, 98, 98, 98, 102, 102, 102, 102}
	steady := []float64{102, 102, 102, 102, 102, 102, 102, 102}
	if low, high := RatioInterval(drifting, steady, math.Hypot(Drift(drifting), Drift(steady))); low > 1 || high < 1 {
		t.Errorf("the interval %v to %v trusts a drifting run", low, high)
	}
}
