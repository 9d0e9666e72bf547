// Package stats computes medians and their intervals for samples of a machine that
// drifts.
package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	resamples  = 2000
	confidence = 0.95
	// FewSamples is the number of samples below which an interval says little.
	FewSamples = 7
)

// Median returns the middle value, or the mean of the two in the middle; 0 for none.
func Median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	return middle(slices.Sorted(slices.Values(list)))
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Interval returns the 95 % interval of the median of samples in the order of
// measurement: of the median that another run, right after this one, would find. The
// interval of one sample is the sample.
//
// A percentile bootstrap (2000 resamples, the same ones for the same seed)
// shows how well the samples determine their median, if each is independent of the
// others. They are not: a machine's clock and its neighbors change over
// seconds, so samples of one run resemble each other more than those of the
// next. So both ends move outward by the drift, as a fraction of the rate.
// How often two runs then agree on a machine that is not steady is in
// benchmarks/results/2026-11-25-amd-epyc-zen5-bench-repeat.txt.
func Interval(samples []float64, drift float64, seed uint64) (low, high float64) {
	if len(samples) == 0 {
		return 0, 0
	}
	low, high = bootstrap(samples, seed)
	return low / (1 + drift), high * (1 + drift)
}

// Drift returns a machine's drift as observed in the runs of one session: the root
// mean square of how far the median of a run's second half is from that of its
// first, as a fraction of the whole run's. The next session begins where this
// one ends and lasts as long; its medians are likely to be off by about as much
// again. Runs that took turns drift together, and one alone says little of how
// much: few samples move by chance, or by chance not at all.
func Drift(runs ...[]float64) float64 {
	sum, n := 0.0, 0
	for _, samples := range runs {
		half := len(samples) / 2
		if half == 0 || Median(samples) == 0 {
			continue
		}
		moved := (Median(samples[:half]) - Median(samples[len(samples)-half:])) / Median(samples)
		sum, n = sum+moved*moved, n+1
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}

// RatioInterval returns the 95 % interval of median(b)/median(a), each with at
// least 2 samples in the order of measuring: both are drawn again from their
// own samples, with replacement (percentile bootstrap; the seed is fixed, so
// that the same reports always compare the same), and the drift moves both
// ends outward, as in Interval.
func RatioInterval(a, b []float64, drift float64) (low, high float64) {
	random := rand.New(rand.NewPCG(1, 1))
	draw := func(from, to []float64) float64 {
		for i := range to {
			to[i] = from[random.IntN(len(from))]
		}
		slices.Sort(to)
		return middle(to)
	}
	ratios := make([]float64, resamples)
	drawnA, drawnB := make([]float64, len(a)), make([]float64, len(b))
	for i := range ratios {
		ratios[i] = draw(b, drawnB) / draw(a, drawnA)
	}
	slices.Sort(ratios)
	tail := int((1 - confidence) / 2 * resamples)
	return ratios[tail] / (1 + drift), ratios[resamples-1-tail] * (1 + drift)
}

// bootstrap returns the percentile bootstrap of the median.
func bootstrap(samples []float64, seed uint64) (low, high float64) {
	r := rand.New(rand.NewPCG(seed, uint64(len(samples))))
	medians, drawn := make([]float64, resamples), make([]float64, len(samples))
	for i := range medians {
		for j := range drawn {
			drawn[j] = samples[r.IntN(len(samples))]
		}
		slices.Sort(drawn)
		medians[i] = middle(drawn)
	}
	slices.Sort(medians)
	tail := int((1 - confidence) / 2 * resamples)
	return medians[tail], medians[resamples-1-tail]
}
