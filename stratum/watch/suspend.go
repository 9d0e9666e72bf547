package watch

import "time"

// SuspendDetector notices time that passed without this process running. It is
// used by one goroutine.
type SuspendDetector struct {
	Clock func() time.Duration // RealTime, but in tests

	mono time.Time
	last time.Duration
}

// Gap returns how long ago the last call was, by the clock that says longest: the
// monotonic one stops while the machine sleeps, the wall clock, where that is the
// other, may be set back.
func (d *SuspendDetector) Gap(now time.Time) time.Duration {
	real := d.Clock()
	gap := time.Duration(0)
	if !d.mono.IsZero() {
		gap = max(now.Sub(d.mono), real-d.last)
	}
	d.mono, d.last = now, real
	return gap
}

func wallTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
