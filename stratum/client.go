package stratum

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/stratum/transport"
	"quarry/stratum/v1"
	"quarry/work"
)

// Pool is one pool as the user names it.
type Pool struct {
	URL            string
	User, Password string
	TLS            transport.TLSOptions
	Proxy          transport.ProxyOptions

	Quota int // percent of the hashing, with StrategyBalance; 0: only if no other works

	NoVersionRolling  bool               // do not ask for it (BIP 310)
	SuggestDifficulty hashing.Difficulty // asked for; zero: not
	SubscribeExtra    bool               // send mining.extranonce.subscribe
}

// Options are what a client is made of. Only Pools is required.
type Options struct {
	Pools       []Pool // in the order of preference
	Strategy    Strategy
	Failback    time.Duration // how long a preferred pool must stay healthy before mining returns to it; 0 = not at all
	Turn        time.Duration // how long each pool is mined, with StrategyRoundRobin, which needs it
	UserAgent   string        // name/version, as pools see it; default "quarry"
	NoRetry     bool          // give up once no pool works, see ErrNoPool
	SubmitStale bool          // let the pool judge shares of outdated jobs too
	Limits      v1.Limits
	Log         *zap.Logger // nil: silent
	Trace       v1.Trace
}

// ErrNoPool means that no pool gave a job, with Options.NoRetry.
var ErrNoPool = errors.New("no pool reachable")

// Client is a source of jobs: it keeps sessions with its pools, and hashes for
// one of them at a time.
type Client struct {
	options Options
	rules   rules
	log     *zap.Logger
	clock   clock
	pools   []*pool

	mu         sync.Mutex // guards the rest, and the standing of the pools
	publish    func(*work.Job)
	active     *pool     // whose jobs are published; nil: none
	shown      *work.Job // published last
	idle       time.Time // since when nothing is, until that was told
	counted    time.Time // until when the active pool's hashing was counted
	turn       time.Time // when it became active
	sessions   map[uint64]*v1.Session
	owners     map[uint64]*pool // of sessions, also of those that ended
	generation uint64           // of the newest session
	ended      bool             // Run is ending
	news       chan struct{}    // closed and made anew when anything here changed
	connects   int              // made so far
}

// New checks the options. It does not connect.
func New(options Options) (*Client, error) {
	options = options.withDefaults()
	c := &Client{
		options: options, rules: rulesFor(options), log: options.Log, clock: realClock(),
		sessions: make(map[uint64]*v1.Session), owners: make(map[uint64]*pool), news: make(chan struct{}),
	}
	if len(options.Pools) == 0 {
		return nil, errors.New("no pool is configured")
	}
	var faults []error
	known := make(map[string]bool)
	for i, p := range options.Pools {
		made, err := newPool(p, options)
		if err == nil && known[made.url.String()] {
			err = fmt.Errorf("%s is listed twice", made.url)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("pool %d: %w", i+1, err))
			continue
		}
		known[made.url.String()] = true
		c.pools = append(c.pools, made)
	}
	if options.Strategy == StrategyRoundRobin && options.Turn <= 0 {
		faults = append(faults, fmt.Errorf("strategy %s needs the length of a turn", StrategyRoundRobin))
	}
	if err := options.Strategy.check(options.Pools); err != nil {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = "quarry"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Limits = o.Limits.WithDefaults()
	return o
}

// Run keeps sessions with the pools that the strategy wants until the context
// ends, and hands every job of the one to hash for to publish, and nil when
// there is no work. Publish is called by one goroutine at a time and must not
// block. The error is the context's, or ErrNoPool. All connections are closed
// when Run returns.
func (c *Client) Run(ctx context.Context, publish func(*work.Job)) error {
	links, end := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer end(context.Canceled)
	c.mu.Lock()
	c.publish = publish
	c.mu.Unlock()
	for ctx.Err() == nil {
		news, err := c.decide(func(p *pool) {
			linked, leave := context.WithCancelCause(links)
			p.leave = leave
			running.Go(func() { c.link(linked, p) })
		})
		if err != nil {
			c.change(func() { c.ended = true })
			return err
		}
		tick, stop := c.clock.after(c.rules.tick)
		select {
		case <-ctx.Done():
		case <-news:
		case <-tick:
		}
		stop()
	}
	c.change(func() { c.ended = true })
	end(context.Cause(ctx))
	running.Wait()
	c.change(func() {
		c.active = nil
		if c.shown != nil {
			c.put(nil)
		}
	})
	return ctx.Err()
}

// Submit sends the share to the pool that its job came from and returns the
// verdict on it. A share whose connection is gone waits for a while: the pool may
// resume the session.
func (c *Client) Submit(ctx context.Context, share *work.Share) work.Verdict {
	if ctx.Err() != nil {
		return work.LostTo(ctx.Err())
	}
	c.mu.Lock()
	s, p := c.sessions[share.Job.Session], c.owners[share.Job.Session]
	c.mu.Unlock()
	verdict := work.LostTo(errGone)
	if s != nil {
		verdict = s.Submit(ctx, share)
	}
	if p != nil && (isDisconnected(verdict) || isDeauthorized(verdict)) {
		return c.resubmit(ctx, p, share, s != nil, verdict)
	}
	return verdict
}

var errGone = errors.New("the connection that the job came over is gone")

// change makes a change that somebody may wait for.
func (c *Client) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	c.tell()
}

// tell wakes those who wait for news. Caller holds mu.
func (c *Client) tell() {
	close(c.news)
	c.news = make(chan struct{})
}
