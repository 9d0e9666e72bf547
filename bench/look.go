package bench

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// lookSteps is the iterations of the clock's loop in one look: 16384 cycles, some
	// 4 microseconds. The reference's loop has lookTurns as many, and takes as
	// long where the core does four additions a cycle.
	lookSteps = 1 << 10
	lookTurns = 4
	// fineTick is the system clock step that looks are designed for; with longer
	// steps, looks are longer too.
	fineTick = 10 * time.Nanosecond
	// coarseTick is a step too long for looks, which would be as long as slices.
	coarseTick = 500 * time.Nanosecond
	tickLooks  = 64
	// tickPatience limits the search for the step of a very coarse clock.
	tickPatience = 2 * time.Millisecond
)

// look is one look at the core, right before or after a slice.
type look struct {
	hertz float64 // its clock
	// load is the time of a loop that needs every pipe, divided by the time of one
	// that needs one pipe. It does not depend on the clock, but rises while another
	// program runs on the core's second thread.
	load float64
}

// looker measures the core of one thread.
type looker struct {
	now   func() time.Time
	took  time.Duration // time to read the clock once
	scale int           // of the loops' lengths
}

// newLooker measures the system clock's step; ok is false if that is too coarse.
func newLooker(now func() time.Time) (l looker, ok bool) {
	var steps []time.Duration
	began := now()
	for last := began; len(steps) < tickLooks && last.Sub(began) < tickPatience; {
		next := now()
		steps = append(steps, next.Sub(last))
		last = next
	}
	slices.Sort(steps)
	l = looker{now: now, took: time.Duration(math.MaxInt64), scale: 1}
	tick := time.Duration(math.MaxInt64)
	for i, step := range steps[1:] {
		if more := step - steps[i]; more > 0 {
			tick = min(tick, more)
		}
	}
	if most := steps[len(steps)/2]; tick > coarseTick && (most == 0 || most > coarseTick) {
		return l, false
	} else if tick <= coarseTick {
		l.scale = int(max(1, tick/fineTick))
	}
	for range tickLooks {
		l.took = min(l.took, reading(now))
	}
	return l, true
}

// reading returns how long a reading of the clock takes, averaged over
// several: the least of many such averages is undisturbed.
func reading(now func() time.Time) time.Duration {
	const readings = 16
	began := now()
	for range readings - 1 {
		now()
	}
	return now().Sub(began) / readings
}

// look takes one look.
func (l looker) look() look {
	began := l.now()
	sink := dependent(uint64(l.scale), uint64(began.Nanosecond())|1, lookSteps*l.scale)
	middle := l.now()
	throughput(uint64(lookSteps * lookTurns * l.scale))
	chain, all := middle.Sub(began)-l.took, l.now().Sub(middle)-l.took
	// The result is used, so that the compiler keeps the loop.
	if chain <= 0 || all <= 0 || bits.OnesCount64(sink) > 64 {
		return look{}
	}
	return look{
		hertz: float64(lookSteps*cyclesPerStep*l.scale) / chain.Seconds(),
		load:  float64(all) / float64(chain),
	}
}
