package stratum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/transport"
	"quarry/stratum/v1"
	"quarry/work"
)

// link keeps a session with the pool until ctx ends. One runs for each pool
// that is wanted.
func (c *Client) link(ctx context.Context, p *pool) {
	defer c.change(func() { p.linked, p.leave = false, nil })
	for {
		if err := c.pause(ctx, p); err != nil {
			return
		}
		end, err := c.attempt(ctx, p)
		if ctx.Err() != nil {
			c.change(func() { p.credit(end) })
			return
		}
		if c.settle(p, end, err) {
			return
		}
	}
}

// pause waits until the pool may be tried again, or is needed.
func (c *Client) pause(ctx context.Context, p *pool) error {
	waiting, wake := context.WithCancel(ctx)
	defer wake()
	c.mu.Lock()
	wait := p.next.Sub(c.clock.now())
	p.wake = wake
	c.mu.Unlock()
	if wait > 0 {
		_ = c.clock.wait(waiting, wait)
	}
	return ctx.Err()
}

// outcome is how a session went.
type outcome struct {
	worked time.Duration // authorised and with a job, 0 if it never was
	status v1.Status
	resume *v1.ResumeState
}

// attempt connects to the pool and stays until the session ends. Pools that
// do not understand the full handshake get a simpler one, mostly at once.
func (c *Client) attempt(ctx context.Context, p *pool) (outcome, error) {
	for {
		end, err := c.session(ctx, p)
		simpler := p.learn(err, end.status.Authorised)
		if simpler == "" || ctx.Err() != nil {
			return end, err
		}
		c.log.Warn("connecting again, "+simpler, zap.String("pool", p.url.String()), zap.Error(err))
	}
}

// session is one connection from the dialling to its end.
func (c *Client) session(ctx context.Context, p *pool) (outcome, error) {
	log := c.log.With(zap.String("pool", p.url.String()))
	c.mu.Lock()
	level, why := p.level(), zap.Skip()
	if p.because != "" {
		why, p.because = zap.String("because", p.because), ""
	}
	c.mu.Unlock()
	via := zap.Skip()
	if proxy := p.dialer.Proxy(); proxy != "" {
		via = zap.String("proxy", proxy)
	}
	log.Log(level, "connecting", via, why)
	conn, err := p.dialer.Dial(ctx)
	if err != nil {
		return outcome{}, err
	}
	s := c.open(p, conn, log)
	err = c.run(ctx, s)
	end := c.close(p, s, err)
	if errors.Is(err, transport.ErrClosed) && !p.known && p.url.Scheme == transport.SchemeTCP {
		err = fmt.Errorf("%w: if this port is for TLS, use %s://", err, transport.SchemeTLS)
	}
	return end, err
}

// open makes the session known, so that shares find it.
func (c *Client) open(p *pool, t transport.Conn, log *zap.Logger) *v1.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	generation := c.generation
	config := p.sessionConfig(c.options, log)
	config.Generation, config.ResumeState = generation, p.resume
	config.Publish = func(job *work.Job) { c.jobArrived(p, job) }
	config.Subscribed = func(resumed bool) { c.subscribed(p, generation, resumed) }
	config.Working = func() { c.worksNow(p, generation) }
	config.Complain = func(reason error) { c.complain(p, generation, reason) }
	s := v1.NewSession(t, config)
	p.session, p.current, p.leaving, p.resting = s, generation, false, false
	c.sessions[generation], c.owners[generation] = s, p
	delete(c.owners, generation-rememberedSessions)
	p.since = time.Now()
	c.connects++
	c.tell()
	return s
}

// rememberedSessions is how many sessions back a held share may be of.
const rememberedSessions = 256

// run runs the session until it ends or is left. One that is left for another
// pool stays connected until its submits are answered, but not for long.
func (c *Client) run(ctx context.Context, s *v1.Session) error {
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
func (c *Client) drain(running context.Context, s *v1.Session) {
	wait := c.rules.drainMin
	for waited := time.Duration(0); waited < c.rules.drain; waited += wait {
		if waited > 0 && s.Retire() || c.clock.wait(running, wait) != nil {
			return
		}
	}
}

// close takes the session off the list and keeps what it leaves. Its last job
// stays good for a while if the pool may resume the session.
func (c *Client) close(p *pool, s *v1.Session, reason error) outcome {
	end := outcome{status: s.Status(), resume: s.ResumeState()}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.now()
	c.count(now)
	if !p.working.IsZero() {
		end.worked = max(now.Sub(p.working), 1)
	}
	if end.status.Subscribed {
		p.understood()
	}
	if end.resume != nil {
		p.resume = end.resume
	}
	delete(c.sessions, s.Generation())
	p.session, p.working, p.complaint = nil, time.Time{}, nil
	if p.job != nil && p.job.Session == s.Generation() {
		p.lost = now
	}
	if p.wanted && p.idle.IsZero() {
		p.idle = now
	}
	if !p.mayHope(reason, now) {
		p.job = nil
	}
	if c.active == p {
		p.relapse(now, c.rules)
		c.showActive()
	}
	p.since, p.lastError = time.Now(), reason
	c.tell()
	return end
}

// settle draws the conclusions from the end of a session: when the pool is
// tried again, and what the log says. It tells whether to give up.
func (c *Client) settle(p *pool, end outcome, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	level := p.level()
	now := c.clock.now()
	retry := p.settle(end, err, now, c.clock.jitter())
	if p.queued > 0 && end.worked == 0 && retry <= maxBackoff && !errors.Is(err, v1.ErrUnauthorised) { // it may be back any time
		retry = min(retry, c.rules.resubmitPause)
		p.next = now.Add(retry)
	}
	if retry >= c.rules.resubmit && p.job != nil { // too late for its shares
		p.job = nil
		if c.active == p {
			c.showActive()
		}
	}
	c.tell()
	what := "pool failed"
	switch {
	case p.noFault:
		what, level = "leaving the pool", zap.InfoLevel
	case end.worked > 0:
		what, level = "pool lost", zap.WarnLevel
	case level == zap.InfoLevel:
		level = zap.WarnLevel
	}
	p.gone = c.options.NoRetry && end.worked == 0 && !p.noFault
	fields := []zap.Field{zap.String("pool", p.url.String()), zap.Error(err)}
	if !p.gone {
		fields = append(fields, zap.Duration("retry_in", retry))
	}
	if c.active == p && p.job != nil {
		fields = append(fields, zap.String("meanwhile", fmt.Sprintf("the last job is hashed on for up to %v, in case the pool resumes the session", c.rules.resubmit)))
	}
	c.log.Log(level, what, fields...)
	return p.gone
}
