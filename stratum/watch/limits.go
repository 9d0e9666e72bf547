package watch

import "time"

// Answers to shares.
const (
	maxUnanswered = 5 // submits in a row without an answer
	minUnanswered = 2 // the same, once the oldest waited for Config.Unanswered
)

// The pool's usual interval between jobs.
const (
	minRefreshes   = 4               // that must be known for one
	intervalMemory = 8               // refreshes that it is made of
	minRefresh     = 5 * time.Second // between jobs that count as two
)

// burst is how many lines about jobs are logged at once.
const burst = 5

// Judging a pool.
const (
	maxRefused    = 10 // shares in a row, see also Config.Refused
	maxDuplicates = 2  // shares that were sent once

	maxNetworkStep = 16               // the network's difficulty may change by 4 at once
	maxSkew        = 2 * time.Hour    // between the jobs' time and ours
	minFrozen      = 10 * time.Minute // that the jobs' time stands still
	maxBlockTime   = 3 * time.Hour    // a block takes that long once in 65 million
	blockMemory    = 16               // blocks that a pool may go back to
)

// Limiter lets as many events as Burst through at once, then one a second.
type Limiter struct {
	Burst int // 0 stands for 1
	spent int // of Burst; one comes back each second
	since time.Time
}

// Allow reports whether another event may happen.
func (l *Limiter) Allow(now time.Time) bool {
	burst := max(l.Burst, 1)
	if back := now.Sub(l.since) / time.Second; back > 0 {
		l.spent = max(l.spent-int(min(back, time.Duration(burst))), 0)
		l.since = now
	}
	if l.spent == burst {
		return false
	}
	l.spent++
	return true
}
