package tune

import "time"

const (
	// What trying may cost of the hashes, in time of all workers: so much at once,
	// which is 0.15 % of the first minute, and then so much of the time.
	firstAllowance = 90 * time.Millisecond
	laterPart      = 0.00005
	// switchCost is what a window costs beside the slower kernel: two changes of
	// the kernel, and the waking of who tries, on a CPU that hashes.
	switchCost = 50 * time.Microsecond
)

// budget is what trying has cost and may cost yet.
type budget struct {
	began time.Time
	spent time.Duration
}

// wait is how long to wait for a window that may cost as much; 0: it may begin.
func (b *budget) wait(cost time.Duration, now time.Time) time.Duration {
	missing := b.spent + cost + switchCost - firstAllowance
	if missing <= 0 {
		return 0
	}
	return max(b.began.Add(time.Minute+time.Duration(float64(missing)/laterPart)).Sub(now), 0)
}

// spend books a window in which a kernel of that part of the best one's rate was
// used.
func (b *budget) spend(window time.Duration, level float64) {
	b.spent += switchCost + lost(window, level)
}

func lost(window time.Duration, level float64) time.Duration {
	return time.Duration(float64(window) * max(1-level, 0))
}
