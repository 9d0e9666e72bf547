package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/telemetry"
)

// This file doubts what was measured once. A neighbour on the same core can
// halve a kernel's rate for seconds, longer than a start may take: no care in
// one measurement sees that. Neither does the rate of mining, which is of the
// kernel that was picked, while the harm is in the one that was not. So there
// is a second measurement at another time, and the better of two counts.

const (
	mostLooks  = 2                  // measurements kept for one key
	secondLook = 10 * time.Minute   // after the first
	keptFor    = 7 * 24 * time.Hour // then there is another at the next start
	clockSlack = time.Minute        // a measurement of a later time than that was dated by a wrong clock
)

// dueAt is when it is to be measured again.
func (p *pick) dueAt() time.Time {
	if p.looks < mostLooks {
		return p.Measured.Add(secondLook)
	}
	return p.Measured.Add(keptFor)
}

// due says that it is measured again at that time, and why; empty if it is
// not.
func (p *pick) due(now time.Time) string {
	switch {
	case p.looks == 0:
		return "measuring the kernels, for a second or so"
	case p.Measured.After(now.Add(clockSlack)) || !now.Before(p.Measured.Add(keptFor)):
		return "measuring the kernels again, for a second or so: the last time was " + p.Measured.Format(time.DateOnly)
	case !now.Before(p.dueAt()):
		return "measuring the kernels a second time, for a second or so: the better rates count, as the first may have been disturbed"
	}
	return ""
}

// better takes the higher rates of measurements with one key, the newest
// first. A fault in one is a fault. Those beyond mostLooks do not count; of none
// it is an empty pick.
func better(looks []pick) *pick {
	if len(looks) == 0 {
		return new(pick)
	}
	best := looks[0]
	best.Kernels = slices.Clone(best.Kernels)
	best.looks = min(len(looks), mostLooks)
	for _, look := range looks[1:best.looks] {
		rates, faults := look.rates(), look.faults()
		for i := range best.Kernels {
			f := &best.Kernels[i]
			f.Plain, f.Rolled = max(f.Plain, rates[f.Kernel].Plain), max(f.Rolled, rates[f.Kernel].Rolled)
			f.Fault = cmp.Or(f.Fault, faults[f.Kernel])
		}
	}
	return &best
}

// lookAgain is for rigs that seldom start: it measures a second time while
// they mine, where the first has not been confirmed. The workers, which have a
// low priority, pause for it.
func (p *picker) lookAgain(ctx context.Context, mines *picked) {
	if mines.measured.looks == 0 || mines.measured.looks >= mostLooks {
		return
	}
	wait := time.NewTimer(mines.measured.dueAt().Sub(p.now()))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return
	case <-wait.C:
	}
	found := p.known(ctx)
	if ctx.Err() == nil {
		p.tellFaster(mines, found)
	}
}

// notable is how much faster a kernel must be to be worth a person's while.
const notable = 1.05

// tellFaster says if another kernel than the one that mines is the fastest.
func (p *picker) tellFaster(mines *picked, found *pick) {
	rates, faults := found.rates(), found.faults()
	best := rank(only(mines.rolled, func(k hashing.Kernel) bool { return faults[k.Name] == "" }), found)
	for _, order := range []struct {
		mines, best []hashing.Kernel
		rate        func(hashing.Rate) float64
	}{
		{mines.rolled, best.rolled, func(r hashing.Rate) float64 { return max(r.Plain, r.Rolled) }},
		{mines.plain, best.plain, func(r hashing.Rate) float64 { return r.Plain }},
	} {
		if len(order.best) == 0 {
			return
		}
		now, faster := order.rate(rates[order.mines[0].Name]), order.rate(rates[order.best[0].Name])
		if faster > notable*now {
			p.log.Warn("another kernel is faster than the one in use, which was picked by a disturbed measurement: start quarry again to mine with it",
				zap.String("kernel", order.best[0].Name), zap.String("rate", telemetry.FormatRate(faster)),
				zap.String("in_use", order.mines[0].Name), zap.String("its_rate", telemetry.FormatRate(now)))
			return
		}
	}
}
