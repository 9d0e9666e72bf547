package localpool

import (
	"math"
	"time"
)

// Bounds of one vardiff step and of when a step is considered. Upward steps are
// quick and large, since a fast miner on a low difficulty floods; downward ones
// are smaller, since a pause may be chance.
const (
	quickShares  = 8                      // this many shares are enough evidence,
	quickSpan    = 200 * time.Millisecond // if they took at least this long
	slowSpans    = 8                      // otherwise consider a step after this many target intervals,
	silentSpans  = 4                      // or this many without any share
	maxStepUp    = 64.0
	maxStepDown  = 1.0 / 8
	deadBandLow  = 0.6 // no change while the ideal is within this band
	deadBandHigh = 1.7
)

// vardiff adjusts the difficulty of one connection to one share per `every`
// seconds. It works in float64: it chooses difficulties, the judge never sees
// these numbers. All times are passed in.
type vardiff struct {
	every    float64 // target seconds per share
	min, max float64
	current  float64

	since  time.Time // start of the window
	shares int
	work   float64 // sum of share difficulties in the window
}

// begin starts a new window.
func (v *vardiff) begin(now time.Time) { v.since, v.shares, v.work = now, 0, 0 }

// share counts an accepted share at the difficulty its job carried and
// proposes a new difficulty when it is time. limit is its upper bound.
func (v *vardiff) share(now time.Time, difficulty, limit float64) (float64, bool) {
	v.shares++
	v.work += difficulty
	elapsed := now.Sub(v.since)
	if v.shares >= quickShares && elapsed >= quickSpan {
		return v.step(now, limit)
	}
	return v.tick(now, limit)
}

// tick proposes a new difficulty when the window is over, even without shares.
func (v *vardiff) tick(now time.Time, limit float64) (float64, bool) {
	elapsed := now.Sub(v.since).Seconds()
	silent := v.shares == 0 && elapsed >= silentSpans*v.every
	if !silent && elapsed < slowSpans*v.every {
		return 0, false
	}
	return v.step(now, limit)
}

func (v *vardiff) step(now time.Time, limit float64) (float64, bool) {
	elapsed := now.Sub(v.since).Seconds()
	ideal := v.work / elapsed * v.every
	v.begin(now)
	factor := ideal / v.current
	if factor > deadBandLow && factor < deadBandHigh {
		return 0, false
	}
	factor = math.Max(maxStepDown, math.Min(maxStepUp, factor))
	next := math.Max(v.min, math.Min(v.current*factor, math.Min(v.max, limit)))
	if math.Abs(next/v.current-1) < 0.05 {
		return 0, false
	}
	v.current = next
	return next, true
}
