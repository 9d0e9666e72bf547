package tune

import (
	"cmp"
	"math"
	"quarry/bench/stats"
	"slices"
	"time"
)

// A contest compares kernels in windows of a few milliseconds, in which all workers
// use one of them. A kernel's window lies between two of the best one's, so their
// ratio is free of slow changes such as clocks and heat. Fast changes, such as
// neighbors, spoil some ratios; so the median counts, and its interval by order
// statistics, which assumes nothing about their distribution.

const (
	// The strongest disturbances observed halve a kernel's rate, as a hyperthread in
	// the cache of decoded instructions does. A rate below half, with some margin,
	// is the kernel's own.
	hopeless    = 0.4  // of the best one's rate: dropped at once
	farBehind   = 0.8  // dropped after
	fewRatios   = 2    // ratios
	someRatios  = 5    // at least, before any other decision
	manyRatios  = 12   // at least, before the best one changes after the first heat: the choice is seldom wrong
	mostRatios  = 24   // then it is a tie
	nearEnough  = 0.9  // of the best one's rate: compared again more often
	certainty   = 1.2  // half the interval's width, in half standard errors of a sign test
	equalWithin = 0.01 // an interval this close to 1 is a tie
)

// contest compares the kernels for jobs with version rolling, or without.
type contest struct {
	rolling bool
	rivals  []*rival
	best    *rival
	heats   int       // finished ones
	due     time.Time // the next heat
	open    bool      // a heat is on
	changed bool      // the best one, in this heat

	before []float64 // the workers' rates in the window just before, with the best one; nil: none
	sums   []float64 // of all workers in the best one's windows of this heat
	voids  int       // consecutive windows without a result
}

// rival is one kernel in a contest.
type rival struct {
	name   string
	level  float64   // fraction of the best one's rate, as last known; 0: unknown
	ratios []float64 // of this heat
	closed bool      // decided in this heat
}

// newContest compares the named kernels, the one in use first.
func newContest(rolling bool, names []string) *contest {
	c := &contest{rolling: rolling}
	for _, name := range names {
		c.rivals = append(c.rivals, &rival{name: name})
	}
	c.best = c.rivals[0]
	c.best.level = 1
	return c
}

// begin opens a heat: with all rivals in the first and in every sixth, otherwise
// with those near the best.
func (c *contest) begin() {
	c.open, c.changed, c.sums, c.voids = true, false, nil, 0
	for _, r := range c.rivals {
		r.ratios = nil
		r.closed = r == c.best || c.heats%allHeats != 0 && r.level < nearEnough
	}
}

const (
	allHeats   = 6
	secondHeat = time.Minute      // after the first, which startup may have disturbed
	laterHeats = 10 * time.Minute // between later ones
)

// end closes the heat.
func (c *contest) end(now time.Time) {
	c.open = false
	c.heats++
	c.due = now.Add(laterHeats)
	if c.heats == 1 {
		c.due = now.Add(secondHeat)
	}
}

// next returns the rival to try next: the one with the fewest ratios. It is nil when
// all are decided.
func (c *contest) next() *rival {
	var next *rival
	for _, r := range c.rivals {
		if !r.closed && (next == nil || len(r.ratios) < len(next.ratios)) {
			next = r
		}
	}
	return next
}

// note adds a ratio and decides the rival if possible.
func (c *contest) note(r *rival, ratio float64) {
	r.ratios = append(r.ratios, ratio)
	r.level = stats.Median(r.ratios)
	n := len(r.ratios)
	low, high := interval(r.ratios)
	switch {
	case r.ratios[n-1] < hopeless, n >= fewRatios && slices.Max(r.ratios) < farBehind:
		r.closed = true
	case n < someRatios:
	case low > 1 && (c.heats == 0 || n >= manyRatios):
		c.promote(r)
	case low > 1 && n < mostRatios: // not decided yet
	case high < 1, n >= mostRatios, low > 1-equalWithin && high < 1+equalWithin:
		r.closed = true
	}
}

// promote makes r the best one. Ratios against the old one are dropped; only the
// levels are kept, rescaled.
func (c *contest) promote(r *rival) {
	level := r.level
	for _, other := range c.rivals {
		other.level /= level
		other.ratios = nil
	}
	c.best.closed = true // r beat it
	c.best, r.level, r.closed = r, 1, true
	c.changed, c.before, c.sums = true, nil, nil
}

// keepOnly drops the rivals that are not named, because they were found wrong. If
// the best one is gone, the first of the names is in use.
func (c *contest) keepOnly(names []string) {
	c.rivals = slices.DeleteFunc(c.rivals, func(r *rival) bool { return !slices.Contains(names, r.name) })
	if len(c.rivals) == 0 || slices.Contains(c.rivals, c.best) {
		return
	}
	next := c.rivals[max(slices.IndexFunc(c.rivals, func(r *rival) bool { return r.name == names[0] }), 0)]
	if next.level == 0 {
		next.level = 1
	}
	c.promote(next)
}

// order returns the rivals, best first.
func (c *contest) order() []*rival {
	order := slices.Clone(c.rivals)
	slices.SortStableFunc(order, func(a, b *rival) int {
		switch {
		case a == c.best:
			return -1
		case b == c.best:
			return 1
		}
		return cmp.Compare(b.level, a.level)
	})
	return order
}

// names returns the rivals' names, best first.
func (c *contest) names() (names []string) {
	for _, r := range c.order() {
		names = append(names, r.name)
	}
	return names
}

// interval returns an interval of the median, of about 98 % from seven ratios on.
func interval(ratios []float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(ratios))
	n := float64(len(sorted))
	k := max(int(math.Floor((n+1)/2-certainty*math.Sqrt(n))), 1)
	return sorted[k-1], sorted[len(sorted)-k]
}
