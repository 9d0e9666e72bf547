package watch

import (
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/bitcoin"
	"quarry/work"
)

// Reasons to end a session that worked.
var (
	// ErrDeaf: the pool does not answer shares.
	ErrDeaf = errors.New("the pool does not answer shares")
	// ErrOldJob: it no longer sends jobs.
	ErrOldJob = errors.New("the pool stopped sending jobs")
)

// Reasons to prefer another pool although this one still works.
var (
	// ErrAllRejected: it rejects every share.
	ErrAllRejected = errors.New("the pool rejects every share")
	// ErrStuckBlock: its chain seems to stand still.
	ErrStuckBlock = errors.New("the pool's chain stands still")
)

// Config is what a watch needs to know about its session.
type Config struct {
	Log        *zap.Logger
	User       string              // may begin with an address, whose payout is watched
	Generation uint64              // of the session, as in work.Job.Session
	History    *History            // of the pool
	Printable  func(string) string // makes a pool's text safe to log
	// Health is called with the reason why another pool would be better although this
	// one still works, and with nil when it is healthy again. The watch's lock is held
	// then: it must not call back.
	Health func(error)

	Silence    time.Duration // how old a job may become at least
	Refused    time.Duration // that every share is rejected, until that is reported
	Unanswered time.Duration // that the oldest of several shares may be without an answer
}

// Watch monitors one session.
type Watch struct {
	mu       sync.Mutex // guards all below
	answers  answers
	interval jobInterval
	chain    chain
	payout   payout
	rejects  rejectMonitor
	jobs     jobLogger
}

// New begins a watch.
func New(c Config) *Watch {
	health := &health{report: c.Health}
	return &Watch{
		answers:  answers{patience: c.Unanswered},
		interval: jobInterval{floor: c.Silence},
		chain:    chain{log: c.Log, history: c.History, health: health},
		payout:   payout{log: c.Log, printable: c.Printable, script: bitcoin.OutputScript(addressOf(c.User))},
		rejects:  rejectMonitor{log: c.Log, health: health, patience: c.Refused, generation: c.Generation},
		jobs:     jobLogger{log: c.Log, history: c.History, pace: Limiter{Burst: burst}},
	}
}

// Job records a new job.
func (w *Watch) Job(job *work.Job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interval.note(job)
	w.jobs.note(job)
	w.chain.note(job)
	w.payout.note(job)
}

// PaysUser reports whether the newest job pays the address in the user's name, as at
// solo pools. It takes no lock.
func (w *Watch) PaysUser() bool { return w.payout.pays.Load() }

// Verdict records the pool's verdict on a share.
func (w *Watch) Verdict(share *work.Share, verdict work.Verdict, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers.hear(now)
	if !share.Job.IsWeakBlock(share.Hash) || verdict.Kind == work.Accepted { // the pool may take no weak ones
		w.rejects.note(share, verdict, now)
	}
}

// Late records an answer to a share that was given up already, and reports whether
// the id is that of one.
func (w *Watch) Late(id uint64, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers.late(id, now)
}

// Unanswered records a share that got no answer in time. The error is that
// of a pool that does not answer shares at all.
func (w *Watch) Unanswered(id uint64, written, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers.miss(id, written)
	return w.answers.check(now)
}

// Check looks for what only the absence of events shows. It is to be called about
// once a second. An error is a reason to end the session.
func (w *Watch) Check(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.answers.check(now); err != nil {
		return err
	}
	w.chain.check(now)
	w.jobs.catchUp()
	return w.interval.check(now)
}
