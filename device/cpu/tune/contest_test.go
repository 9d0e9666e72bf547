package tune

import (
	"math/rand/v2"
	"testing"
)

func TestRatioOf(t *testing.T) {
	for _, c := range []struct {
		before, tried, after []float64
		want                 float64
	}{
		{[]float64{10, 20}, []float64{6, 12}, []float64{14, 28}, 0.5},
		{[]float64{10, 0}, []float64{6, 12}, []float64{14, 28}, 0.5}, // one was interrupted
		{[]float64{10, 0, 0, 0, 0}, []float64{6, 12, 1, 1, 1}, []float64{14, 28, 1, 1, 1}, 0},
		{nil, []float64{1}, []float64{1}, 0},
		{[]float64{1}, nil, nil, 0}, // it went out
		{[]float64{0}, []float64{0}, []float64{0}, 0},
	} {
		if got, ok := ratioOf(c.before, c.tried, c.after); got != c.want || ok != (c.want > 0) {
			t.Errorf("%+v: %v, %v", c, got, ok)
		}
	}
}

// TestIntervalHolds: at least 95 % of the intervals of seven or more ratios contain
// the true ratio, with one sample in ten disturbed.
func TestIntervalHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{7, 12, 24} {
		missed := 0
		for range 2000 {
			ratios := make([]float64, n)
			for i := range ratios {
				ratios[i] = 0.9 * (1 + 0.02*rng.NormFloat64())
				switch rng.IntN(20) {
				case 0:
					ratios[i] /= 2
				case 1:
					ratios[i] *= 2
				}
			}
			if low, high := interval(ratios); low > 0.9 || high < 0.9 {
				missed++
			}
		}
		if missed > 100 {
			t.Errorf("of 2000 intervals of %d ratios %d missed", n, missed)
		}
	}
}
