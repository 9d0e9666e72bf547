package stratum

import (
	"context"
	"errors"
	"fmt"

	"quarry/stratum/v1"
	"quarry/work"
)

// forgotten is the verdict if the pool says that it does not know us any more.
// The share is good still for a session in which it does.
func forgotten(verdict error) *work.Lost {
	var rejected *work.Rejected
	if errors.As(verdict, &rejected) && (rejected.Reason == work.ReasonUnauthorized || rejected.Reason == work.ReasonNotSubscribed) {
		return &work.Lost{Why: v1.LostDisconnected, Err: verdict}
	}
	return nil
}

// homeless is the verdict if it says that the share's connection is gone.
func homeless(verdict error) *work.Lost {
	var lost *work.Lost
	if errors.As(verdict, &lost) && lost.Why == v1.LostDisconnected {
		return lost
	}
	return nil
}

// hold keeps a share whose connection is gone until the pool resumes the
// session, and then sends it there. That may be for the second time: the pool
// may have taken it and its yes may be what was lost.
func (c *Client) hold(ctx context.Context, p *pool, share *work.Share, underWay bool, lost *work.Lost) (verdict error) {
	sent := lost.Sent
	defer func() { verdict = sentBefore(verdict, sent) }()
	if !c.takeHold(p, share, underWay) {
		return &work.Lost{Why: lost.Why, Err: fmt.Errorf("%w, and %d shares are being held already", lost.Err, c.rules.held), Sent: lost.Sent}
	}
	defer c.change(func() { p.holding-- })
	timeout, stop := c.clock.after(c.rules.hold)
	defer stop()
	ready := make(chan struct{})
	close(ready)
	for after := share.Job.Session; ; {
		s, news, hope := c.successor(p, after, sent)
		if !hope {
			return &work.Lost{Why: lost.Why, Err: lost.Err, Sent: sent}
		}
		if s != nil {
			news = ready
		}
		select {
		case <-timeout:
			return &work.Lost{Why: lost.Why, Err: fmt.Errorf("%w, and it did not come back within %v", lost.Err, c.rules.hold), Sent: sent}
		case <-ctx.Done():
			return v1.Disconnected(ctx.Err())
		case <-news:
		}
		if s == nil {
			continue
		}
		after = s.Generation()
		verdict = c.resubmit(ctx, p, s, share, sent)
		again := homeless(verdict)
		switch {
		case again == nil && sent:
			return secondVerdict(verdict, lost)
		case again == nil:
			return verdict
		case errors.Is(again, v1.ErrForeign):
			return &work.Lost{Why: lost.Why, Err: fmt.Errorf("%w, and %w", lost.Err, again.Err), Sent: sent}
		}
		lost, sent = again, sent || again.Sent
	}
}

// sentBefore makes known with a share that is lost that it was sent, if not the
// last time.
func sentBefore(verdict error, sent bool) error {
	var lost *work.Lost
	if !sent || !errors.As(verdict, &lost) || lost.Sent {
		return verdict
	}
	return &work.Lost{Why: lost.Why, Err: fmt.Errorf("sent before, without a verdict: %v", lost.Err), Sent: true}
}

// resubmit sends a held share over the session that resumed its own, and notes
// whether the pool still knows its jobs.
func (c *Client) resubmit(ctx context.Context, p *pool, s *v1.Session, share *work.Share, sent bool) error {
	verdict := s.Submit(ctx, share)
	taken := verdict == nil || sent && secondVerdict(verdict, &work.Lost{}) == nil
	unknown := errors.Is(verdict, work.ErrStale) && !errors.Is(verdict, work.ErrUnsent) && !s.Outdated(share.Job)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case taken:
		p.forgot = 0
	case unknown && p.forgotIn != s.Generation():
		p.forgot++
		p.forgotIn, p.refused = s.Generation(), c.clock.now()
	}
	return verdict
}

// secondVerdict is the verdict on a share that was sent twice, or would have
// been. That the pool knows it means that it took it the first time. Any other
// no may be due to what changed since and says nothing of the first time.
func secondVerdict(verdict error, lost *work.Lost) error {
	var rejected *work.Rejected
	var again *work.Lost
	switch {
	case verdict == nil, errors.As(verdict, &again):
		return verdict
	case errors.As(verdict, &rejected) && rejected.Reason == work.ReasonDuplicate && !errors.Is(verdict, work.ErrUnsent):
		return nil
	}
	return &work.Lost{Why: lost.Why, Err: fmt.Errorf("%w, without a verdict, and now it is too late to ask again: %v", lost.Err, verdict), Sent: true}
}

// takeHold finds room for the share. Where there is none any more it is no use
// to find others, so hashing for the pool stops. Those that were under way when
// the connection ended have room of their own, and so have blocks and those that
// need not wait, for there is a session again.
func (c *Client) takeHold(p *pool, share *work.Share, underWay bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.rules.held
	back := p.session != nil && p.current > share.Job.Session
	if underWay || back || share.Job.IsBlock(share.Hash) {
		room *= 4
	}
	if p.holding < room {
		p.holding++
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
