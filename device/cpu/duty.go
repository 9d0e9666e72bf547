package cpu

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// shortestRest is the shortest rest: timers are late by some 0.1 ms on Linux, by
	// up to 15 ms on Windows. What is left of shorter rests is carried over.
	shortestRest = 2 * time.Millisecond
	// longestRest bounds a rest; then the debt is computed again.
	longestRest = time.Second
	// mostCredit bounds the hashing time that is caught up on after a late wake-up;
	// mostDebt the excess of a batch in which the thread had no CPU.
	mostCredit = 100 * time.Millisecond
	mostDebt   = time.Second
)

// duty is the part of the time in which a device's workers hash. Workers compare
// pointers between batches to learn of a change.
type duty struct {
	current atomic.Pointer[dutySetting]
}

// dutySetting does not change.
type dutySetting struct {
	part     float64
	replaced chan struct{} // closed when there is another
}

// set sets the part, which it brings within 0 and 1; NaN is 0.
func (d *duty) set(part float64) {
	if !(part > 0) {
		part = 0
	}
	old := d.current.Swap(&dutySetting{part: min(part, 1), replaced: make(chan struct{})})
	if old != nil {
		close(old.replaced)
	}
}

// pacer keeps the time that one worker spends in kernels at the duty's part of the
// time it has a job. Where a batch or a wake-up took too long, that is carried over
// to the next rest, so that errors do not add up.
type pacer struct {
	duty   *duty
	timer  *time.Timer
	last   time.Time     // up to which debt is counted; zero: the duty was 1
	worked time.Duration // in kernels since then
	debt   time.Duration // hashing time beyond the duty's part
}

func newPacer(d *duty) pacer { return pacer{duty: d} }

// resume begins to count where there is work again.
func (p *pacer) resume(now time.Time) {
	if !p.last.IsZero() {
		p.last = now
	}
}

// pause ends that: time without work does not count as rest.
func (p *pacer) pause(now time.Time) {
	if !p.last.IsZero() {
		p.count(now, p.duty.current.Load().part)
	}
}

// ready rests, if that is due before the next batch. It returns false if ctx ended
// or replaced was closed meanwhile.
func (p *pacer) ready(ctx context.Context, replaced <-chan struct{}) bool {
	for {
		setting := p.duty.current.Load()
		if setting.part == 1 {
			p.last, p.worked, p.debt = time.Time{}, 0, 0
			return true
		}
		rest := p.due(time.Now(), setting.part)
		if rest == 0 {
			return true
		}
		if p.timer == nil {
			p.timer = time.NewTimer(rest)
		} else {
			p.timer.Reset(rest)
		}
		select {
		case <-p.timer.C:
		case <-setting.replaced:
		case <-replaced:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// due counts up to now, and returns how long to rest before the next batch.
func (p *pacer) due(now time.Time, part float64) time.Duration {
	if p.last.IsZero() { // the duty was 1 until now
		p.last, p.worked = now, 0
	}
	p.count(now, part)
	if part == 0 {
		return longestRest
	}
	rest := float64(p.debt) / part
	if rest < float64(shortestRest) {
		return 0
	}
	return time.Duration(min(rest, float64(longestRest)))
}

// count adds the time up to now to the debt.
func (p *pacer) count(now time.Time, part float64) {
	p.debt += p.worked - time.Duration(part*float64(now.Sub(p.last)))
	p.debt = min(max(p.debt, -mostCredit), mostDebt)
	p.last, p.worked = now, 0
}
