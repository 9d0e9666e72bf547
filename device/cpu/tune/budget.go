package tune

import "time"

const (
	// What contests may cost, in time of all workers: a first allowance, which is
	// 0.15 % of the first minute, and then a fraction of the elapsed time.
	firstAllowance = 90 * time.Millisecond
	laterPart      = 0.00005
	// switchCost is what a window costs in addition to the slower kernel: two kernel
	// changes, and waking the tuner on a CPU that hashes.
	switchCost = 50 * time.Microsecond
)

// budget tracks what contests have cost and may still cost.
type budget struct {
	began  time.Time
	atOnce time.Duration // firstAllowance, except in tests
	spent  time.Duration
}

// wait returns how long to wait before a window with a kernel whose rate is that
// fraction (level) of the best one's, 0 if unknown. 0 means that it may start now.
func (b *budget) wait(window time.Duration, level float64, now time.Time) time.Duration {
	missing := b.spent + time.Duration(float64(window)*max(1-level, 0)) + switchCost - b.atOnce
	if missing <= 0 {
		return 0
	}
	return max(b.began.Add(time.Minute+time.Duration(float64(missing)/laterPart)).Sub(now), 0)
}

// spend charges a window in which a kernel at that fraction of the best one's rate
// was used. A worker without a rate in it had no CPU for the few batches that make
// a rate, and lost at most those.
func (b *budget) spend(window time.Duration, rates []float64, level float64) {
	used := time.Duration(0)
	for _, rate := range rates {
		if rate > 0 {
			used += window
		} else {
			used += min(window, fewBatches)
		}
	}
	b.spent += switchCost + time.Duration(float64(used)/float64(max(len(rates), 1))*max(1-level, 0))
}

// fewBatches is the time of the batches that a worker may have done without a
// rate, including the first.
const fewBatches = 1600 * time.Microsecond
