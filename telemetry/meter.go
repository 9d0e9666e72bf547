package telemetry

import (
	"sync"
	"time"
)

// The windows of a Rates value.
const (
	shortWindow  = 10 * time.Second
	middleWindow = time.Minute
	longWindow   = 15 * time.Minute
)

const (
	// ringSlots samples, at least window/ringSpacing apart, always reach back over a whole window.
	ringSlots   = 68
	ringSpacing = 60
	// minElapsed is the shortest time a rate is computed over: a few batches are only noise.
	minElapsed = 50 * time.Millisecond
	// minSession is the same for the session's rate, which is shown with its hashes and seconds.
	minSession = time.Millisecond
)

// Rates are average speeds in hashes per second over the last 10 s, 1 min, 15 min and the whole session. A window
// longer than the session averages over the session; all are 0 when nothing was hashed in the window.
type Rates struct {
	TenSeconds     float64 `json:"hashes_per_second_10s"`
	Minute         float64 `json:"hashes_per_second_1m"`
	FifteenMinutes float64 `json:"hashes_per_second_15m"`
	Session        float64 `json:"hashes_per_second_session"`
}

// WorkerRates is one worker's share of a Readout.
type WorkerRates struct {
	Hashes         uint64 `json:"hashes"`
	HardwareErrors uint64 `json:"hardware_errors"`
	Rates
}

// Readout is the state of a Meter at one moment.
type Readout struct {
	At      time.Time
	Elapsed time.Duration // since the meter was made
	Hashes  uint64        // all workers
	Total   Rates         // all workers; the sum of Workers within each window
	Workers []WorkerRates
}

// Meter turns counters into hash rates. It is safe for concurrent use.
type Meter struct {
	counters *Counters
	now      func() time.Time

	mu      sync.Mutex
	start   time.Time
	last    time.Time // newest time seen: the meter never goes backwards
	stopped bool
	base    []uint64 // totals at start
	final   []uint64 // totals at Stop
	rings   [3]ring  // short, middle, long
}

// NewMeter starts a session now, over counters that may already have counted. now is the clock, nil for time.Now;
// only its monotonic reading matters.
func NewMeter(counters *Counters, now func() time.Time) *Meter {
	if now == nil {
		now = time.Now
	}
	m := &Meter{counters: counters, now: now, start: now()}
	m.last = m.start
	m.base = m.totals()
	for i, window := range []time.Duration{shortWindow, middleWindow, longWindow} {
		m.rings[i] = newRing(window, counters.Len())
		m.rings[i].push(m.start, m.base)
	}
	return m
}

// Sample records the current totals. Call it about once a second; more often changes nothing, and a late call only
// makes the edge of a window coarser.
func (m *Meter) Sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	at, totals := m.clock(), m.totals()
	for i := range m.rings {
		m.rings[i].push(at, totals)
	}
}

// Stop ends the session: later readouts keep the time, totals and rates of this moment, so that a summary printed
// after a long shutdown still shows the mining rate.
func (m *Meter) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopped {
		m.last, m.final, m.stopped = m.clock(), m.totals(), true
	}
}

// Read computes all rates from the current counters.
func (m *Meter) Read() Readout {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, totals := m.last, m.final
	if !m.stopped {
		at, totals = m.clock(), m.totals()
	}
	out := Readout{At: at, Elapsed: at.Sub(m.start), Workers: make([]WorkerRates, len(totals))}
	edges := [3]edge{}
	for i := range m.rings {
		edges[i] = m.rings[i].edge(at)
	}
	for w, total := range totals {
		r := WorkerRates{
			Hashes:         total - m.base[w],
			HardwareErrors: m.counters.Worker(w).HardwareErrors(),
			Rates: Rates{
				TenSeconds:     edges[0].rate(w, at, total),
				Minute:         edges[1].rate(w, at, total),
				FifteenMinutes: edges[2].rate(w, at, total),
				Session:        perSecond(float64(total-m.base[w]), out.Elapsed, minSession),
			},
		}
		out.Workers[w] = r
		out.Hashes += r.Hashes
		out.Total.TenSeconds += r.TenSeconds
		out.Total.Minute += r.Minute
		out.Total.FifteenMinutes += r.FifteenMinutes
	}
	out.Total.Session = perSecond(float64(out.Hashes), out.Elapsed, minSession)
	return out
}

// clock returns the time, which never runs backwards. The caller holds mu.
func (m *Meter) clock() time.Time {
	if at := m.now(); at.After(m.last) {
		m.last = at
	}
	return m.last
}

func (m *Meter) totals() []uint64 {
	totals := make([]uint64, m.counters.Len())
	for i := range totals {
		totals[i] = m.counters.Worker(i).Hashes()
	}
	return totals
}

// perSecond returns the rate, or 0 instead of a spike while less than the least time has passed.
func perSecond(hashes float64, elapsed, least time.Duration) float64 {
	if elapsed < least {
		return 0
	}
	return hashes / elapsed.Seconds()
}
