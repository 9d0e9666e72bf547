package stratum

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/stratum/v1"
	"quarry/work"
)

// Pool is one pool as the user names it.
type Pool struct {
	URL            string
	User, Password string
	TLS            TLSOptions

	NoVersionRolling  bool               // do not ask for it (BIP 310)
	SuggestDifficulty hashing.Difficulty // asked for; zero: not
	SubscribeExtra    bool               // send mining.extranonce.subscribe
}

// Options are what a client is made of. Only Pools is required.
type Options struct {
	Pools       []Pool // in the order of preference
	UserAgent   string // name/version, as pools see it; default "quarry"
	NoRetry     bool   // give up once no pool works, see ErrNoPool
	SubmitStale bool   // let the pool judge shares of outdated jobs too
	Limits      v1.Limits
	Log         *zap.Logger // nil: silent
	Trace       v1.Trace
}

// ErrNoPool means that no pool gave a job, with Options.NoRetry.
var ErrNoPool = errors.New("no pool reachable")

// Client is a source of jobs: it keeps a session with one of its pools.
type Client struct {
	options Options
	log     *zap.Logger
	clock   clock
	pools   []*pool // Run's

	mu         sync.Mutex // guards the rest
	sessions   map[uint64]*v1.Session
	generation uint64 // of the newest session
	status     Status
}

// New checks the options. It does not connect.
func New(options Options) (*Client, error) {
	if options.UserAgent == "" {
		options.UserAgent = "quarry"
	}
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	options.Limits = options.Limits.WithDefaults()
	c := &Client{
		options: options, log: options.Log, clock: realClock(),
		sessions: make(map[uint64]*v1.Session),
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
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

// Run keeps a session with the first pool that works until the context ends,
// and hands every job to publish, and nil when there is no work. Publish is
// called from one goroutine at a time and must not block. The error is the
// context's, or ErrNoPool. All connections are closed when Run returns.
func (c *Client) Run(ctx context.Context, publish func(*work.Job)) error {
	for ctx.Err() == nil {
		p := c.choose()
		if p == nil {
			return c.noPool()
		}
		if err := c.pause(ctx, p); err != nil {
			break
		}
		end, err := c.attempt(ctx, p, publish)
		if ctx.Err() != nil {
			break
		}
		c.settle(p, end, err)
	}
	return ctx.Err()
}

// choose is the pool to try next: the first whose pause is over, else the one
// whose pause ends first. Without retries, pools that failed since a pool
// last worked are out.
func (c *Client) choose() *pool {
	var best *pool
	now := c.clock.now()
	for _, p := range c.pools {
		if c.options.NoRetry && p.failed {
			continue
		}
		if !p.next.After(now) {
			return p
		}
		if best == nil || p.next.Before(best.next) {
			best = p
		}
	}
	return best
}

func (c *Client) noPool() error {
	faults := make([]error, len(c.pools))
	for i, p := range c.pools {
		faults[i] = fmt.Errorf("%s: %w", p.url, p.lastError)
	}
	return fmt.Errorf("%w: %w", ErrNoPool, errors.Join(faults...))
}

// pause waits until the pool may be tried again.
func (c *Client) pause(ctx context.Context, p *pool) error {
	wait := p.next.Sub(c.clock.now())
	if wait <= 0 {
		return ctx.Err()
	}
	c.update(func(s *Status) { s.Pool, s.RetryAt = p.url.String(), p.next })
	defer c.update(func(s *Status) { s.RetryAt = time.Time{} })
	return c.clock.wait(ctx, wait)
}

// outcome is how a session went.
type outcome struct {
	worked time.Duration // authorised and with a job, 0 if it never was
	status v1.Status
}

// attempt connects to the pool and stays until the session ends. Pools that
// do not understand the full handshake get a simpler one, mostly at once.
func (c *Client) attempt(ctx context.Context, p *pool, publish func(*work.Job)) (outcome, error) {
	for {
		end, err := c.session(ctx, p, publish)
		simpler := p.learn(err, end.status.Authorised)
		if simpler == "" || ctx.Err() != nil {
			return end, err
		}
		c.log.Warn("connecting again, "+simpler, zap.String("pool", p.url.String()), zap.Error(err))
	}
}

// session is one connection from the dialling to its end.
func (c *Client) session(ctx context.Context, p *pool, publish func(*work.Job)) (outcome, error) {
	c.log.Info("connecting", zap.String("pool", p.url.String()))
	c.update(func(s *Status) { s.Pool = p.url.String() })
	log := c.log.With(zap.String("pool", p.url.String()))
	transport, err := Dial(ctx, p.url, p.TLS, c.options.Limits, log)
	if err != nil {
		return outcome{}, err
	}
	s, published := c.open(p, transport, log, publish)
	err = s.Run(ctx)
	c.close(s, err)
	if *published {
		publish(nil)
	}
	end := outcome{status: s.Status()}
	if since := end.status.Working; !since.IsZero() {
		end.worked = max(c.clock.now().Sub(since), 1)
	}
	if end.status.Subscribed {
		p.known, p.configured = true, !p.noConfigure
	}
	if errors.Is(err, v1.ErrClosed) && !p.known && p.url.Scheme == SchemeTCP {
		err = fmt.Errorf("%w: if this port is for TLS, use %s://", err, SchemeTLS)
	}
	return end, err
}

// open makes the session known, so that shares find it.
func (c *Client) open(p *pool, t v1.Transport, log *zap.Logger, publish func(*work.Job)) (s *v1.Session, published *bool) {
	published = new(bool) // written by the reader, read once it is gone
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	s = v1.NewSession(t, v1.Config{
		Pool: p.url.String(), User: p.User, Password: p.Password,
		UserAgent: c.options.UserAgent, Generation: c.generation, ResumeID: p.resumeID,
		NoConfigure: p.noConfigure || p.NoVersionRolling, BareSubscribe: p.bareSubscribe,
		SuggestDifficulty: p.SuggestDifficulty, SubscribeExtra: p.SubscribeExtra,
		SubmitStale: c.options.SubmitStale,
		Limits:      c.options.Limits, Log: log, Trace: c.options.Trace,
		Publish: func(job *work.Job) {
			*published = true
			publish(job)
		},
	})
	c.sessions[c.generation] = s
	c.status.Connected, c.status.Since = true, time.Now()
	c.status.Connects++
	return s, published
}

func (c *Client) close(s *v1.Session, reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, s.Generation())
	c.status.Connected, c.status.Since, c.status.LastError = false, time.Now(), reason
}

// Submit sends the share to the pool that its job came from and returns the
// verdict on it: nil, work.ErrStale, *work.Rejected or *work.Lost.
func (c *Client) Submit(ctx context.Context, share *work.Share) error {
	c.mu.Lock()
	s := c.sessions[share.Job.Session]
	c.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return v1.Disconnected(ctx.Err())
	case s == nil:
		return v1.Disconnected(errors.New("the connection that the job came over is gone"))
	}
	return s.Submit(ctx, share)
}

// settle draws the conclusions from the end of a session: when the pool is
// tried again, and what the log says.
func (c *Client) settle(p *pool, end outcome, err error) {
	now := c.clock.now()
	retry := p.settle(end, err, now, c.clock.jitter())
	if end.worked > 0 {
		for _, other := range c.pools {
			other.failed = false
		}
	}
	if c.options.NoRetry && end.worked == 0 {
		p.failed = true
	}
	c.update(func(s *Status) { s.LastError = err })
	what, level := "pool failed", zap.WarnLevel
	switch {
	case p.askedAway:
		what, level = "leaving the pool", zap.InfoLevel
	case end.worked > 0:
		what = "pool lost"
	}
	fields := []zap.Field{zap.String("pool", p.url.String()), zap.Error(err)}
	if !p.failed {
		fields = append(fields, zap.Duration("retry_in", retry))
	}
	c.log.Log(level, what, fields...)
}
