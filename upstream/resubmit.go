package upstream

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/work"
)

var errNotThere = errors.New("the pool was not there to take it before quarry ended")

// isDisconnected reports whether the share's connection has ended.
func isDisconnected(v work.Verdict) bool { return v.LostFor(work.LostDisconnected) }

// isDeauthorized reports whether the pool said that it no longer knows the user.
// The share is still good for a session in which it does.
func isDeauthorized(v work.Verdict) bool {
	return v.RejectedFor(work.ReasonUnauthorized, work.ReasonNotSubscribed)
}

// resubmit keeps a share whose connection has ended until the pool resumes the
// session, and then sends it there. That may be for the second time: the pool
// may have accepted it, and only the reply may have been lost.
func (c *Client) resubmit(ctx context.Context, m *member, share *work.Share, underWay bool, last work.Verdict) work.Verdict {
	sent := isDisconnected(last) && last.Sent
	if sent && errors.Is(last.Cause, errLeft) {
		return last // before it is queued, because what is queued has the member connected to again
	}
	if !c.enqueue(m, share, underWay) {
		return gaveUp(last, sent, fmt.Errorf("%d shares are queued already", c.rules.Queued))
	}
	defer c.change(func() { m.queued-- })
	timeout, stop := c.clock.After(c.rules.Resubmit)
	defer stop()
	ready := make(chan struct{})
	close(ready)
	for after := share.Job.Session; ; {
		s, number, news, possible := c.successor(m, after, sent)
		if !possible {
			return gaveUp(last, sent, nil)
		}
		if s != nil {
			news = ready
		}
		select {
		case <-timeout:
			return gaveUp(last, sent, fmt.Errorf("the pool did not come back within %v", c.rules.Resubmit))
		case <-ctx.Done():
			return final(work.Verdict{Kind: work.Lost, Reason: work.LostNoPool, Cause: errNotThere}, last, sent)
		case <-news:
		}
		if s == nil {
			continue
		}
		after = number
		verdict := s.Submit(ctx, share)
		end := final(verdict, last, sent)
		c.noteMemory(m, number, verdict, end.Kind == work.Accepted, s.Outdated(share.Job))
		switch {
		case !isDisconnected(verdict):
			return end
		case errors.Is(verdict.Cause, work.ErrForeign):
			return gaveUp(last, sent, verdict.Cause)
		}
		last, sent = verdict, sent || verdict.Sent
	}
}

// gaveUp is the verdict on a share that could not be sent again, which may have
// been sent before. That of a pool that no longer knew the user stands.
func gaveUp(last work.Verdict, sent bool, why error) work.Verdict {
	if isDeauthorized(last) {
		return last
	}
	if why != nil {
		last.Cause = fmt.Errorf("%w, and %w", last.Cause, why)
	}
	last.Sent = sent
	return last
}

// final is the verdict on a share, given the one on its latest sending and the
// one before; sent says that the pool may have accepted it before. If the pool
// calls it a duplicate, it did. Any other rejection may be due to what changed
// since and says nothing about the first time.
func final(verdict, last work.Verdict, sent bool) work.Verdict {
	switch {
	case !sent, verdict.Kind == work.Accepted, verdict.Kind == work.Lost && verdict.Sent:
		return verdict
	case verdict.Kind == work.Lost:
		return work.Verdict{Kind: work.Lost, Reason: verdict.Reason, Cause: fmt.Errorf("sent before, without a reply; now %v", verdict), Sent: true}
	case verdict.RejectedFor(work.ReasonDuplicate) && verdict.Sent:
		return work.Verdict{Kind: work.Accepted, Sent: true}
	}
	return work.Verdict{Kind: work.Lost, Reason: last.Reason, Cause: fmt.Errorf("%w: no reply, and too late to ask again: %v", last.Cause, verdict), Sent: true}
}

// noteMemory records whether the member still knows the jobs of a session that it
// seemed to resume: one that was restarted may give the same extranonces again, and
// even the same job ids. A share that is stale because of a newer block says nothing
// about that.
func (c *Client) noteMemory(m *member, number uint64, verdict work.Verdict, taken, outdated bool) {
	unknown := verdict.Kind == work.Stale || verdict.RejectedFor(work.ReasonLowDifficulty, work.ReasonNTime, work.ReasonVersion, work.ReasonOther)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case taken:
		m.lostJobs = 0
	case unknown && verdict.Sent && !outdated && m.lostJobsIn != number:
		m.lostJobs++
		m.lostJobsIn = number
		if m.lostJobs > 1 { // known already
			return
		}
		c.log.Info("pool does not know the jobs of its last session", zap.String("pool", m.Name), event.Consequence("not mining for one that ended any more"), zap.Stringer("pool_said", verdict))
	}
}

// enqueue reports whether there is room for the share, and takes it. Once there is
// no room, finding more shares is useless, so mining for the pool stops. Shares
// that were under way when the connection ended have room of their own, and so
// have blocks and those that need not wait because there is a session again.
func (c *Client) enqueue(m *member, share *work.Share, underWay bool) (ok bool) {
	c.locked(func() {
		room := c.rules.Queued
		back := m.session != nil && m.current > share.Job.Session
		if underWay || back || share.Job.IsBlock(share.Hash) {
			room *= 4
		}
		if ok = m.queued < room; ok {
			m.queued++
			c.signal()
			return
		}
		if m.session == nil && m.job != nil {
			m.job = nil
			if c.active == m {
				c.showActive()
			}
		}
	})
	return ok
}

// successor is the session that came after the one of that number, once it
// works; nil if there is none yet: then news is closed when there may be one.
// possible is false if there will be none for the shares of that session: a pool
// that we left is connected to again only for shares that were not sent.
func (c *Client) successor(m *member, after uint64, sent bool) (s Session, number uint64, news <-chan struct{}, possible bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.session != nil && m.current > after && !m.working.IsZero():
		return m.session, m.current, c.news, true
	case m.session != nil: // it shakes hands, or its end was noticed here first
		return nil, 0, c.news, true
	}
	reason := m.lastError
	if errors.Is(reason, errLeft) && !sent {
		reason = nil
	}
	return nil, 0, c.news, !c.ended && !m.dead && m.mayResume(reason)
}
