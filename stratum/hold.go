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
		verdict = c.scouted(ctx, p, s, share, sent)
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

// scout is a held share that is sent ahead of others like it.
type scout struct {
	back    chan struct{} // closed once its verdict is in
	taken   bool
	refusal error // by the pool
}

// errand is what a scout finds out: whether a session takes shares of a job of
// the session before; weak ones, which do not meet the present difficulty, apart.
type errand struct {
	session uint64
	job     *work.Job
	weak    bool
}

// scouted sends a held share, after the verdict on the first of its kind: a
// pool may give the same extranonces again and know nothing of the jobs before,
// and refusing one share is better than refusing all. Blocks do not wait.
func (c *Client) scouted(ctx context.Context, p *pool, s *v1.Session, share *work.Share, sent bool) error {
	what := errand{s.Generation(), share.Job, !s.Status().Difficulty.Target().MetBy(share.Hash)}
	for !share.Job.MustSend(share.Hash) {
		ahead, first := c.scoutFor(p, what)
		if first {
			return c.goAhead(ctx, p, what, ahead, s, share, sent)
		}
		long, stop := c.clock.after(c.rules.scout)
		select {
		case <-ahead.back:
			stop()
		case <-long: // the pool may have passed it over
			return s.Submit(ctx, share)
		case <-ctx.Done():
			stop()
			return v1.Disconnected(ctx.Err())
		}
		switch {
		case ahead.taken:
			return s.Submit(ctx, share)
		case ahead.refusal != nil:
			return &work.Lost{
				Why: v1.LostDisconnected, Sent: sent,
				Err: fmt.Errorf("%w: of the shares found before, the pool refused the first: %v", v1.ErrForeign, ahead.refusal),
			}
		} // else it found nothing out, and another goes
	}
	return s.Submit(ctx, share)
}

// goAhead sends the share as a scout.
func (c *Client) goAhead(ctx context.Context, p *pool, what errand, ahead *scout, s *v1.Session, share *work.Share, sent bool) error {
	verdict := s.Submit(ctx, share)
	ahead.taken = verdict == nil || sent && secondVerdict(verdict, &work.Lost{}) == nil
	if !ahead.taken && !s.Outdated(share.Job) { // else the block is what it was refused for
		ahead.refusal = refusal(verdict)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ahead.taken:
		p.forgot = 0
	case errors.Is(ahead.refusal, work.ErrStale):
		if p.forgotIn != what.session {
			p.forgot++
		}
		p.forgotIn, p.refused = what.session, c.clock.now()
	case ahead.refusal == nil:
		delete(p.scouts, what)
	}
	close(ahead.back)
	return verdict
}

// scoutFor is the scout for the errand, and whether that is the caller's share.
func (c *Client) scoutFor(p *pool, what errand) (ahead *scout, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := p.scouts[what]; ahead != nil {
		return ahead, false
	}
	if p.scouts == nil || len(p.scouts) > 4*c.rules.held { // of sessions long gone
		p.scouts = make(map[errand]*scout)
	}
	p.scouts[what] = &scout{back: make(chan struct{})}
	return p.scouts[what], true
}

// refusal is the verdict if it is a no of the pool's.
func refusal(verdict error) error {
	var rejected *work.Rejected
	if !errors.Is(verdict, work.ErrUnsent) && (errors.Is(verdict, work.ErrStale) || errors.As(verdict, &rejected)) {
		return verdict
	}
	return nil
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
