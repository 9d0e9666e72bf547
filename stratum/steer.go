package stratum

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/v1"
	"quarry/work"
)

// standing is how a pool is doing. Client.mu guards it.
type standing struct {
	wanted  bool
	linked  bool              // its link runs
	leave   func(cause error) // ends the link
	leaving bool              // that was called, and the session still waits for verdicts
	wake    func()            // ends the link's pause
	session *v1.Session       // the present one, which may still shake hands; nil: none
	current uint64            // its generation, or that of the last one
	since   time.Time         // when it began, or the last one ended
	working time.Time         // since when shares can be found and sent; zero: they cannot
	job     *work.Job         // the newest; kept for a while after a loss
	lost    time.Time         // when the session of job ended

	because   string        // it began to be wanted, until that is told
	failures  int           // in a row
	idle      time.Time     // since when it is wanted and gives no work; zero: it does
	quit      error         // a reason to give it up at once
	complaint error         // a reason to leave it although it works
	resting   bool          // it is left alone for the last one
	returned  time.Time     // when it took over from a worse pool that worked
	trial     time.Duration // that it must be healthy to do so, if longer than usual
	served    time.Duration
	queued    int  // shares that wait for its session to be resumed
	gone      bool // it failed, without retries
}

var (
	errLeft     = errors.New("left the pool")
	errUnwanted = errors.New("another pool is hashed for")
)

// decide brings what is done in line with what the strategy wants: it starts
// and ends links and chooses the pool to hash for. It returns the channel that
// is closed at the next change.
func (c *Client) decide(start func(*pool)) (news <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.now()
	c.count(now)
	views, active := make([]view, len(c.pools)), -1
	for i, p := range c.pools {
		p.expire(now, c.rules)
		views[i] = p.view(now, c.rules)
		if p == c.active {
			active = i
		}
	}
	choice := c.options.Strategy.choose(c.rules, views, active, now.Sub(c.turn))
	if choice.active >= 0 {
		c.activate(c.pools[choice.active], choice.why, now)
	}
	c.showActive()
	c.tellIdle(now)
	c.endRest(views, now)
	for i, p := range c.pools {
		if choice.wanted[i] && !p.wanted && i > 0 && !c.options.Strategy.turns() {
			p.because = c.pools[i-1].trouble()
		}
		c.want(p, choice.wanted[i] || p.queued > 0, now, start)
	}
	if c.options.NoRetry && c.hopeless() {
		return nil, c.noPool()
	}
	return c.news, nil
}

// count books the time since the last decision to the active pool.
func (c *Client) count(now time.Time) {
	if c.active != nil && c.active.job != nil {
		c.active.served += now.Sub(c.counted)
	}
	c.counted = now
}

// view is what the strategy needs to know.
func (p *pool) view(now time.Time, r rules) view {
	v := view{quota: p.Quota, served: p.served, suspect: p.complaint != nil, trial: max(r.failback, p.trial)}
	if p.works() {
		v.works = max(now.Sub(p.working), 1)
	}
	idle := !p.idle.IsZero() && now.Sub(p.idle) >= r.noWork
	v.givenUp = v.works < healthyAfter && (p.failures >= r.failures || idle || p.quit != nil)
	return v
}

// works tells whether the pool gives work and takes shares. One that is being
// left takes those that it gave work for, and is no choice any more.
func (p *pool) works() bool { return !p.working.IsZero() && !p.leaving }

// endRest calls on the pools that are left alone for a complaint once all
// others have failed: bad work is better than none.
func (c *Client) endRest(views []view, now time.Time) {
	for i, p := range c.pools {
		if !p.resting && (p.works() || !views[i].givenUp) {
			return
		}
	}
	for _, p := range c.pools {
		if p.resting && p.wake != nil && now.Before(p.next) {
			p.next = now
			p.wake()
		}
	}
}

// expire forgets the job of a session that was not resumed in time.
func (p *pool) expire(now time.Time, r rules) {
	if p.job != nil && !p.lost.IsZero() && now.Sub(p.lost) >= r.resubmit {
		p.job = nil
	}
}

// activate makes p the pool to hash for. The one before is left if the
// strategy has no more use for it, and for a long while if it gave reason to.
func (c *Client) activate(p *pool, why string, now time.Time) {
	before := c.active
	if before == p {
		if c.turnOver(now) {
			c.turn = now
		}
		return
	}
	c.active, c.turn = p, now
	if before != nil && before.works() && slices.Index(c.pools, p) < slices.Index(c.pools, before) {
		p.returned = now
	}
	fields := []zap.Field{zap.String("pool", p.url.String())}
	if before != nil {
		fields = append(fields, zap.String("instead_of", before.url.String()))
		switch {
		case before.complaint != nil:
			why = before.complaint.Error()
			before.next, before.resting = now.Add(c.rules.complaint), true
			before.leaveNow(before.complaint)
		case !before.works():
			why = before.trouble()
		}
	}
	fields = append(fields, zap.String("because", why))
	level := zap.InfoLevel
	if why == itsTurn {
		level = zap.DebugLevel
	}
	c.log.Log(level, "hashing for", fields...)
}

func (c *Client) turnOver(now time.Time) bool { return now.Sub(c.turn) >= c.rules.turn }

// showActive publishes what the active pool has. Caller holds mu.
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

// show publishes a job unless it is published already, and says so if there is
// none. Caller holds mu, so that jobs are published in the order of the
// decisions.
func (c *Client) show(job *work.Job) {
	if job == c.shown {
		return
	}
	if job == nil && !c.ended && !c.anyWorks() { // else that one takes over in a moment
		c.log.Warn(noWork)
	}
	c.put(job)
}

func (c *Client) put(job *work.Job) {
	c.shown, c.idle = job, time.Time{}
	c.publish(job)
}

func (c *Client) anyWorks() bool {
	return slices.ContainsFunc(c.pools, (*pool).works)
}

const noWork = "no work: hashing stands still until a pool gives a job"

// tellIdle says that there is no work where that was to be a matter of a
// moment, and is not.
func (c *Client) tellIdle(now time.Time) {
	if !c.idle.IsZero() && now.Sub(c.idle) >= c.rules.tick {
		c.idle = time.Time{}
		c.log.Warn(noWork)
	}
}

// trouble says why a pool gives no work.
func (p *pool) trouble() string {
	switch {
	case p.quit != nil:
		return fmt.Sprintf("%s: %v", p.url, p.quit)
	case p.lastError != nil:
		return fmt.Sprintf("%s: %v", p.url, p.lastError)
	}
	return fmt.Sprintf("%s gives no work", p.url)
}

// want starts or ends the pool's link.
func (c *Client) want(p *pool, wanted bool, now time.Time, start func(*pool)) {
	switch {
	case wanted && !p.wanted:
		p.idle = now
	case !wanted && p.wanted:
		p.idle = time.Time{}
		p.leaveNow(errUnwanted)
	}
	p.wanted = wanted
	if wanted && !p.linked && !p.gone {
		p.linked = true
		start(p)
	}
}

// leaveNow ends the pool's link, if it has one.
func (p *pool) leaveNow(cause error) {
	if p.linked && p.leave != nil {
		p.leaving = p.session != nil
		p.leave(cause)
	}
}

// hopeless tells that every pool failed since one last worked.
func (c *Client) hopeless() bool {
	for _, p := range c.pools {
		if !p.gone {
			return false
		}
	}
	return true
}

func (c *Client) noPool() error {
	faults := make([]error, len(c.pools))
	for i, p := range c.pools {
		faults[i] = fmt.Errorf("%s: %w", p.url, p.lastError)
	}
	return fmt.Errorf("%w: %w", ErrNoPool, errors.Join(faults...))
}

// maxTrial bounds how long a better pool can be on trial.
const maxTrial = time.Hour

// relapse lengthens the next trial of a pool that took over and failed again
// soon: what it showed while another was hashed for was not enough.
func (p *pool) relapse(now time.Time, r rules) {
	switch {
	case p.returned.IsZero():
	case now.Sub(p.returned) < r.complaint:
		p.trial = min(2*max(p.trial, r.failback), maxTrial)
	default:
		p.trial = 0
	}
	p.returned = time.Time{}
}

// jobArrived takes a job of a session, on its reader's goroutine: that of the
// active pool is published at once.
func (c *Client) jobArrived(p *pool, job *work.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if job.Session != p.current || p.session == nil {
		return // of a session that is being left
	}
	p.job, p.lost = job, time.Time{}
	if c.active == nil && p.wanted && !p.leaving {
		c.activate(p, "it is the first with a job", c.clock.now())
		c.tell()
	}
	if c.active == p {
		c.show(job)
	}
}

// worksNow takes note that shares can be found and sent.
func (c *Client) worksNow(p *pool, generation uint64) {
	c.change(func() {
		if generation != p.current || p.session == nil {
			return
		}
		p.working, p.idle = c.clock.now(), time.Time{}
		p.complaint = nil
		c.level(p)
		if c.options.NoRetry {
			for _, other := range c.pools {
				other.gone = false
			}
		}
	})
}

// level puts a pool that begins to work on a level with those that work: what
// it missed is not made up for.
func (c *Client) level(p *pool) {
	weight := func(p *pool) float64 { return float64(max(p.Quota, 1)) }
	least := -1.0
	for _, other := range c.pools {
		if share := float64(other.served) / weight(other); other != p && other.works() && (least < 0 || share < least) {
			least = share
		}
	}
	p.served = max(p.served, time.Duration(least*weight(p)))
}

// complain takes note that a pool works, but not well; nil: it does again.
func (c *Client) complain(p *pool, generation uint64, reason error) {
	c.change(func() {
		if generation == p.current && p.session != nil {
			p.complaint = reason
		}
	})
}

// subscribed takes note whether the pool resumed the session before. If not,
// nothing of it is of use any more.
func (c *Client) subscribed(p *pool, generation uint64, resumed bool) {
	c.change(func() {
		if generation != p.current || p.session == nil {
			return
		}
		if resumed {
			p.refusals = 0
			return
		}
		if p.resume != nil && p.resume.SessionID != "" {
			p.refusals++
			p.refused = c.clock.now()
		}
		if p.job != nil && p.job.Session != generation {
			p.job = nil
			if c.active == p { // the new session's first job is near
				c.active = nil
				c.put(nil)
				c.idle = c.clock.now()
			}
		}
	})
}
