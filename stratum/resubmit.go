package stratum

import (
	"context"
	"errors"
	"fmt"

	"quarry/stratum/v1"
	"quarry/work"
)

// isDisconnected reports whether the share's connection was gone.
func isDisconnected(v work.Verdict) bool { return v.LostFor(work.LostDisconnected) }

// isDeauthorized reports whether the pool said that it does not know us any
// more. The share is good still for a session in which it does.
func isDeauthorized(v work.Verdict) bool {
	return v.RejectedFor(work.ReasonUnauthorized, work.ReasonNotSubscribed)
}

// resubmit keeps a share whose connection is gone until the pool resumes the
// session, and then sends it there. That may be for the second time: the pool
// may have taken it and its yes may be what was lost.
func (c *Client) resubmit(ctx context.Context, p *pool, share *work.Share, underWay bool, last work.Verdict) work.Verdict {
	sent := isDisconnected(last) && last.Sent
	if !c.enqueue(p, share, underWay) {
		return gaveUp(last, sent, fmt.Errorf("%d shares are queued already", c.rules.queued))
	}
	defer c.change(func() { p.queued-- })
	timeout, stop := c.clock.after(c.rules.resubmit)
	defer stop()
	ready := make(chan struct{})
	close(ready)
	for after := share.Job.Session; ; {
		s, news, hope := c.successor(p, after, sent)
		if !hope {
			return gaveUp(last, sent, nil)
		}
		if s != nil {
			news = ready
		}
		select {
		case <-timeout:
			return gaveUp(last, sent, fmt.Errorf("it did not come back within %v", c.rules.resubmit))
		case <-ctx.Done():
			return final(work.LostTo(ctx.Err()), last, sent)
		case <-news:
		}
		if s == nil {
			continue
		}
		after = s.Generation()
		verdict := s.Submit(ctx, share)
		end := final(verdict, last, sent)
		c.noteMemory(p, s, share, verdict, end.Kind == work.Accepted)
		switch {
		case !isDisconnected(verdict):
			return end
		case errors.Is(verdict.Cause, v1.ErrForeign):
			return gaveUp(last, sent, verdict.Cause)
		}
		last, sent = verdict, sent || verdict.Sent
	}
}

// gaveUp is the verdict on a share that could not be sent again, which may have
// been sent before. What a pool said that did not know us holds then.
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
// one before; sent says that the pool may have taken it before. That the pool
// knows it means that it did. Any other no may be due to what changed since and
// says nothing of the first time.
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

// noteMemory takes note whether the pool still knows the jobs of a session that
// it resumed.
func (c *Client) noteMemory(p *pool, s *v1.Session, share *work.Share, verdict work.Verdict, taken bool) {
	outdated := s.Outdated(share.Job) // then it is the block that the share was refused for
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case taken:
		p.forgot = 0
	case verdict.Kind == work.Stale && verdict.Sent && !outdated && p.forgotIn != s.Generation():
		p.forgot++
		p.forgotIn, p.refused = s.Generation(), c.clock.now()
	}
}

// enqueue reports whether there is room for the share, and takes it. Where there
// is none any more it is no use to find others, so mining for the pool stops.
// Shares that were under way when the connection ended have room of their own,
// and so have blocks and those that need not wait because there is a session
// again.
func (c *Client) enqueue(p *pool, share *work.Share, underWay bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.rules.queued
	back := p.session != nil && p.current > share.Job.Session
	if underWay || back || share.Job.IsBlock(share.Hash) {
		room *= 4
	}
	if p.queued < room {
		p.queued++
		c.tell()
		return true
	}
	if p.session == nil && p.job != nil {
		p.job = nil
		if c.active == p {
			c.showActive()
		}
	}
	return false
}

// successor is the session that came after the one of that generation, once
// it works; nil if there is none yet, when news says that there may be.
// Without hope there will be none for the shares of that session: a pool that
// we left is connected to again only for shares that were not sent.
func (c *Client) successor(p *pool, after uint64, sent bool) (s *v1.Session, news <-chan struct{}, hope bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.session != nil && p.current > after && !p.working.IsZero():
		return p.session, c.news, true
	case p.session != nil: // it shakes hands, or its end was felt here first
		return nil, c.news, true
	}
	reason := p.lastError
	if errors.Is(reason, errLeft) && !sent {
		reason = nil
	}
	return nil, c.news, !c.ended && !p.gone && p.mayResume(reason)
}
