package localpool

import (
	"math"
	"time"
)

// hashesPerDifficulty is the expected number of hashes for a share of
// difficulty 1: 2^48 / 65535.
const hashesPerDifficulty = float64(1<<48) / 65535

// rateWindow is the time constant of the hashrate estimate.
const rateWindow = 60 * time.Second

// rate estimates a miner's hashrate from the difficulty of its accepted
// shares, exponentially weighted by age; it divides by the time weighted in the
// same way, so that it is unbiased from the first second on.
type rate struct {
	work float64 // weighted sum of share difficulties
	span float64 // weighted seconds
	last time.Time
}

func (r *rate) start(now time.Time) { *r = rate{last: now} }

func (r *rate) fade(now time.Time) {
	elapsed := now.Sub(r.last).Seconds()
	if elapsed <= 0 {
		return
	}
	tau := rateWindow.Seconds()
	keep := math.Exp(-elapsed / tau)
	r.work *= keep
	r.span = r.span*keep + tau*(1-keep)
	r.last = now
}

func (r *rate) add(now time.Time, difficulty float64) {
	r.fade(now)
	r.work += difficulty
}

// hashes returns the estimate in hashes per second.
func (r *rate) hashes(now time.Time) float64 {
	r.fade(now)
	if r.span < 1 { // too early for an estimate
		return r.work * hashesPerDifficulty
	}
	return r.work / r.span * hashesPerDifficulty
}
