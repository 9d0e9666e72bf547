package telemetry

import "time"

// sample is every worker's total at one moment.
type sample struct {
	at     time.Time
	totals []uint64
}

// ring keeps the samples that one averaging window needs, oldest overwritten first.
type ring struct {
	window  time.Duration
	samples []sample // all slots allocated at once
	next    int      // slot to write
	count   int      // slots in use
}

func newRing(window time.Duration, workers int) ring {
	r := ring{window: window, samples: make([]sample, ringSlots)}
	for i := range r.samples {
		r.samples[i].totals = make([]uint64, workers)
	}
	return r
}

// push copies the totals in, unless the newest sample is so recent that the ring would not cover its window.
func (r *ring) push(at time.Time, totals []uint64) {
	if r.count > 0 && at.Sub(r.get(r.count-1).at) < r.window/ringSpacing {
		return
	}
	slot := &r.samples[r.next]
	slot.at = at
	copy(slot.totals, totals)
	r.next = (r.next + 1) % len(r.samples)
	r.count = min(r.count+1, len(r.samples))
}

// get returns the i-th oldest sample.
func (r *ring) get(i int) *sample {
	return &r.samples[(r.next-r.count+i+len(r.samples))%len(r.samples)]
}

// edge is the left end of a window: the line between two samples, cut at one moment. If the first sample inside
// the window covers most of it, both ends are that sample and nothing is interpolated: a worker that stopped a
// window ago then shows exactly 0.
type edge struct {
	at            time.Time
	before, after *sample
	part          float64 // 0: all weight on before, 1: all on after
}

// edge returns the left end of the window that ends now.
func (r *ring) edge(now time.Time) edge {
	from := now.Add(-r.window)
	i := 0
	for i < r.count && r.get(i).at.Before(from) {
		i++
	}
	if i == r.count { // no sample inside the window: average since the newest one
		s := r.get(r.count - 1)
		return edge{at: s.at, before: s, after: s}
	}
	after := r.get(i)
	if i == 0 || now.Sub(after.at) >= r.window*3/4 {
		return edge{at: after.at, before: after, after: after}
	}
	before := r.get(i - 1)
	part := from.Sub(before.at).Seconds() / after.at.Sub(before.at).Seconds()
	return edge{at: from, before: before, after: after, part: part}
}

// rate returns worker w's average speed from the edge to now, in hashes per second.
func (e edge) rate(w int, now time.Time, total uint64) float64 {
	hashes := float64(total - e.after.totals[w])
	hashes += (1 - e.part) * float64(e.after.totals[w]-e.before.totals[w])
	return perSecond(hashes, now.Sub(e.at), minElapsed)
}
