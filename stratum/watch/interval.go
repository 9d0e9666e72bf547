package watch

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"quarry/work"
)

// jobInterval knows how often a pool sends jobs. What counts are refreshes: jobs
// that no event explains, neither a new block nor a new difficulty or
// extranonce. They come by the pool's own clock. Blocks do not: they come at
// random, and a pool that sends jobs for nothing else has no usual interval.
type jobInterval struct {
	floor     time.Duration // that a job may be old, whatever the interval
	before    *work.Job
	newest    time.Time       // when the newest job came
	intervals []time.Duration // before the latest refreshes, at most intervalMemory
}

// note records a new job.
func (i *jobInterval) note(job *work.Job) {
	at, refresh := job.Received, isRefresh(job, i.before)
	// Two jobs at once are one piece of news: first the empty block, then the full one.
	if interval := at.Sub(i.newest); refresh && !i.newest.IsZero() && interval >= minRefresh {
		i.intervals = append(i.intervals, interval)
		i.intervals = i.intervals[max(len(i.intervals)-intervalMemory, 0):]
	}
	i.newest, i.before = at, job
}

// isRefresh reports whether only the pool's clock can be the reason for the job.
func isRefresh(job, before *work.Job) bool {
	return before != nil && before.PrevHash == job.PrevHash && before.Difficulty.Target() == job.Difficulty.Target() &&
		bytes.Equal(before.Extranonce1, job.Extranonce1) && before.Extranonce2Size == job.Extranonce2Size
}

// usual returns the pool's usual interval, 0 if it is not known, and how old a job
// may become: four times that, but twice the longest that was seen, for pools
// with an irregular clock, and no less than we would wait for a pool that says
// nothing at all.
func (i *jobInterval) usual() (interval, limit time.Duration) {
	if len(i.intervals) < minRefreshes {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(i.intervals))
	interval = sorted[len(sorted)/2]
	return interval, max(4*interval, 2*sorted[len(sorted)-1], i.floor)
}

// check returns an error if jobs are overdue.
func (i *jobInterval) check(now time.Time) error {
	interval, limit := i.usual()
	if age := now.Sub(i.newest); interval > 0 && age > limit {
		return fmt.Errorf("%w: the newest is %v old, the usual interval was %v", ErrOldJob, age.Round(time.Second), interval.Round(time.Second))
	}
	return nil
}
