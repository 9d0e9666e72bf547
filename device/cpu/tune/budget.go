package tune

import "time"

const (
	// What trying may cost of the hashes, in time of all workers: so much at once,
	// which is 0.15 % of the first minute, and then so much of the time.
	firstAllowance = 90 * time.Millisecond
	laterPart      = 0.00005
	// switchCost is what a window costs in addition to the slower kernel: two changes of
	// the kernel, and the waking of who tries, on a CPU that hashes.
	switchCost = 50 * time.Microsecond
)

// budget is what trying has cost and may cost yet.
type budget struct {
	began  time.Time
	atOnce time.Duration // firstAllowance, but for tests
	spent  time.Duration
}

// wait is how long to wait for a window with a kernel of that part of the best
// one's rate, 0 if it is not known; 0: it may begin.
func (b *budget) wait(window time.Duration, level float64, now time.Time) time.Duration {
	missing := b.spent + time.Duration(float64(window)*max(1-level, 0)) + switchCost - b.atOnce
	if missing <= 0 {
		return 0
	}
	return max(b.began.Add(time.Minute+time.Duration(float64(missing)/laterPart)).Sub(now), 0)
}

// spend books a window in which a kernel of that part of the best one's rate was
// used, by the workers' rates: a worker without one had no CPU for the few batches
// that make a rate, and lost no more than those.
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
// rate, the first included.
const fewBatches = 1600 * time.Microsecond
