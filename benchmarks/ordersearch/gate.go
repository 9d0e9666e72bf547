package main

import (
	"math"
	"quarry/bench"
	"slices"
	"time"
)

// gate tells samples of undisturbed time from others. On a shared machine the
// other thread of the core belongs to somebody else, and what they run takes
// half of the core, for a millisecond or for an hour; the system's clock does
// not see it. So a sample counts only if the core was free right before and
// after it. And as its frequency moves, time is counted in its cycles.
type gate struct {
	look func() (hertz, load float64)
	free float64 // the load of a free core
}

const (
	// loadTolerance: neighbors make the load a tenth larger at least.
	loadTolerance = 0.02
	// clockTolerance is how far the frequency may move within a sample.
	clockTolerance = 0.01
	learningLooks  = 10000
)

// newGate learns what the load of a free core is where that is not known, from
// this and from what an earlier gate found, 0 for nothing.
func newGate(core bench.Core, earlier float64) *gate {
	g := &gate{look: core.Look, free: bench.KnownLoad()}
	if g.free > 0 {
		return g
	}
	var loads []float64
	for range learningLooks {
		if _, load := g.look(); load > 0 {
			loads = append(loads, load)
		}
	}
	g.free = lowLoad(loads, earlier)
	return g
}

// lowLoad is not the least: by chance some are measured too small. Where a
// neighbor is busy few are not too large.
func lowLoad(loads []float64, earlier float64) float64 {
	if len(loads) == 0 {
		return earlier
	}
	slices.Sort(loads)
	low := loads[len(loads)/200]
	if earlier > 0 {
		low = min(low, earlier)
	}
	return low
}

// cycles returns how many of the core's cycles work took, if undisturbed. Where a
// look says at once that it would not be, it is not done.
func (g *gate) cycles(work func()) (cycles float64, ok bool) {
	before, load := g.look()
	if !g.isFree(load) {
		return 0, false
	}
	began := time.Now()
	work()
	took := time.Since(began)
	after, load := g.look()
	if !g.isFree(load) || math.Abs(after-before) > clockTolerance*before {
		return 0, false
	}
	return took.Seconds() * (before + after) / 2, true
}

// isFree: a load that is too small is a look whose clock was disturbed.
func (g *gate) isFree(load float64) bool { return math.Abs(load/g.free-1) <= loadTolerance }
