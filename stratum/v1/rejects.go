package v1

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/work"
)

// complaints tells Config.Complain what is wrong with the pool, or that
// nothing is any more.
type complaints struct {
	mu   sync.Mutex
	open map[error]error // by ErrAllRejected, ErrStuckBlock
	tell func(error)
}

// set opens a complaint, or closes it with a nil reason.
func (c *complaints) set(about, reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[error]error)
	}
	c.open[about] = reason
	for _, about := range []error{ErrAllRejected, ErrStuckBlock} {
		if reason := c.open[about]; reason != nil {
			c.tell(reason)
			return
		}
	}
	c.tell(nil)
}

// rejectMonitor looks for a reason behind rejects. It is the reader's.
type rejectMonitor struct {
	inRow      int
	since      time.Time // when the first of them came
	complained bool
	duplicates int // of shares that this session sent once
}

// watchRejects draws the conclusions from one verdict of the pool. Only the
// reader calls it.
func (s *Session) watchRejects(share *work.Share, verdict work.Verdict, now time.Time) {
	r := &s.rejects
	if verdict.Kind == work.Accepted {
		if r.complained {
			s.log.Info("the pool accepts shares again", zap.Int("refused", r.inRow))
			s.complaints.set(ErrAllRejected, nil)
		}
		r.inRow, r.complained = 0, false
		return
	}
	if r.inRow++; r.inRow == 1 {
		r.since = now
	}
	if passed := now.Sub(r.since); r.inRow > maxRefused && passed > s.cfg.Limits.Refused && !r.complained {
		r.complained = true
		reason := fmt.Errorf("%w: the last %d within %v, the latest with %q; %s",
			ErrAllRejected, r.inRow, passed.Round(time.Second), verdict, audit(share))
		s.log.Warn("the pool rejects every share", zap.Int("in_a_row", r.inRow), zap.Duration("for", passed),
			zap.Stringer("latest", verdict), zap.String("own_check", audit(share)))
		s.complaints.set(ErrAllRejected, reason)
	}
	if verdict.RejectedFor(work.ReasonDuplicate) && share.Job.Session == s.cfg.Generation {
		if r.duplicates++; r.duplicates == maxDuplicates {
			s.log.Error("the pool calls shares duplicates that were sent once: quarry searches something twice, please report this bug",
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
		return "our own check finds another hash for it: a bug in quarry"
	case !share.Job.Bound().MetBy(hash):
		return "our own check finds it too weak: a bug in quarry"
	}
	return fmt.Sprintf("our own check finds it right: it has difficulty %.6g, its job asked for %s", hash.Difficulty(), share.Job.Difficulty)
}
