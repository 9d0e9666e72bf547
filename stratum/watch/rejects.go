package watch

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/work"
)

// health reports what is wrong with the pool, or that nothing is any more.
type health struct {
	faults map[error]error // by ErrAllRejected, ErrStuckBlock
	report func(error)
}

// set opens a complaint, or closes it with a nil reason.
func (h *health) set(about, reason error) {
	if h.faults == nil {
		h.faults = make(map[error]error)
	}
	h.faults[about] = reason
	for _, about := range []error{ErrAllRejected, ErrStuckBlock} {
		if reason := h.faults[about]; reason != nil {
			h.report(reason)
			return
		}
	}
	h.report(nil)
}

// rejectMonitor looks for a reason behind rejects.
type rejectMonitor struct {
	log        *zap.Logger
	health     *health
	patience   time.Duration // that every share is rejected
	generation uint64        // of the session

	inRow      int
	since      time.Time // when the first of them came
	complained bool
	duplicates int // of shares that this session sent once
}

// note draws the conclusions from one verdict of the pool.
func (r *rejectMonitor) note(share *work.Share, verdict work.Verdict, now time.Time) {
	if verdict.Kind == work.Accepted {
		if r.complained {
			r.log.Info("the pool accepts shares again", zap.Int("refused", r.inRow))
			r.health.set(ErrAllRejected, nil)
		}
		r.inRow, r.complained = 0, false
		return
	}
	if r.inRow++; r.inRow == 1 {
		r.since = now
	}
	if passed := now.Sub(r.since); r.inRow > maxRefused && passed > r.patience && !r.complained {
		r.complained = true
		reason := fmt.Errorf("%w: the last %d within %v, the latest with %q; %s",
			ErrAllRejected, r.inRow, passed.Round(time.Second), verdict, audit(share))
		r.log.Warn("the pool rejects every share", zap.Int("in_a_row", r.inRow), zap.Duration("for", passed),
			zap.Stringer("latest", verdict), zap.String("own_check", audit(share)))
		r.health.set(ErrAllRejected, reason)
	}
	if verdict.RejectedFor(work.ReasonDuplicate) && share.Job.Session == r.generation {
		if r.duplicates++; r.duplicates == maxDuplicates {
			r.log.Error("the pool calls shares duplicates that were sent once: quarry searches something twice, please report this bug",
				zap.Int("shares", r.duplicates), zap.String("latest", verdict.Text))
		}
	}
}

// audit checks a share once more, from its job on, and returns the result in
// words.
func audit(share *work.Share) string {
	header := share.Job.Header(share.Extranonce2, share.Version, share.NTime, share.Nonce)
	hash := header.Hash()
	switch {
	case hash != share.Hash:
		return "re-check failed: it has another hash, a bug in quarry"
	case !share.Job.Bound().MetBy(hash):
		return "re-check failed: it is too weak, a bug in quarry"
	}
	return fmt.Sprintf("re-check passed: difficulty %.6g, required %s", hash.Difficulty(), share.Job.Difficulty)
}
