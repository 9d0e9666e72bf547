package watch

import (
	"fmt"
	"slices"
	"time"
)

// answers distinguishes pools that answer shares from those that do not,
// whatever else they say. One share without an answer means nothing: some pools never
// answer those that are too old for them.
type answers struct {
	patience time.Duration // that the oldest of several may be without an answer
	answered time.Time     // when the latest answer came
	overdue  []overdue     // in a row, oldest first; written after answered
}

type overdue struct {
	id      uint64
	written time.Time
}

// hear records an answer to any share.
func (a *answers) hear(now time.Time) {
	a.answered, a.overdue = now, nil
}

// late records an answer to a share that was given up already, and reports whether
// the id is that of one.
func (a *answers) late(id uint64, now time.Time) bool {
	if !slices.ContainsFunc(a.overdue, func(o overdue) bool { return o.id == id }) {
		return false
	}
	a.answered, a.overdue = now, nil
	return true
}

// miss records a share that got no answer in time. One that was written
// before the latest answer was skipped, which is no sign of a pool that stopped
// answering.
func (a *answers) miss(id uint64, written time.Time) {
	if written.After(a.answered) {
		a.overdue = append(a.overdue, overdue{id, written})
	}
}

// check returns the error of a pool that does not answer.
func (a *answers) check(now time.Time) error {
	n := len(a.overdue)
	if n < minUnanswered {
		return nil
	}
	oldest := now.Sub(a.overdue[0].written)
	if n < maxUnanswered && oldest < a.patience {
		return nil
	}
	return fmt.Errorf("%w: %d submits in a row without an answer, the oldest for %v", ErrDeaf, n, oldest.Round(time.Second))
}
