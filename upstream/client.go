package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/work"
)

// Options configure a client. Only Members is required.
type Options struct {
	Members  []Member // in the order of preference
	Strategy Strategy
	Failback time.Duration // how long a preferred member must stay healthy before mining returns to it; 0 = returns at once
	Turn     time.Duration // how long each member is mined, with StrategyRoundRobin, which needs it
	NoRetry  bool          // give up once no member works: work.ErrNoWork
	Log      *zap.Logger   // nil: silent
	Rules    *Rules        // nil: RulesFor the options
	Clock    *Clock        // nil: the real one
}

// Client is a source of jobs: it keeps sessions with its members, of which one
// is active at a time: its jobs are mined.
type Client struct {
	options   Options
	rules     Rules
	log       *zap.Logger
	clock     Clock
	members   []*member
	publisher publisher

	mu       sync.Mutex // guards the rest, and the states of the members
	active   *member    // whose jobs are published; nil: none
	shown    *work.Job  // the job to publish
	idle     time.Time  // since when there is none, until that was logged
	counted  time.Time  // until when the active member's time was counted
	turn     time.Time  // when it became active
	turns    turnLog
	sessions map[uint64]Session
	owners   map[uint64]*member // of sessions, also of those that ended
	recent   []uint64           // the numbers of those, oldest first
	number   uint64             // of the newest session, also of those that did not connect
	ending   func() error       // why Run is about to end, which a link may notice first; nil: Run has not begun
	ended    bool               // Run is ending
	news     chan struct{}      // closed and replaced when anything here changed
}

// publisher hands jobs on in their order, without Client.mu, so that publish may
// ask for the status. Its lock is taken before Client.mu, never inside.
type publisher struct {
	mu      sync.Mutex
	publish func(*work.Job)
	last    *work.Job
}

// New checks the options. It does not connect.
func New(options Options) (*Client, error) {
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	c := &Client{
		options: options, rules: RulesFor(options), log: options.Log, clock: RealClock(),
		sessions: make(map[uint64]Session), owners: make(map[uint64]*member), news: make(chan struct{}),
	}
	if options.Rules != nil {
		c.rules = *options.Rules
	}
	if options.Clock != nil {
		c.clock = *options.Clock
	}
	if len(options.Members) == 0 {
		return nil, errors.New("no pool is configured")
	}
	var faults []error
	known := make(map[string]bool)
	for i, m := range options.Members {
		if known[m.Name] {
			faults = append(faults, fmt.Errorf("pool %d: %s is listed twice", i+1, m.Name))
		}
		known[m.Name] = true
		c.members = append(c.members, &member{Member: m})
	}
	if options.Strategy == StrategyRoundRobin && options.Turn <= 0 {
		faults = append(faults, fmt.Errorf("strategy %s needs the length of a turn", StrategyRoundRobin))
	}
	if err := options.Strategy.validate(options.Members); err != nil {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

// Run keeps sessions with the members that the strategy wants until the context
// ends. It hands every job of the active one to publish, and nil when there is no
// work. Publish is called by one goroutine at a time and must not block; it may
// ask for the Status. The error is the context's, or work.ErrNoWork. All
// connections are closed when Run returns.
func (c *Client) Run(ctx context.Context, publish func(*work.Job)) error {
	links, end := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer end(context.Canceled)
	c.publisher.begin(publish)
	c.change(func() { c.ending = ctx.Err })
	err := c.keepDeciding(ctx, func(m *member) {
		linked, leave := context.WithCancelCause(links)
		m.leave = leave
		running.Go(func() { c.link(linked, m) })
	})
	c.change(func() { c.ended = true })
	end(context.Cause(ctx))
	running.Wait()
	c.change(func() { c.active, c.shown = nil, nil })
	return err
}

// keepDeciding decides at every change and every tick, until the context ends or
// there is no hope of work. It returns the reason.
func (c *Client) keepDeciding(ctx context.Context, start func(*member)) error {
	for ctx.Err() == nil {
		news, err := c.decide(start)
		if err != nil {
			return err
		}
		tick, stop := c.clock.After(c.rules.Tick)
		select {
		case <-ctx.Done():
		case <-news:
		case <-tick:
		}
		stop()
	}
	return ctx.Err()
}

// Submit sends the share to the member that its job came from and returns the
// verdict on it. A share whose connection has ended waits for a while: the
// member may resume the session.
func (c *Client) Submit(ctx context.Context, share *work.Share) work.Verdict {
	if ctx.Err() != nil {
		return work.LostTo(ctx.Err())
	}
	c.mu.Lock()
	s, m := c.sessions[share.Job.Session], c.owners[share.Job.Session]
	c.mu.Unlock()
	verdict := work.LostTo(errEnded)
	if s != nil {
		verdict = s.Submit(ctx, share)
	}
	if m != nil && (isDisconnected(verdict) || isDeauthorized(verdict)) {
		return c.resubmit(ctx, m, share, s != nil, verdict)
	}
	return verdict
}

var errEnded = errors.New("the connection that the job came over has ended")

func (p *publisher) begin(publish func(*work.Job)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish = publish
}

// change makes a change under the lock, wakes those who wait for news, and
// publishes the job that is to be mined afterwards.
func (c *Client) change(do func()) {
	c.locked(func() {
		do()
		c.signal()
	})
}

// locked is change without waking anyone.
func (c *Client) locked(do func()) {
	func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		do()
		c.noteStates(c.clock.Now())
	}()
	c.flush()
}

// flush publishes the job to publish, unless it is published already. Of two
// changes at once only the newest job may be published.
func (c *Client) flush() {
	p := &c.publisher
	p.mu.Lock()
	defer p.mu.Unlock()
	c.mu.Lock()
	job := c.shown
	c.mu.Unlock()
	if job != p.last {
		p.last = job
		p.publish(job)
	}
}

// signal wakes those who wait for news. Caller holds mu.
func (c *Client) signal() {
	close(c.news)
	c.news = make(chan struct{})
}
