package stratum

import (
	"context"
	"errors"
	"fmt"

	"quarry/stratum/v1"
	"quarry/work"
)

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
func (c *Client) hold(ctx context.Context, p *pool, share *work.Share, lost *work.Lost) error {
	if !c.takeHold(p, share) {
		return &work.Lost{Why: lost.Why, Err: fmt.Errorf("%w, and %d shares are being held already", lost.Err, c.rules.held), Sent: lost.Sent}
	}
	defer c.change(func() { c.held--; p.holding-- })
	timeout, stop := c.clock.after(c.rules.hold)
	defer stop()
	sent, ready := lost.Sent, make(chan struct{})
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
		verdict := s.Submit(ctx, share)
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
// to find others, so hashing for the pool stops. Blocks have room of their own.
func (c *Client) takeHold(p *pool, share *work.Share) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.rules.held
	if share.Job.IsBlock(share.Hash) {
		room *= 2
	}
	if c.held < room {
		c.held++
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
// it is subscribed; nil if there is none yet, when news says that there may be.
// Without hope there will be none for the shares of that session: a pool that
// we left is connected to again only for shares that were not sent.
func (c *Client) successor(p *pool, after uint64, sent bool) (s *v1.Session, news <-chan struct{}, hope bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.session != nil && p.current > after:
		return p.session, c.news, true
	case p.session != nil: // its end was felt here first
		return nil, c.news, true
	}
	reason := p.lastError
	if errors.Is(reason, errLeft) && !sent {
		reason = nil
	}
	return nil, c.news, !c.ended && !p.gone && p.mayResume(reason)
}
