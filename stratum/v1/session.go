package v1

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/stratum/printable"
	"quarry/stratum/sharelimit"
	"quarry/stratum/suggest"
	"quarry/stratum/transport"
	"quarry/stratum/watch"
	"quarry/work"
)

// Config configures a session. Only User is required.
type Config struct {
	Pool           string // the name, for logs and jobs
	User, Password string
	UserAgent      string
	Generation     uint64       // becomes work.Job.Session
	ResumeState    *ResumeState // of the previous session at this same pool, to resume it; nil: none

	NoConfigure    bool           // skip mining.configure: no version rolling
	BareSubscribe  bool           // subscribe without any params
	Suggest        *suggest.Asker // which difficulty to ask for; nil: none
	SubscribeExtra bool           // send mining.extranonce.subscribe; some pools disconnect on it
	SubmitStale    bool           // let the pool judge outdated shares too

	Limits  Limits
	Log     *zap.Logger     // nil: silent
	Publish func(*work.Job) // called by the reader, must not block; nil: not called
	// Subscribed is told whether the previous session was resumed; Working, that
	// shares can be found and sent from now on. Both are called once at most,
	// must not block and may be nil.
	Subscribed func(resumed bool)
	Working    func()
	// Health is told why another pool would be better although this one still
	// works, and nil when it is healthy again. It is called by the reader and
	// others, must not block and may be nil.
	Health func(error)
	Quirks *Quirks // of the pool, from its earlier sessions; nil: fresh ones
	Trace  Trace
}

// Trace has functions that are called when something happens, for
// measurements. Each may be nil and must not block.
type Trace struct {
	// JobReceived: the last byte of a job was read at that time; the job was
	// published when the function is called.
	JobReceived func(at time.Time)
	// SubmitWritten: the last byte of the submit was written at that time.
	SubmitWritten func(share *work.Share, at time.Time)
	// Ended: the connection to the pool was closed, and nothing that came over
	// it will be read.
	Ended func(pool string, at time.Time)
}

// versionBits are the header bits that may be rolled (BIP 320).
const versionBits = 0x1fffe000

// Session is one connection to a pool, from the handshake to its end.
type Session struct {
	cfg  Config
	log  *zap.Logger
	conn *conn

	authorized chan struct{} // closed when the pool said yes
	firstJob   chan struct{} // closed when a job was published
	slots      chan struct{} // one for each share under way
	pending    atomic.Int32  // shares without a verdict; far below zero once no more are taken
	watch      *watch.Watch
	realTime   func() time.Duration // replaceable in tests
	redact     func(string) string  // removes the password from a pool's texts

	order  sync.Mutex // held while a job is made and published
	state  state
	pushes pushLimits // the reader's
	proven bool       // the reader's: the pool accepted a share of a session before
}

// state is what was agreed with the pool, and what followed from it.
type state struct {
	sync.Mutex

	limiter *sharelimit.Limiter

	asked      bool       // mining.configure was sent
	answered   bool       // mining.configure was
	refused    *PoolError // of mining.configure
	rolling    Rolling    // the answer to it
	poolMask   uint32     // the pool's latest one
	rolled     bool       // there was a mask that is not empty
	subscribed bool
	sessionID  string
	given      Extranonce // with the subscription
	extranonce Extranonce
	next       *Extranonce        // in force from the next job on
	difficulty hashing.Difficulty // the same; a guess until announced
	announced  bool               // by the pool

	ancestors []uint64 // sessions that this one resumed

	parked *pendingNotify // the last job before the subscription, or before the first difficulty
	late   *time.Timer    // ends the wait for that; nil: it has not begun
	waited bool           // it is over
	jobs   []*work.Job    // that shares may refer to, oldest first
	sent   duplicates

	authorized time.Time
	firstJob   time.Time
}

// NewSession makes a session over the transport, which it takes over. Run must
// be called.
func NewSession(t transport.Conn, cfg Config) *Session {
	cfg.Limits = cfg.Limits.WithDefaults()
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Publish == nil {
		cfg.Publish = func(*work.Job) {}
	}
	if cfg.Working == nil {
		cfg.Working = func() {}
	}
	if cfg.Health == nil {
		cfg.Health = func(error) {}
	}
	if cfg.Quirks == nil {
		cfg.Quirks = &Quirks{}
	}
	s := &Session{
		cfg: cfg, log: cfg.Log,
		authorized: make(chan struct{}),
		firstJob:   make(chan struct{}),
		slots:      make(chan struct{}, cfg.Limits.Shares),
		realTime:   watch.RealTime,
	}
	s.state.difficulty = cfg.Quirks.guess()
	s.state.limiter = sharelimit.New(cfg.Limits.ShareRate, cfg.Limits.ShareBurst, cfg.Log)
	s.watch = watch.New(watch.Config{
		Log: cfg.Log, User: cfg.User, Generation: cfg.Generation, History: &cfg.Quirks.history, Printable: printable.Sanitize, Health: cfg.Health,
		Silence: cfg.Limits.Silence, Refused: cfg.Limits.Refused, Unanswered: cfg.Limits.Unanswered,
	})
	s.conn = newConn(t, cfg.Limits, cfg.Log)
	s.pushes.replies.Burst = burst
	s.redact = printable.NewRedactor(cfg.Password).Replace
	s.conn.push, s.conn.redact, s.conn.late = s.push, s.redact, s.watch.Late
	return s
}

// Run shakes hands, waits for the session's end and returns the reason, the
// cause of the context's end if it was that. The connection is closed and its
// reader has ended when it returns.
func (s *Session) Run(ctx context.Context) error {
	s.conn.start()
	err := s.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.conn.end(err)
	<-s.conn.done
	if ctx.Err() == nil {
		err = s.conn.explain(err)
	}
	s.dropParked()
	if s.cfg.Trace.Ended != nil {
		s.cfg.Trace.Ended(s.cfg.Pool, time.Now())
	}
	return err
}

func (s *Session) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.configure, s.subscribe, s.suggestEarly, s.authorize, s.suggest, s.awaitJob, s.stay,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
