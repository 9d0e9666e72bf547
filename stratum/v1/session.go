package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/stratum/transport"
	"quarry/stratum/watch"
	"quarry/work"
)

// Config is what a session is told from outside. Only User is required.
type Config struct {
	Pool           string // the address, for logs and jobs
	User, Password string
	UserAgent      string
	Generation     uint64       // becomes work.Job.Session
	ResumeState    *ResumeState // of the session before at this same pool, to resume it; nil: none

	NoConfigure       bool               // skip mining.configure: no version rolling
	BareSubscribe     bool               // subscribe without any params
	SuggestDifficulty hashing.Difficulty // asked for after the authorisation; zero: not
	SubscribeExtra    bool               // send mining.extranonce.subscribe; some pools disconnect on it
	SubmitStale       bool               // let the pool judge outdated shares too

	Limits  Limits
	Log     *zap.Logger     // nil: silent
	Publish func(*work.Job) // called by the reader, must not block; nil: nobody listens
	// Subscribed is told whether the session before was resumed; Working, that
	// shares can be found and sent from now on. Both are called once at most,
	// must not block and may be nil.
	Subscribed func(resumed bool)
	Working    func()
	// Complain is told why another pool would be better, though this one goes
	// on serving us, and nil when it is well again. It is called by the reader
	// and others, must not block and may be nil.
	Complain func(error)
	Quirks   *Quirks // of the pool, from its sessions before; nil: fresh ones
	Trace    Trace
}

// Trace has functions that are told when something happened, for
// measurements. Each may be nil and must not block.
type Trace struct {
	// JobReceived: the last byte of a job was read at that time; the job was
	// published when the function is called.
	JobReceived func(at time.Time)
	// SubmitWritten: the last byte of the submit was written at that time.
	SubmitWritten func(share *work.Share, at time.Time)
	// Ended: the connection to the pool was closed, and nothing that came over
	// it will be read any more.
	Ended func(pool string, at time.Time)
}

// Steps of the handshake that went wrong, for the caller to go on.
var (
	// ErrConfigure: refused, unanswered or hung up at; connect again with
	// NoConfigure.
	ErrConfigure = errors.New("mining.configure failed")
	// ErrSubscribe: the answer was no use; connect again with BareSubscribe.
	ErrSubscribe = errors.New("mining.subscribe failed")
	// ErrAuthorise: mining.authorize was not answered.
	ErrAuthorise = errors.New("mining.authorize failed")
	// ErrUnauthorised: the pool refuses the user.
	ErrUnauthorised = errors.New("the pool refuses the user")
	// ErrNoJob: authorised, but there is nothing to do.
	ErrNoJob = errors.New("the pool sends no job")
)

// versionBits are the header bits that may be rolled (BIP 320).
const versionBits = 0x1fffe000

// Session is one connection to a pool, from the handshake to its end.
type Session struct {
	cfg  Config
	log  *zap.Logger
	conn *conn

	authorised chan struct{} // closed when the pool said yes
	firstJob   chan struct{} // closed when a job was published
	slots      chan struct{} // one for each share under way
	pending    atomic.Int32  // shares without a verdict; far below zero once no more are taken
	watch      *watch.Watch
	realTime   func() time.Duration // replaceable in tests
	redact     func(string) string  // takes the password out of a pool's words

	state  state
	pushes pushLimits // the reader's
}

// state is what was agreed, and what came of it.
type state struct {
	sync.Mutex

	limiter shareLimiter

	asked      bool   // mining.configure was sent
	rolling    bool   // version rolling was agreed
	poolMask   uint32 // by the pool's last word
	rolled     bool   // there was a mask that is not empty
	subscribed bool
	sessionID  string
	given      Extranonce // with the subscription
	extranonce Extranonce
	next       *Extranonce        // holds from the next job on
	difficulty hashing.Difficulty // likewise

	ancestors []uint64 // sessions that this one resumed

	pending *pendingNotify // the last job before the subscription
	jobs    []*work.Job    // that shares may refer to, oldest first
	sent    duplicates

	authorised time.Time
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
	if cfg.Complain == nil {
		cfg.Complain = func(error) {}
	}
	if cfg.Quirks == nil {
		cfg.Quirks = &Quirks{}
	}
	s := &Session{
		cfg: cfg, log: cfg.Log,
		authorised: make(chan struct{}),
		firstJob:   make(chan struct{}),
		slots:      make(chan struct{}, cfg.Limits.Shares),
		realTime:   watch.RealTime,
	}
	s.state.difficulty = hashing.DifficultyOne()
	s.state.limiter = shareLimiter{rate: cfg.Limits.ShareRate, burst: cfg.Limits.ShareBurst, log: cfg.Log}
	s.watch = watch.New(watch.Config{
		Log: cfg.Log, User: cfg.User, Generation: cfg.Generation, History: &cfg.Quirks.history, Printable: Sanitise, Complain: cfg.Complain,
		Silence: cfg.Limits.Silence, Refused: cfg.Limits.Refused, Unanswered: cfg.Limits.Unanswered,
	})
	s.conn = newConn(t, cfg.Limits, cfg.Log)
	s.pushes.replies.Burst = burst
	s.redact = newRedactor(cfg.Password).replace
	s.conn.push, s.conn.redact, s.conn.late = s.push, s.redact, s.watch.Late
	return s
}

// Run shakes hands, waits for the session's end and returns the reason, the
// cause of the context's end if it was that. The connection is closed and its
// reader gone when it returns.
func (s *Session) Run(ctx context.Context) error {
	s.conn.start()
	err := s.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.conn.end(err)
	<-s.conn.done
	if s.cfg.Trace.Ended != nil {
		s.cfg.Trace.Ended(s.cfg.Pool, time.Now())
	}
	return err
}

func (s *Session) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.configure, s.subscribe, s.authorise, s.suggest, s.awaitJob, s.stay,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// configure asks for version rolling (BIP 310).
func (s *Session) configure(ctx context.Context) error {
	if s.cfg.NoConfigure {
		return nil
	}
	s.state.Lock()
	s.state.asked = true
	s.state.Unlock()
	wish := []any{[]string{"version-rolling"}, rollingWish{fmt.Sprintf("%08x", versionBits), 2}}
	err := s.conn.call(ctx, s.cfg.Limits.Configure, "mining.configure", wish, s.configured)
	if errors.Is(err, ErrNoAnswer) || errors.Is(err, transport.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrConfigure, err)
	}
	return err
}

type rollingWish struct {
	Mask        string `json:"version-rolling.mask"`
	MinBitCount int    `json:"version-rolling.min-bit-count"`
}

// configured acts on the reply to mining.configure.
func (s *Session) configured(reply Message) error {
	if refusal := reply.Refusal(); refusal != nil {
		return fmt.Errorf("%w: %w", ErrConfigure, refusal)
	}
	s.state.Lock()
	defer s.state.Unlock()
	s.state.poolMask, s.state.rolling = ParseConfigured(reply.Result)
	return nil
}

// subscribe learns the extranonces. Jobs can be made from then on.
func (s *Session) subscribe(ctx context.Context) error {
	params := []any{s.cfg.UserAgent}
	if h := s.cfg.ResumeState; h != nil && h.SessionID != "" {
		params = append(params, h.SessionID)
	}
	if s.cfg.BareSubscribe {
		params = []any{}
	}
	return s.conn.call(ctx, s.cfg.Limits.Handshake, "mining.subscribe", params, s.subscribed)
}

// subscribed acts on the reply to mining.subscribe. A text as result is how
// ckpool says that it is still starting; that is no reason to ask differently.
func (s *Session) subscribed(m Message) error {
	if refusal := m.Refusal(); refusal != nil {
		if _, isText := textOf(m.Result); isText {
			return fmt.Errorf("the pool is not ready: %w", refusal)
		}
		return fmt.Errorf("%w: %w", ErrSubscribe, refusal)
	}
	subscription, err := ParseSubscription(m.Result, s.cfg.Limits)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrSubscribe, s.redact(err.Error()))
	}
	s.state.Lock()
	s.state.subscribed = true
	s.state.sessionID = subscription.SessionID
	s.state.extranonce, s.state.given = subscription.Extranonce, subscription.Extranonce
	resumed := s.state.inherit(s.cfg.ResumeState)
	p := s.state.pending
	s.state.pending = nil
	s.state.Unlock()
	s.tellResumed(resumed)
	if p != nil {
		s.begin(p)
	}
	return nil
}

func (s *Session) authorise(ctx context.Context) error {
	err := s.conn.call(ctx, s.cfg.Limits.Handshake, "mining.authorize", []any{s.cfg.User, s.cfg.Password}, s.authorisedBy)
	if errors.Is(err, ErrNoAnswer) {
		return fmt.Errorf("%w: %w", ErrAuthorise, err)
	}
	return err
}

// authorisedBy acts on the reply to mining.authorize: shares may go out.
func (s *Session) authorisedBy(m Message) error {
	if refusal := m.Refusal(); refusal != nil {
		return fmt.Errorf("%w %q: %w", ErrUnauthorised, s.cfg.User, refusal)
	}
	s.state.Lock()
	s.state.authorised = time.Now()
	working := !s.state.firstJob.IsZero()
	s.state.Unlock()
	close(s.authorised)
	s.log.Info("authorised", zap.String("user", s.cfg.User))
	if working {
		s.cfg.Working()
	}
	return nil
}

// suggest makes the wishes that no pool has to answer.
func (s *Session) suggest(context.Context) error {
	if s.cfg.SubscribeExtra {
		if err := s.conn.tell("mining.extranonce.subscribe", []any{}); err != nil {
			return err
		}
	}
	if d := s.cfg.SuggestDifficulty.Float64(); d > 0 {
		number := json.RawMessage(strconv.FormatFloat(d, 'f', -1, 64))
		return s.conn.tell("mining.suggest_difficulty", []any{number})
	}
	return nil
}

func (s *Session) awaitJob(ctx context.Context) error {
	longest := s.cfg.Limits.FirstJob
	return s.conn.await(ctx, s.firstJob, longest, fmt.Errorf("%w: none within %v of the authorisation", ErrNoJob, longest))
}
