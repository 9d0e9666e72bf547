package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
)

// link keeps a session with the member until ctx ends. One runs for each member
// that is wanted.
func (c *Client) link(ctx context.Context, m *member) {
	defer c.change(func() { m.linked, m.leave = false, nil })
	for {
		if err := c.pause(ctx, m); err != nil {
			return
		}
		end, err := c.attempt(ctx, m)
		if ctx.Err() != nil {
			c.change(func() { m.credit(end) })
			return
		}
		if c.conclude(m, end, err) {
			return
		}
	}
}

// pause waits until the member may be tried again, or is needed.
func (c *Client) pause(ctx context.Context, m *member) error {
	waiting, wake := context.WithCancel(ctx)
	defer wake()
	c.mu.Lock()
	wait := m.next.Sub(c.clock.Now())
	m.wake = wake
	c.mu.Unlock()
	if wait > 0 {
		_ = c.clock.Wait(waiting, wait)
	}
	return ctx.Err()
}

// outcome is how a session went.
type outcome struct {
	worked time.Duration // authorized and with a job, 0 if it never was
	status Status
}

// attempt connects to the member and stays until the session ends. If the protocol
// wants to try something different, it connects again at once.
func (c *Client) attempt(ctx context.Context, m *member) (outcome, error) {
	for {
		end, err := c.connect(ctx, m)
		c.mu.Lock()
		failures := m.failures
		c.mu.Unlock()
		change := m.Protocol.Learn(err, end.status, failures)
		if change == "" || ctx.Err() != nil {
			return end, err
		}
		c.log.Warn("connecting again", zap.String("pool", m.Name), event.Of("change", change), zap.Error(err))
	}
}

// connect is one connection, from dialing to its end.
func (c *Client) connect(ctx context.Context, m *member) (outcome, error) {
	log := c.log.With(zap.String("pool", m.Name))
	c.mu.Lock()
	level, why, trouble := m.logLevel(), zap.Skip(), zap.Skip()
	if m.reason != "" {
		why, trouble = event.Of("reason", betterFails), zap.String("error", m.reason)
		m.reason = ""
	}
	c.number++
	terms := Terms{Number: c.number, Resume: m.resume, Events: c.events(m, c.number), Log: log}
	c.mu.Unlock()
	log.Log(level, "connecting", m.Protocol.Route(), why, trouble)
	s, err := m.Protocol.Open(ctx, terms)
	if err != nil {
		return outcome{}, err
	}
	c.opened(m, s, terms.Number)
	err = c.run(ctx, s)
	return c.closed(m, s, terms.Number, err), err
}

// rememberedSessions is how many sessions old a waiting share may be.
const rememberedSessions = 256

// opened makes the session known, so that shares find it.
func (c *Client) opened(m *member, s Session, number uint64) {
	c.change(func() {
		m.session, m.current, m.leaving, m.resting = s, number, false, false
		c.sessions[number], c.owners[number] = s, m
		c.recent = append(c.recent, number)
		if len(c.recent) > rememberedSessions {
			delete(c.owners, c.recent[0])
			c.recent = c.recent[1:]
		}
		m.connects++
	})
}

// run runs the session until it ends or is left. One that is left for another
// member stays connected until its submits are answered, but not for long.
func (c *Client) run(ctx context.Context, s Session) error {
	running, hangUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hangUp(nil)
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
			hangUp(cause)
		} else {
			c.drain(running, s)
			hangUp(fmt.Errorf("%w: %w", errLeft, cause))
		}
	})
	err := s.Run(running)
	hangUp(nil)
	if !stop() {
		<-drained
	}
	return err
}

// drain waits until the session has all verdicts.
func (c *Client) drain(running context.Context, s Session) {
	wait := c.rules.DrainMin
	for waited := time.Duration(0); waited < c.rules.Drain; waited += wait {
		if waited > 0 && s.Retire() || c.clock.Wait(running, wait) != nil {
			return
		}
	}
}

// closed takes the session off the list and keeps what it leaves. Its last job
// stays good for a while if the member may resume the session.
func (c *Client) closed(m *member, s Session, number uint64, reason error) outcome {
	end := outcome{status: s.Status()}
	resume := s.Resume()
	c.change(func() {
		now := c.clock.Now()
		c.count(now)
		if !m.working.IsZero() {
			end.worked = max(now.Sub(m.working), 1)
		}
		if resume != nil {
			m.resume = resume
		}
		delete(c.sessions, number)
		m.session, m.working, m.unhealthy = nil, time.Time{}, nil
		if m.job != nil && m.job.Session == number {
			m.lost = now
		}
		if m.wanted && m.idle.IsZero() {
			m.idle = now
		}
		if !m.mayKeepMining(reason) {
			m.job = nil
		}
		if c.active == m {
			m.relapse(now, c.rules)
			c.showActive()
		}
		m.lastError = reason
	})
	return end
}

// conclude records the end of a session: when the member is tried again, and what
// is logged. It reports whether the member is given up.
func (c *Client) conclude(m *member, end outcome, err error) (dead bool) {
	c.change(func() {
		level := m.logLevel()
		class := m.Protocol.Class(err)
		retry := c.retryIn(m, end, class, err)
		what := "pool failed"
		switch {
		case m.noFault:
			what, level = "leaving the pool", zap.InfoLevel
		case end.worked > 0:
			what, level = "pool lost", zap.WarnLevel
		case level == zap.InfoLevel:
			level = zap.WarnLevel
		}
		m.dead = c.options.NoRetry && end.worked == 0 && !m.noFault
		dead = m.dead
		fields := []zap.Field{zap.String("pool", m.Name), faultField(err), zap.Error(err)}
		if !m.dead {
			fields = append(fields, zap.Duration("retry_in", retry))
		}
		if c.active == m && m.job != nil {
			fields = append(fields, zap.Duration("last_job_mined_for_up_to", c.rules.Resubmit))
		}
		c.log.Log(level, what, fields...)
	})
	return dead
}

// retryIn is how long to leave the member alone: not for long while shares wait
// for its session. If that is too long for them, its last job is given up.
func (c *Client) retryIn(m *member, end outcome, class Class, err error) time.Duration {
	now := c.clock.Now()
	retry := m.failed(end, class, err, now, c.clock.Jitter())
	if m.queued > 0 && end.worked == 0 && retry <= maxBackoff && class.Kind != Refused { // it may be back any time
		retry = min(retry, c.rules.ResubmitPause)
		m.next = now.Add(retry)
	}
	if retry >= c.rules.Resubmit && m.job != nil { // too late for its shares
		m.job = nil
		if c.active == m {
			c.showActive()
		}
	}
	return retry
}
