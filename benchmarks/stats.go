package benchmarks

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	resamples  = 2000
	confidence = 0.95
	// FewSamples is the number below which an interval says little.
	FewSamples = 7
)

// Median is the middle one, or the mean of the two in the middle; 0 of none.
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

// Interval is the 95 % interval of the median of samples that are in the order
// of measuring: of the median that another run, right after this one, would
// find. One sample has no interval but itself.
//
// A percentile bootstrap (2000 resamples, the same ones for the same seed)
// tells how well the samples fix their median, if each is independent of the
// others. They are not: a machine's clock and its neighbours change over
// seconds, so samples of one run resemble each other more than those of the
// next. What is seen of that in the run itself is how far the median of its
// second half is from that of its first. The next run begins where this one
// ends and lasts as long; its median is as likely to be off by so much again,
// in either direction. So both ends move outwards by this drift. On a steady
// machine it is next to nothing. On the shared machine that
// results/2026-11-25-amd-epyc-zen5-bench-repeat.txt is of, the bootstrap alone
// covered the next run in 73 to 92 of 100 cases, depending on how many samples
// there were and how far apart.
func Interval(samples []float64, seed uint64) (low, high float64) {
	n := len(samples)
	if n == 0 {
		return 0, 0
	}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	medians, drawn := make([]float64, resamples), make([]float64, n)
	for i := range medians {
		for j := range drawn {
			drawn[j] = samples[r.IntN(n)]
		}
		slices.Sort(drawn)
		medians[i] = middle(drawn)
	}
	slices.Sort(medians)
	tail := int((1 - confidence) / 2 * resamples)
	drift := math.Abs(Median(samples[:n/2]) - Median(samples[n-n/2:]))
	return max(medians[tail]-drift, 0), medians[resamples-1-tail] + drift
}

// summarise fills in the figures of a series from its samples.
func (s *Series) summarise(seed uint64) {
	if len(s.Samples) == 0 {
		return
	}
	s.Median = Median(s.Samples)
	s.Low, s.High = Interval(s.Samples, seed)
	s.Min, s.Max = slices.Min(s.Samples), slices.Max(s.Samples)
}
