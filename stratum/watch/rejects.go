package watch

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/work"
)

// health reports what is wrong with the pool, or that it is healthy again.
type health struct {
	faults map[error]error // by ErrAllRejected, ErrStuckBlock
	report func(error)
}

// set records a fault of that kind, or with a nil reason that it is over.
func (h *health) set(kind, reason error) {
	if h.faults == nil {
		h.faults = make(map[error]error)
	}
	h.faults[kind] = reason
	for _, kind := range []error{ErrAllRejected, ErrStuckBlock} {
		if reason := h.faults[kind]; reason != nil {
			h.report(reason)
			return
		}
	}
	h.report(nil)
}

// rejectMonitor looks for patterns in rejects.
type rejectMonitor struct {
	log        *zap.Logger
	health     *health
	patience   time.Duration // that every share is rejected
	generation uint64        // of the session

	inRow      int
	since      time.Time // when the first of them came
	reported   bool
	duplicates int // of shares that this session sent once
}

// note records one verdict of the pool.
func (r *rejectMonitor) note(share *work.Share, verdict work.Verdict, now time.Time) {
	if verdict.Kind == work.Accepted {
		if r.reported {
			r.log.Info("pool accepts shares again", zap.Int("rejected_in_a_row", r.inRow))
			r.health.set(ErrAllRejected, nil)
		}
		r.inRow, r.reported = 0, false
		return
	}
	if r.inRow++; r.inRow == 1 {
		r.since = now
	}
	if passed := now.Sub(r.since); r.inRow > maxRefused && passed > r.patience && !r.reported {
		r.reported = true
		check, details := audit(share)
		reason := fmt.Errorf("%w: the last %d within %v, the latest with %q; re-check %s",
			ErrAllRejected, r.inRow, passed.Round(time.Second), verdict, string(check)+details)
		r.log.Warn("pool rejects every share", zap.Int("rejected_in_a_row", r.inRow), zap.Duration("lasted", passed),
			zap.Stringer("pool_said", verdict), event.Of("own_check", check),
			zap.Float64("share_difficulty", share.Hash.Difficulty()), zap.Float64("job_difficulty", share.Job.Difficulty.Float64()))
		r.health.set(ErrAllRejected, reason)
	}
	if verdict.RejectedFor(work.ReasonDuplicate) && share.Job.Session == r.generation {
		if r.duplicates++; r.duplicates == maxDuplicates {
			r.log.Error("shares sent once are called duplicates", event.Advice("quarry searches something twice: please report this bug"),
				zap.Int("shares", r.duplicates), zap.Stringer("pool_said", verdict))
		}
	}
}

// audit verifies a share again, from its job on. It returns the result, and details.
func audit(share *work.Share) (result event.Phrase, details string) {
	header := share.Job.Header(share.Extranonce2, share.Version, share.NTime, share.Nonce)
	hash := header.Hash()
	switch {
	case hash != share.Hash:
		return "failed: another hash", ", a bug in quarry"
	case !share.Job.Bound().MetBy(hash):
		return "failed: too weak", ", a bug in quarry"
	}
	return "passed", fmt.Sprintf(": difficulty %.6g, required %s", hash.Difficulty(), share.Job.Difficulty)
}
