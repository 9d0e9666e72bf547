package upstream

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/work"
)

var (
	errLeft     = errors.New("left the pool")
	errUnwanted = errors.New("another pool is active")
)

// decide does what the strategy wants: it starts and ends links and chooses the
// active member. It returns the channel that is closed at the next change.
func (c *Client) decide(start func(*member)) (news <-chan struct{}, err error) {
	c.locked(func() {
		now := c.clock.Now()
		c.count(now)
		views := c.views(now)
		choice := c.options.Strategy.choose(c.rules, views, slices.Index(c.members, c.active), now.Sub(c.turn))
		if choice.active >= 0 {
			c.activate(c.members[choice.active], choice.why, now)
		}
		c.showActive()
		c.logIdle(now)
		c.endRest(views, now)
		for i, m := range c.members {
			if choice.wanted[i] && !m.wanted && i > 0 && !c.options.Strategy.turns() {
				m.reason = c.members[i-1].trouble()
			}
			c.want(m, choice.wanted[i] || m.queued > 0, now, start)
		}
		news = c.news
		if c.options.NoRetry && c.allDead() {
			err = c.noWork()
		}
	})
	return news, err
}

func (c *Client) views(now time.Time) []view {
	views := make([]view, len(c.members))
	for i, m := range c.members {
		m.expire(now, c.rules)
		views[i] = m.view(now, c.rules)
	}
	return views
}

// count adds the time since the last decision to the active member's.
func (c *Client) count(now time.Time) {
	if c.active != nil && c.active.job != nil {
		c.active.served += now.Sub(c.counted)
	}
	c.counted = now
}

// endRest wakes the members that are left alone because they work badly once all
// others have failed: bad work is better than none.
func (c *Client) endRest(views []view, now time.Time) {
	for i, m := range c.members {
		if !m.resting && (m.works() || !views[i].givenUp) {
			return
		}
	}
	for _, m := range c.members {
		if m.resting && m.wake != nil && now.Before(m.next) {
			m.next = now
			m.wake()
		}
	}
}

// activate makes m the active member. The previous one is left if the strategy no
// longer wants it, and for a long while if it was unhealthy.
func (c *Client) activate(m *member, why event.Phrase, now time.Time) {
	before := c.active
	if before == m {
		if now.Sub(c.turn) >= c.rules.Turn {
			c.turn = now
		}
		return
	}
	c.active, c.turn = m, now
	if before != nil && before.works() && slices.Index(c.members, m) < slices.Index(c.members, before) {
		m.returned = now
	}
	fields, trouble := []zap.Field{zap.String("pool", m.Name)}, zap.Skip()
	if before != nil {
		fields = append(fields, zap.String("instead_of", before.Name))
		switch {
		case before.unhealthy != nil:
			why, trouble = lastUnhealthy, zap.String("error", before.unhealthy.Error())
			before.next, before.resting = now.Add(c.rules.Rest), true
			before.leaveNow(before.unhealthy)
		case !before.works():
			why, trouble = lastFailed, zap.String("error", before.trouble())
		}
	}
	fields = append(fields, event.Of("reason", why), trouble)
	level := zap.InfoLevel
	if why == itsTurn {
		shown, hidden := c.turns.admit(now)
		switch {
		case !shown:
			level = zap.DebugLevel
		case hidden > 0:
			fields = append(fields, zap.Int("turns_not_shown", hidden))
		}
	}
	c.log.Log(level, "active pool", fields...)
}

// showActive makes the active member's job the one to publish. Caller holds mu.
func (c *Client) showActive() {
	var job *work.Job
	if c.active != nil {
		job = c.active.job
	}
	c.show(job)
	if job == nil {
		c.active = nil
	}
}

// show makes the job the one to publish, and logs if there is none. Caller holds
// mu, and flushes.
func (c *Client) show(job *work.Job) {
	if job == c.shown {
		return
	}
	if job == nil && !slices.ContainsFunc(c.members, (*member).works) { // else another one takes over in a moment
		c.warnNoWork()
	}
	c.shown, c.idle = job, time.Time{}
}

// warnNoWork logs that there is no work, unless that is because we end.
func (c *Client) warnNoWork() {
	if !c.ended && (c.ending == nil || c.ending() == nil) {
		c.log.Warn("no work available", event.Consequence("mining is paused until a pool sends a job"))
	}
}

// logIdle logs that there is no work if a gap that should be short lasts longer
// than a tick.
func (c *Client) logIdle(now time.Time) {
	if !c.idle.IsZero() && now.Sub(c.idle) >= c.rules.Tick {
		c.idle = time.Time{}
		c.warnNoWork()
	}
}

// want starts or ends the member's link.
func (c *Client) want(m *member, wanted bool, now time.Time, start func(*member)) {
	switch {
	case wanted && !m.wanted:
		m.idle = now
	case !wanted && m.wanted:
		m.idle = time.Time{}
		m.leaveNow(errUnwanted)
	}
	m.wanted = wanted
	if wanted && !m.linked && !m.dead {
		m.linked = true
		start(m)
	}
}

// allDead reports whether every member failed since one last worked.
func (c *Client) allDead() bool {
	return !slices.ContainsFunc(c.members, func(m *member) bool { return !m.dead })
}

func (c *Client) noWork() error {
	faults := make([]error, len(c.members))
	for i, m := range c.members {
		faults[i] = fmt.Errorf("%s: %w", m.Name, m.lastError)
	}
	return fmt.Errorf("%w: %w", work.ErrNoWork, errors.Join(faults...))
}
