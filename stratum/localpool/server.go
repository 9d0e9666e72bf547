package localpool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Pool is a practice pool. Create it with [New], open its sockets with
// [Pool.Listen] if their addresses are needed first, and serve with [Pool.Run].
type Pool struct {
	cfg        settings
	log        *zap.Logger
	duplicates duplicates
	conns      sync.WaitGroup // goroutines of connections

	pushing sync.Mutex // orders job changes; held while a job is broadcast

	mu         sync.Mutex
	started    bool
	closing    bool
	listeners  []*listener
	chain      *chain
	current    *Job
	script     int // index of the next scripted job
	identity   int // sessions handed out
	nextOne    uint32
	sessions   map[*session]struct{}
	live       map[string]*session  // by session id
	resumables map[string]resumable // by session id
	tally      tally
	blocks     uint64
	lastJob    time.Time
	lastBlock  time.Time
}

// New checks cfg and creates the first job. It opens no socket.
func New(cfg Config) (*Pool, error) {
	s, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("practice pool: %w", err)
	}
	now := s.Now()
	p := &Pool{
		cfg: s, log: s.Logger, chain: newChain(s),
		sessions: make(map[*session]struct{}), live: make(map[string]*session), resumables: make(map[string]resumable),
		lastJob: now, lastBlock: now, nextOne: randomUint32(),
	}
	if s.Script != nil {
		p.current, err = p.scripted(s.Script.Jobs[0])
		p.script = 1
	} else {
		p.current, err = p.chain.template(now)
	}
	if err != nil {
		return nil, fmt.Errorf("practice pool: %w", err)
	}
	return p, nil
}

// Run serves until ctx ends (nil) or a listener fails, and returns when all its
// goroutines are gone. It opens the sockets unless Listen did. It runs once.
func (p *Pool) Run(ctx context.Context) error {
	if err := p.Listen(); err != nil {
		return err
	}
	p.mu.Lock()
	again := p.started
	p.started = true
	listeners := p.listeners
	p.mu.Unlock()
	if again {
		return errors.New("practice pool: Run was called twice; create a new pool")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var own sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		own.Go(func() { failed <- p.serve(ctx, l) })
	}
	own.Go(func() { p.clock(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	p.close()
	own.Wait()
	p.conns.Wait()
	return err
}

// close stops listening and cuts every connection.
func (p *Pool) close() {
	p.mu.Lock()
	p.closing = true
	listeners := p.listeners
	p.mu.Unlock()
	for _, l := range listeners {
		_ = l.net.Close() // already closed when it failed
	}
	for _, s := range p.everySession() {
		s.conn.kick()
	}
}

// clock renews jobs and blocks, and lets vardiff notice silence.
func (p *Pool) clock(ctx context.Context) {
	period := min(500*time.Millisecond, p.cfg.JobInterval/2, p.cfg.BlockInterval/2)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.tick(p.cfg.Now())
		}
	}
}

func (p *Pool) tick(now time.Time) {
	p.mu.Lock()
	synthetic := p.cfg.Script == nil
	block := synthetic && now.Sub(p.lastBlock) >= p.cfg.BlockInterval
	job := synthetic && now.Sub(p.lastJob) >= p.cfg.JobInterval
	p.forget(now)
	p.mu.Unlock()
	var err error
	switch {
	case block:
		err = p.NewBlock()
	case job:
		err = p.NewJob()
	}
	if err != nil {
		p.log.Error("cannot renew the job", zap.Error(err))
	}
	for _, s := range p.everySession() {
		s.tick(now)
	}
}

// admit adds a session unless the pool is full or closing.
func (p *Pool) admit(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing || len(p.sessions) >= p.cfg.MaxConnections {
		return false
	}
	p.sessions[s] = struct{}{}
	return true
}

// everySession returns a snapshot, so that no session's lock is taken under the pool's.
func (p *Pool) everySession() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*session, 0, len(p.sessions))
	for s := range p.sessions {
		all = append(all, s)
	}
	return all
}

// attend runs one session from its first to its last byte.
func (p *Pool) attend(c conn, remote string, scheme Transport) {
	s := newSession(p, c, remote, scheme)
	if !p.admit(s) {
		p.log.Warn("connection refused", zap.String("miner", remote))
		c.kick()
		return
	}
	s.log.Info("miner connected", zap.String("transport", string(scheme)))
	s.run()
	p.leave(s)
}
