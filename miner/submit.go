package miner

import (
	"context"
	"errors"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/telemetry"
	"quarry/work"
)

const (
	queuedShares   = 256 // found, not yet taken up by the submitter
	inFlightShares = 64  // submitted, without a verdict
)

// submitter carries shares from the workers to the source and books the
// verdicts. It never makes a worker wait: when the queue is full the share is
// lost, and says so.
type submitter struct {
	source Source
	ledger *telemetry.Ledger
	trace  Trace
	log    *zap.Logger
	limit  uint64 // accepted shares to stop after, 0 for none
	enough func() // called once when limit is reached

	accepted   atomic.Uint64
	overflowed atomic.Uint64
	queue      chan found
}

// found is a share on its way, with its ticket in the ledger.
type found struct {
	share  *work.Share
	ticket telemetry.Ticket
	at     time.Time
}

// offer books the share and hands it over.
func (s *submitter) offer(share *work.Share) {
	f := found{share: share, at: time.Now()}
	f.ticket = s.ledger.Found(telemetry.FoundShare{
		Achieved: share.Hash.Difficulty(),
		Assigned: share.Job.Difficulty.Float64(),
		Block:    share.Job.IsBlock(share.Hash),
	})
	select {
	case s.queue <- f:
	default:
		s.overflow(f)
	}
}

// overflow books a share that found no room. It is the worker that does so:
// where shares come by the million, it must not log each of them.
func (s *submitter) overflow(f found) {
	const why = "queue full"
	s.ledger.Lost(f.ticket, why)
	if n := s.overflowed.Add(1); bits.OnesCount64(n) == 1 {
		s.log.Warn("shares lost: found faster than the pool answers; its difficulty is too low for this machine",
			zap.String("reason", why), zap.Uint64("shares", n), zap.String("pool", f.share.Job.Pool))
	}
	if s.trace.Settled != nil {
		s.trace.Settled(f.share, f.at, &work.Lost{Why: why})
	}
}

// run submits until the queue is closed, then waits for the verdicts still
// out. Ending ctx makes the outstanding ones come at once, as lost.
func (s *submitter) run(ctx context.Context) {
	slots := make(chan struct{}, inFlightShares)
	var inFlight sync.WaitGroup
	for f := range s.queue {
		slots <- struct{}{}
		inFlight.Go(func() {
			s.ledger.Submitted(f.ticket)
			s.settle(f, s.source.Submit(ctx, f.share))
			<-slots
		})
	}
	inFlight.Wait()
}

// reached tells whether the limit of accepted shares is met.
func (s *submitter) reached() bool { return s.limit > 0 && s.accepted.Load() >= s.limit }

// settle books the verdict and logs it.
func (s *submitter) settle(f found, verdict error) {
	var rejected *work.Rejected
	var lost *work.Lost
	line := s.log.With(
		zap.Float64("share_difficulty", f.share.Hash.Difficulty()), zap.Float64("difficulty", f.share.Job.Difficulty.Float64()),
		zap.String("job", f.share.Job.ID))
	pool := zap.String("pool", f.share.Job.Pool)
	switch {
	case verdict == nil:
		took := s.ledger.Accepted(f.ticket)
		line.Info("share accepted", zap.Duration("latency", took))
		if s.accepted.Add(1) == s.limit {
			s.enough()
		}
	case errors.As(verdict, &rejected):
		took := s.ledger.Rejected(f.ticket, rejected.Reason)
		line.Warn("share rejected", zap.String("reason", rejected.Reason), zap.Int("code", rejected.Code),
			zap.String("text", rejected.Text), zap.Duration("latency", took), pool)
	case errors.Is(verdict, work.ErrStale):
		took := s.ledger.Stale(f.ticket)
		line.Warn("share stale", zap.Duration("latency", took), pool)
	case errors.As(verdict, &lost):
		s.ledger.Lost(f.ticket, lost.Why)
		line.Warn("share lost", zap.String("reason", lost.Why), zap.Error(lost.Err), pool)
	default: // a source that breaks its word; the share must not vanish
		s.ledger.Lost(f.ticket, "no verdict")
		line.Error("share lost", zap.Error(verdict), pool)
	}
	if s.trace.Settled != nil {
		s.trace.Settled(f.share, f.at, verdict)
	}
}
