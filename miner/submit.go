package miner

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/telemetry"
	"quarry/work"
)

const (
	queuedShares   = 256 // found, not yet taken up by the submitter
	inFlightShares = 512 // handed to the source, without a verdict: those that may wait for two lost pools, see upstream.Rules, and those under way
)

// submitter carries shares from the workers to the source and books the
// verdicts. It never makes a worker wait: when the queue is full the share is
// lost, which is logged.
type submitter struct {
	source Source
	ledger *telemetry.Ledger
	trace  Trace
	log    *zap.Logger
	limit  uint64 // accepted shares to stop after, 0 for none
	enough func() // called once when limit is reached

	accepted atomic.Uint64
	weak     *weakBlocks
	losses   losses
	outdated losses // stale, and not sent
	queue    chan found
	ended    chan struct{} // closed when no more shares are taken
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
	assigned := share.Job.Difficulty.Float64()
	if share.Job.IsWeakBlock(share.Hash) {
		if !s.weak.admit(share, f.at) {
			return
		}
		assigned = 0 // it says nothing about the hash rate
	}
	f.ticket = s.ledger.Found(telemetry.FoundShare{
		Achieved: share.Hash.Difficulty(),
		Assigned: assigned,
		Block:    share.Job.IsBlock(share.Hash),
		Rare:     share.Job.MustSend(share.Hash),
		Pool:     share.Job.Pool,
	})
	select {
	case <-s.ended: // by a worker that got no CPU to end in time; closing the ledger counts it as lost
		return
	default:
	}
	if rareBlock(share) {
		s.line(f).Info("block found", zap.Stringer("hash", share.Hash),
			zap.Float64("network_difficulty", share.Job.NetworkTarget.Difficulty()), poolOf(f))
	}
	select {
	case s.queue <- f:
	default:
		s.overflow(f)
	}
}

// rareBlock reports whether the share is a block worth a line of its own: where any share is a
// block, as on regtest, the share's line, which says so, is enough.
func rareBlock(share *work.Share) bool {
	target := share.Job.Difficulty.Target()
	return share.Job.IsBlock(share.Hash) && target.Cmp(share.Job.NetworkTarget) > 0
}

// overflow books a share that the queue has no room for.
func (s *submitter) overflow(f found) {
	s.book(f, work.Verdict{Kind: work.Lost, Reason: work.LostQueueFull, Cause: errOverflow})
}

var errOverflow = errors.New("found faster than the pool answers: it is silent or slow, or its difficulty too low for this machine")

// run submits until ended is closed and the queue is empty, then waits for the
// verdicts still out. Ending ctx makes these come at once, as lost.
func (s *submitter) run(ctx context.Context) {
	slots := make(chan struct{}, inFlightShares)
	var inFlight sync.WaitGroup
	for f, ok := s.next(); ok; f, ok = s.next() {
		slots <- struct{}{}
		inFlight.Go(func() {
			s.ledger.Submitted(f.ticket)
			s.book(f, s.source.Submit(ctx, f.share))
			<-slots
		})
	}
	inFlight.Wait()
	s.losses.flush()
	s.outdated.flush()
}

// next waits for a share; ok is false after the last one.
func (s *submitter) next() (f found, ok bool) {
	select {
	case f = <-s.queue:
		return f, true
	case <-s.ended:
	}
	select {
	case f = <-s.queue:
		return f, true
	default:
		return f, false
	}
}

// reached reports whether the limit of accepted shares is met.
func (s *submitter) reached() bool { return s.limit > 0 && s.accepted.Load() >= s.limit }

// book enters the verdict in the ledger and logs it.
func (s *submitter) book(f found, verdict work.Verdict) {
	if !verdict.Sent {
		s.ledger.Unsent(f.ticket)
	}
	if f.share.Job.IsWeakBlock(f.share.Hash) {
		s.weak.judged(verdict)
	}
	switch verdict.Kind {
	case work.Accepted:
		took := s.ledger.Accepted(f.ticket)
		s.line(f).Info("share accepted", zap.Duration("latency", took), poolOf(f))
		if s.accepted.Add(1) == s.limit {
			s.enough()
		}
	case work.Rejected:
		took := s.ledger.Rejected(f.ticket, verdict.Reason)
		s.line(f).Warn("share rejected", event.Of("reason", event.Phrase(work.ReasonText(verdict.Reason))), zap.Int("code", verdict.Code),
			zap.String("text", verdict.Text), latency(took), poolOf(f))
	case work.Stale:
		took := s.ledger.Stale(f.ticket)
		line := func() {
			s.line(f).Warn("share stale", whyStale(verdict), zap.Int("code", verdict.Code), zap.String("text", verdict.Text), latency(took), poolOf(f))
		}
		if verdict.Sent {
			line()
		} else {
			s.outdated.add(loss{string(unsent), f.share.Job.Pool}, line)
		}
	case work.Lost:
		s.lose(f, verdict.Reason, verdict.Cause)
	default: // the source returned no verdict; the share must not vanish
		s.lose(f, work.LostNoVerdict, verdict.Cause)
	}
	if s.trace.Booked != nil {
		s.trace.Booked(f.share, f.at, verdict)
	}
}

// unsent is why shares are stale that the pool did not see.
const unsent = event.Phrase("a new block came before they could be sent")

func whyStale(verdict work.Verdict) zap.Field {
	if verdict.Sent {
		return event.Of("reason", "the job was outdated")
	}
	return event.Of("reason", unsent)
}

// lose books a share without a verdict. Where shares are lost by the million not
// each of them is logged.
func (s *submitter) lose(f found, reason string, cause error) {
	s.ledger.Lost(f.ticket, reason)
	if errors.Is(cause, context.Canceled) { // our own end, which the reason says
		cause = nil
	}
	s.losses.add(loss{reason, f.share.Job.Pool}, func() {
		s.line(f).Warn("share lost", event.Of("reason", event.Phrase(work.ReasonText(reason))), zap.Error(cause), poolOf(f))
	})
}

// line is the logger for what became of a share.
func (s *submitter) line(f found) *zap.Logger {
	block := zap.Skip()
	if f.share.Job.IsBlock(f.share.Hash) {
		block = zap.Bool("block", true)
	}
	return s.log.With(
		zap.Float64("share_difficulty", f.share.Hash.Difficulty()), zap.Float64("job_difficulty", f.share.Job.Difficulty.Float64()),
		zap.String("job", f.share.Job.ID), block)
}

func poolOf(f found) zap.Field { return zap.String("pool", f.share.Job.Pool) }

// latency leaves out what is not known: nothing was sent.
func latency(took time.Duration) zap.Field {
	if took == 0 {
		return zap.Skip()
	}
	return zap.Duration("latency", took)
}
