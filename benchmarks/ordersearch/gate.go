package main

import (
	"math"
	"quarry/bench"
	"slices"
	"time"
)

// gate separates undisturbed samples from others. On a shared machine the other
// thread of the core belongs to another tenant, whose programs take half of the
// core, for a millisecond or an hour, invisible to the system's clock. So a sample
// counts only if the core was free right before and after it. Because the frequency
// changes, time is counted in cycles.
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

// newGate learns the load of a free core where it is unknown, from looks and from
// the result of an earlier gate, 0 for none.
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

// lowLoad returns a low load, but not the least, because some readings are too small
// by chance. With a busy neighbor most are too large.
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

// cycles returns the core's cycles that work took, if undisturbed. If the look before
// it shows a disturbance, work does not run.
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

// isFree rejects loads that are too small, too: their clock reading was disturbed.
func (g *gate) isFree(load float64) bool { return math.Abs(load/g.free-1) <= loadTolerance }
