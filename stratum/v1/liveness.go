package v1

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Ends of a session that worked, for the caller to go on.
var (
	// ErrSuspended: this machine slept, or the process was stopped. The
	// connection may be dead without knowing it; that is not the pool's fault.
	ErrSuspended = errors.New("the machine or the process stood still")
	// ErrDeauthorised: the pool refuses shares because it does not know their
	// user any more. A new handshake may help, once.
	ErrDeauthorised = errors.New("the pool does not know us any more")
	// ErrDeaf: it does not answer shares.
	ErrDeaf = errors.New("the pool does not answer shares")
	// ErrOldJob: it sends no new jobs any more.
	ErrOldJob = errors.New("the pool stopped sending jobs")
)

// Complaints: reasons to prefer another pool, though this one still serves us.
var (
	// ErrAllRejected: it rejects every share.
	ErrAllRejected = errors.New("the pool rejects every share")
	// ErrStuckBlock: the chain seems to stand still for it.
	ErrStuckBlock = errors.New("the pool's chain stands still")
)

// stay watches over a session that works until it ends.
func (s *Session) stay(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	awake := wakefulness{real: s.realTime}
	awake.gap(time.Now())
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.conn.done:
			if gap := awake.gap(time.Now()); gap > maxGap { // which the read deadline felt first
				return fmt.Errorf("%w for %v: %w", ErrSuspended, gap.Round(time.Second), s.conn.why())
			}
			return s.conn.why()
		case <-ticker.C:
			now := time.Now()
			if gap := awake.gap(now); gap > maxGap {
				return fmt.Errorf("%w for %v: connecting anew", ErrSuspended, gap.Round(time.Second))
			}
			if err := s.check(now); err != nil {
				return err
			}
		}
	}
}

// check looks for what the absence of events tells.
func (s *Session) check(now time.Time) error {
	if err := s.submits.check(now, s.cfg.Limits.Unanswered); err != nil {
		return err
	}
	s.mu.Lock()
	err := s.state.cadence.check(now, s.cfg.Limits.Silence)
	s.mu.Unlock()
	return err
}

// wakefulness notices that time went by which we did not see.
type wakefulness struct {
	real func() time.Duration // see realTime
	mono time.Time
	last time.Duration
}

// gap is how long ago the last call was, by the clock that says longest: the
// monotonic one stands still while the machine sleeps, the wall clock, where
// that is the other, may be set back.
func (w *wakefulness) gap(now time.Time) time.Duration {
	real := w.real()
	gap := time.Duration(0)
	if !w.mono.IsZero() {
		gap = max(now.Sub(w.mono), real-w.last)
	}
	w.mono, w.last = now, real
	return gap
}

func wallTime() time.Duration { return time.Duration(time.Now().UnixNano()) }

// submits tells pools that answer shares from those that do not, whatever
// else they say. One share without an answer means nothing: some pools never
// answer those that are too old for them.
type submits struct {
	mu       sync.Mutex
	answered time.Time // when the latest answer came
	overdue  []overdue // in a row, oldest first; written after answered
}

type overdue struct {
	id      uint64
	written time.Time
}

// hear takes note of an answer to any share.
func (s *submits) hear(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered, s.overdue = now, nil
}

// late takes note of an answer to a share that was given up already; false if
// it is none.
func (s *submits) late(id uint64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.overdue, func(o overdue) bool { return o.id == id }) {
		return false
	}
	s.answered, s.overdue = now, nil
	return true
}

// miss takes note of a share that got no answer in time. One that was written
// before the latest answer was passed over, which is no sign of a deaf pool.
func (s *submits) miss(id uint64, written time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if written.After(s.answered) {
		s.overdue = append(s.overdue, overdue{id, written})
	}
}

// check is the error of a pool that does not answer.
func (s *submits) check(now time.Time, patience time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.overdue)
	if n < minUnanswered {
		return nil
	}
	oldest := now.Sub(s.overdue[0].written)
	if n < maxUnanswered && oldest < patience {
		return nil
	}
	return fmt.Errorf("%w: %d submits in a row without an answer, the oldest for %v", ErrDeaf, n, oldest.Round(time.Second))
}

// cadence knows how often a pool sends jobs. What counts are refreshes: jobs
// that no event explains, neither a new block nor a new difficulty or
// extranonce. They come by the pool's own clock. Blocks do not: they come at
// random, and a pool that sends jobs for nothing else has no usual interval.
type cadence struct {
	newest    time.Time       // when the newest job came
	intervals []time.Duration // before the latest refreshes, at most cadenceMemory
}

// note takes note of a job that came at the given time.
func (c *cadence) note(at time.Time, refresh bool) {
	// Two jobs at once are one piece of news: first the empty block, then the full one.
	if interval := at.Sub(c.newest); refresh && !c.newest.IsZero() && interval >= minRefresh {
		c.intervals = append(c.intervals, interval)
		c.intervals = c.intervals[max(len(c.intervals)-cadenceMemory, 0):]
	}
	c.newest = at
}

// usual is the pool's usual interval, 0 if it is not known, and how old a job
// may become: four times that, but twice the longest that was seen, for pools
// with an irregular clock, and no less than we would wait for a pool that says
// nothing at all.
func (c *cadence) usual(floor time.Duration) (interval, limit time.Duration) {
	if len(c.intervals) < minRefreshes {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(c.intervals))
	interval = sorted[len(sorted)/2]
	return interval, max(4*interval, 2*sorted[len(sorted)-1], floor)
}

// check is the error of a pool whose jobs dried up.
func (c *cadence) check(now time.Time, floor time.Duration) error {
	interval, limit := c.usual(floor)
	if age := now.Sub(c.newest); interval > 0 && age > limit {
		return fmt.Errorf("%w: the newest is %v old, the usual interval was %v", ErrOldJob, age.Round(time.Second), interval.Round(time.Second))
	}
	return nil
}
