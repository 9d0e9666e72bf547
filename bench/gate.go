package bench

import "time"

const (
	// The load of a look at an undisturbed core is within these bounds of its
	// level; more means a neighbor, and far less a look whose clock was
	// disturbed. Wider ones let in slices that are 2 to 10 %
	// slower (Zen 4, the other thread of the core busy, 2026-11-27); readings scatter by 0.5 %.
	loadBelow, loadAbove = 0.02, 0.01
	// quietPart is the fraction of the looks that is taken to be undisturbed where
	// an undisturbed core's load is unknown.
	quietPart = 0.02

	gateBins  = 4000 // of loads, so that all above 8 are one
	gateWidth = 0.002
)

// slice is one call of a kernel and the looks right before and after it.
type slice struct {
	hashes        uint64
	took          time.Duration
	before, after look
}

// gate separates disturbed slices from others. Where the CPU's family does not say,
// it learns the load of an undisturbed core: neighbors come and go, and nothing
// makes the load smaller.
type gate struct {
	known float64 // 0 where it must be learned
	bins  [gateBins]int
	looks int
}

func (g *gate) learn(all []slice) {
	for _, s := range all {
		if load := s.after.load; load > 0 {
			g.bins[min(int(load/gateWidth), gateBins-1)]++
			g.looks++
		}
	}
}

// level returns the load of an undisturbed core; 0 before it is known. If learned,
// it is the most frequent load among the smallest ones, because the very smallest
// are misreadings.
func (g *gate) level() float64 {
	if g.known > 0 || g.looks == 0 {
		return g.known
	}
	below, first := 0, 0
	for float64(below+g.bins[first]) < quietPart*float64(g.looks) {
		below += g.bins[first]
		first++
	}
	best := first
	for i := first; i < gateBins && float64(i) <= float64(first)*(1+loadBelow); i++ {
		if g.bins[i] > g.bins[best] {
			best = i
		}
	}
	return (float64(best) + 0.5) * gateWidth
}

// kept returns the undisturbed ones of consecutive slices. A look may fall into a
// neighbor's pause that is shorter than a slice, so a slice needs a third quiet
// look, one further before or after.
func (g *gate) kept(all []slice) (kept []slice) {
	level := g.level()
	quiet := func(l look) bool { return l.load > 0 && l.load >= level*(1-loadBelow) && l.load <= level*(1+loadAbove) }
	for i, s := range all {
		third := i > 0 && quiet(all[i-1].before) || i+1 < len(all) && quiet(all[i+1].after)
		if third && quiet(s.before) && quiet(s.after) {
			kept = append(kept, s)
		}
	}
	return kept
}
