package v1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
	"quarry/work"
)

var (
	errNotAuthorized = errors.New("not authorized in time")
	errRetired       = errors.New("the session is ending")
)

// Submit sends a share and returns the verdict on it. It blocks until there is
// one, and may be called from many goroutines.
func (s *Session) Submit(ctx context.Context, share *work.Share) work.Verdict {
	s.state.Lock()
	admitted := s.state.limiter.Admit(share, time.Now())
	s.state.Unlock()
	if !admitted {
		return work.Verdict{Kind: work.Lost, Reason: work.LostTooMany}
	}
	defer s.pending.Add(-1)
	if s.pending.Add(1) < 0 {
		return work.LostTo(errRetired)
	}
	free, err := s.takeSlot(ctx)
	if err != nil {
		return work.LostTo(err)
	}
	defer free()
	if unsent := s.gate(ctx, share); unsent.Kind != work.NoVerdict {
		return unsent
	}
	sent, err := send(s.conn, "mining.submit", submitParams(s.cfg.User, share), func(reply Message) (work.Verdict, error) {
		return s.replied(share, &reply, time.Now()), nil
	})
	if err != nil {
		return s.lost(err, 0, time.Time{})
	}
	slot := time.AfterFunc(slotTime, free)
	defer slot.Stop()
	if s.cfg.Trace.SubmitWritten != nil {
		s.cfg.Trace.SubmitWritten(share, sent.written)
	}
	verdict, err := sent.wait(ctx, s.cfg.Limits.Submit)
	if err != nil {
		return s.lost(err, sent.id, sent.written)
	}
	return verdict
}

// gate is the one place that decides whether a share is sent: it must be of
// this session (or one that this resumed), of a job that is still good (or be
// a block), good enough for what the pool is known to ask, and not sent yet. If
// it is not sent the verdict on it is ours, else there is none yet.
func (s *Session) gate(ctx context.Context, share *work.Share) work.Verdict {
	if err := s.ready(ctx, share); err != nil {
		unsent := work.LostTo(err)
		if errors.Is(err, errNotAuthorized) {
			unsent.Reason = work.LostTimeout
		}
		return unsent
	}
	s.state.Lock()
	defer s.state.Unlock()
	if err := s.related(share.Job); err != nil {
		return work.LostTo(err)
	}
	switch {
	case !s.state.live(share.Job) && !s.cfg.SubmitStale && !share.Job.IsBlock(share.Hash):
		return work.Verdict{Kind: work.Stale}
	case s.tooWeak(share):
		return work.Verdict{
			Kind: work.Rejected, Reason: work.ReasonLowDifficulty,
			Text: "not sent: the pool has raised the difficulty since and judges by the newest",
		}
	case !s.state.sent.add(share.Hash):
		return work.Verdict{Kind: work.Rejected, Reason: work.ReasonDuplicate, Text: "not sent: duplicate of an earlier share"}
	}
	return work.Verdict{}
}

// ready delays shares of jobs that came before the authorization, and shares of
// an earlier session until this one's first job shows which block is the newest.
func (s *Session) ready(ctx context.Context, share *work.Share) error {
	if err := s.conn.await(ctx, s.authorized, s.cfg.Limits.Authorize, errNotAuthorized); err != nil {
		return err
	}
	if share.Job.Session == s.cfg.Generation {
		return nil
	}
	return s.conn.await(ctx, s.firstJob, s.cfg.Limits.FirstJob, ErrNoJob)
}

// related returns an error unless the share's job is of this session or of one
// that it resumed. Rolled versions need a session that agreed to them. The caller
// holds the lock.
func (s *Session) related(job *work.Job) error {
	switch {
	case job.Session == s.cfg.Generation:
		return nil
	case !bytes.Equal(job.Extranonce1, s.state.given.One):
		return fmt.Errorf("%w: it gave another extranonce1", work.ErrForeign)
	case job.Extranonce2Size != s.state.given.TwoSize:
		return fmt.Errorf("%w: it gave another size of the extranonce2", work.ErrForeign)
	case !slices.Contains(s.state.ancestors, job.Session): // the extranonces were changed within a session
		return fmt.Errorf("%w: it is not the session of the share's job", work.ErrForeign)
	case wireOf(job).rolling && !s.state.rolling.Agreed && !wireOf(job).otherWay:
		return fmt.Errorf("%w: that has no version rolling", work.ErrForeign)
	}
	return nil
}

// live reports whether shares of the job are still wanted.
func (st *state) live(job *work.Job) bool { return slices.Contains(st.jobs, job) }

// tooWeak reports whether the pool is known to reject the share, which the
// newest difficulty is too high for. The caller holds the lock.
func (s *Session) tooWeak(share *work.Share) bool {
	return !s.state.difficulty.Target().MetBy(share.Hash) && !share.Job.MustSend(share.Hash) && !share.Job.IsWeakBlock(share.Hash) && s.cfg.Quirks.newestDifficulty()
}

// Outdated reports whether there is a newer block than the job's, as far as
// this session knows.
func (s *Session) Outdated(job *work.Job) bool {
	s.state.Lock()
	defer s.state.Unlock()
	current := s.state.current()
	return current != nil && current.PrevHash != job.PrevHash
}

// replied returns the verdict of the pool's reply to a share, and learns from
// it. A pool that no longer knows the user gets a new handshake, which takes a new
// connection. Only the reader calls it.
func (s *Session) replied(share *work.Share, reply *Message, now time.Time) work.Verdict {
	verdict := reply.Verdict()
	if verdict.RejectedFor(work.ReasonUnauthorized, work.ReasonNotSubscribed) {
		s.conn.end(fmt.Errorf("%w: %v", ErrDeauthorized, verdict))
	}
	if verdict.Kind == work.Accepted && reply.Unclear() && s.cfg.Quirks.once("unclear") {
		s.log.Warn("pool gives no clear verdict", event.Consequence("such shares are counted as accepted"), zap.String("answer", reply.words(string(reply.Result))))
	}
	if verdict.Kind == work.Accepted && share.Job.Session != s.cfg.Generation && !s.proven {
		s.proven = true
		s.log.Info("pool resumed the session")
	}
	s.watch.Verdict(share, verdict, now)
	s.adapt(share, verdict)
	return verdict
}

// lost is the verdict on a share without a reply, which was written at the
// given time, if it was.
func (s *Session) lost(err error, id uint64, written time.Time) work.Verdict {
	lost := work.LostTo(err)
	switch {
	case errors.Is(err, errTooManyCalls):
		lost.Reason = work.LostQueueFull
	case errors.Is(err, ErrNoAnswer):
		lost.Reason = work.LostTimeout
		if deaf := s.watch.Unanswered(id, written, time.Now()); deaf != nil {
			s.conn.end(deaf)
		}
	}
	lost.Sent = !written.IsZero()
	return lost
}

// takeSlot waits until fewer shares than the limit are under way. A pool that
// has stopped answering may be cut off from us, and take them over the next
// connection. Those that it did not answer must not keep others from being sent,
// so a slot is free again some time after the share was written.
func (s *Session) takeSlot(ctx context.Context) (free func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return sync.OnceFunc(func() { <-s.slots }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.conn.done:
		return nil, s.conn.why()
	}
}

// Pending is how many shares wait for their verdict.
func (s *Session) Pending() int { return max(int(s.pending.Load()), 0) }

// Retire reports whether no share waits for its verdict. If so, the session takes
// no more shares, and its end loses none.
func (s *Session) Retire() bool { return s.pending.CompareAndSwap(0, math.MinInt32) }

// duplicates remembers the hashes of the shares that were sent.
type duplicates struct {
	known map[hashing.Hash]struct{}
	order []hashing.Hash // a ring once it is full
	next  int
}

// add reports whether the hash was not known yet, and remembers it.
func (d *duplicates) add(h hashing.Hash) bool {
	if _, known := d.known[h]; known {
		return false
	}
	if d.known == nil {
		d.known = make(map[hashing.Hash]struct{})
	}
	if len(d.order) < duplicateMemory {
		d.order = append(d.order, h)
	} else {
		delete(d.known, d.order[d.next])
		d.order[d.next] = h
		d.next = (d.next + 1) % duplicateMemory
	}
	d.known[h] = struct{}{}
	return true
}
