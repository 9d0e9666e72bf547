package bench

import (
	"cmp"
	"slices"

	"quarry/bench/stats"
	"quarry/telemetry"
)

const (
	// enoughSlices, undisturbed and with cycles per hash within clusterWidth of
	// each other, determine a kernel's speed: 13 ms of it.
	enoughSlices = 32
	clusterWidth = 0.03
	// enoughSamples of that kind complete a series; one does if no time is left.
	enoughSamples = 3
	// mostSlices limits the memory of a long sample: beyond it, every second slice
	// is dropped.
	mostSlices = 1 << 14
)

// figures are a kernel's speed by one sample.
type figures struct {
	rate   float64           // hashes a second of all threads together
	cycles telemetry.Reading // per hash, on each thread
	hertz  telemetry.Reading // of the threads
}

func (f figures) clock() telemetry.Reading   { return f.hertz }
func (f figures) perHash() telemetry.Reading { return f.cycles }

// whole returns the figures of a whole sample, disturbed or not: the medians of its
// slices if looks were taken, otherwise the means.
func whole(s Sample) figures {
	f := figures{rate: s.Rate, hertz: s.Hertz}
	if !slices.ContainsFunc(s.Threads, func(t ThreadSample) bool { return len(t.slices) == 0 }) {
		f.rate = 0
		for _, t := range s.Threads {
			f.rate += medianOf(t.slices, slice.rate)
		}
	}
	if s.Hertz.OK && s.Rate > 0 && !s.shared {
		f.cycles = telemetry.Known(s.Hertz.Value * float64(len(s.Threads)) / s.Rate)
	}
	return f
}

// pace is the speed of one thread in one sample.
type pace struct {
	hertz  float64 // of its clock
	cycles float64 // per hash in undisturbed slices; 0 if too few were alike
	level  float64 // of the gate that selected them
}

// measured is one sample.
type measured struct {
	whole figures // of the whole sample, disturbed or not
	paces []pace  // of the threads; none without looks
}

// quiet reports whether every thread had enough undisturbed slices.
func (m measured) quiet() bool {
	return !slices.ContainsFunc(m.paces, func(p pace) bool { return p.cycles == 0 })
}

// tally gathers the samples of a series. Cycles per hash depend only on kernel
// and core, and need only a few quiet moments; the clock is measured in all samples.
type tally struct {
	samples      []measured
	pool         [][]slice // by thread: undisturbed ones of samples that had too few
	slices, kept int
}

// add adds a sample, judged by the gate. When the series is full it replaces a
// disturbed one, or is dropped.
func (t *tally) add(g *gate, s Sample, most int) (f figures, quiet bool) {
	m := measured{whole: whole(s), paces: t.judge(g, s)}
	switch at := slices.IndexFunc(t.samples, func(m measured) bool { return !m.quiet() }); {
	case len(t.samples) < most:
		t.samples = append(t.samples, m)
	case m.quiet() && at >= 0:
		t.samples = append(slices.Delete(t.samples, at, at+1), m)
	}
	if !m.quiet() || len(m.paces) == 0 {
		return m.whole, m.quiet()
	}
	return m.figures(nil), true
}

func (t *tally) judge(g *gate, s Sample) (paces []pace) {
	if slices.ContainsFunc(s.Threads, func(t ThreadSample) bool { return len(t.slices) == 0 }) {
		return nil // no looks were taken
	}
	t.pool = slices.Grow(t.pool, len(s.Threads))[:len(s.Threads)]
	for i, thread := range s.Threads {
		kept := g.kept(thread.slices)
		t.slices += len(thread.slices)
		t.kept += len(kept)
		p := pace{hertz: clockOf(thread.slices), level: g.level()}
		if still := alike(kept); len(still) >= enoughSlices {
			p.hertz, p.cycles = clockOf(still), cyclesOf(still)
		} else if len(t.pool[i]) < mostSlices {
			t.pool[i] = append(t.pool[i], kept...)
		}
		paces = append(paces, p)
	}
	return paces
}

// quiet returns how many samples are undisturbed; all if no looks were taken.
func (t *tally) quiet() (n int) {
	for _, m := range t.samples {
		if m.quiet() {
			n++
		}
	}
	return n
}

// cycles returns a thread's cycles per hash over all samples; 0 if unknown.
func (t *tally) cycles(thread int) float64 {
	var list []float64
	for _, m := range t.samples {
		if len(m.paces) > 0 && m.paces[thread].cycles > 0 {
			list = append(list, m.paces[thread].cycles)
		}
	}
	if len(list) > 0 {
		return stats.Median(list)
	}
	if still := alike(t.pool[thread]); len(still) >= enoughSlices {
		return cyclesOf(still)
	}
	return 0
}

// figures returns the figures of the samples with looks, by their own cycles or else
// by those of all samples. They are disturbed if neighbors left too few slices; then
// they are of the whole samples.
func (t *tally) figures() (list []figures, disturbed bool) {
	var cycles []float64
	for thread := range t.pool {
		cycles = append(cycles, t.cycles(thread))
	}
	disturbed = slices.Contains(cycles, 0)
	for _, m := range t.samples {
		switch {
		case len(cycles) == 0 || disturbed:
			list = append(list, m.whole)
		case len(m.paces) > 0:
			list = append(list, m.figures(cycles))
		}
	}
	return list, disturbed
}

// figures returns the figures of the sample, by the given cycles if it has none.
func (m measured) figures(cycles []float64) (f figures) {
	var own, clocks []float64
	for thread, p := range m.paces {
		if p.cycles == 0 {
			p.cycles = cycles[thread]
		}
		f.rate += p.hertz / p.cycles
		own, clocks = append(own, p.cycles), append(clocks, p.hertz)
	}
	if clockKnown() {
		f.cycles, f.hertz = telemetry.Known(stats.Median(own)), telemetry.Known(stats.Median(clocks))
	}
	return f
}

// discardEarly drops what was judged by a load that turned out not to be that of an
// undisturbed core.
func (t *tally) discardEarly(level float64) {
	for _, m := range t.samples {
		for i, p := range m.paces {
			if p.level > level*(1+loadAbove) {
				m.paces[i].cycles = 0
			}
		}
	}
}

// perHash returns the time of a hash, in cycles of the clock's loop.
func (s slice) perHash() float64 { return s.hertz() * s.took.Seconds() / float64(s.hashes) }

func (s slice) rate() float64 { return float64(s.hashes) / s.took.Seconds() }

func (s slice) hertz() float64 { return (s.before.hertz + s.after.hertz) / 2 }

// alike returns the largest group of slices whose cycles per hash are within
// clusterWidth of each other. Events between the two looks slow a slice by
// different amounts: an interrupt, a neighbor that comes and goes, a planted winner.
// The undisturbed ones are alike.
func alike(list []slice) []slice {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b slice) int { return cmp.Compare(a.perHash(), b.perHash()) })
	first, most, end := 0, 0, 0
	for i := range list {
		for end < len(list) && list[end].perHash() <= list[i].perHash()*(1+clusterWidth) {
			end++
		}
		if end-i > most {
			first, most = i, end-i
		}
	}
	return list[first : first+most]
}

func clockOf(list []slice) float64  { return medianOf(list, slice.hertz) }
func cyclesOf(list []slice) float64 { return medianOf(list, slice.perHash) }

func medianOf(list []slice, of func(slice) float64) float64 {
	values := make([]float64, len(list))
	for i, s := range list {
		values[i] = of(s)
	}
	return stats.Median(values)
}

// record keeps slices, thinned evenly if there are too many.
type record struct {
	slices []slice
	stride int // one in stride is kept
	skip   int // slices to skip before the next that is kept
}

func (r *record) add(s slice) {
	if r.skip > 0 {
		r.skip--
		return
	}
	if len(r.slices) == mostSlices {
		for i := range mostSlices / 2 {
			r.slices[i] = r.slices[2*i]
		}
		r.slices = r.slices[:mostSlices/2]
		r.stride = 2 * max(r.stride, 1)
	}
	r.slices = append(r.slices, s)
	r.skip = max(r.stride, 1) - 1
}
