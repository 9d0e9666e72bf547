package v1

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"quarry/work"
)

var errRetired = errors.New("the session is about to end")

// Submit sends a share and returns the verdict on it. It blocks until there is
// one, and may be called from many goroutines.
func (s *Session) Submit(ctx context.Context, share *work.Share) work.Verdict {
	if !s.guard.admit(share, time.Now()) {
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
	if held := s.gate(ctx, share); held.Kind != work.NoVerdict {
		return held
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

// replied returns the verdict of the pool's reply to a share, and learns from
// it. A pool that no longer knows us gets a new handshake, which takes a new
// connection. Only the reader calls it.
func (s *Session) replied(share *work.Share, reply *Message, now time.Time) work.Verdict {
	s.submits.hear(now)
	verdict := reply.Verdict()
	if verdict.RejectedFor(work.ReasonUnauthorized, work.ReasonNotSubscribed) {
		s.conn.end(fmt.Errorf("%w: %v", ErrDeauthorised, verdict))
	}
	s.judge(share, verdict, now)
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
		s.submits.miss(id, written)
		if deaf := s.submits.check(time.Now(), s.cfg.Limits.Unanswered); deaf != nil {
			s.conn.end(deaf)
		}
	}
	lost.Sent = !written.IsZero()
	return lost
}

// takeSlot waits until fewer shares than the limit are under way. A pool that
// has stopped answering may be cut off from us, and take them over the next
// connection. Those that it passed over must not keep others from being sent,
// so that a slot is free again some time after the share was written.
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
// no more of them, and its end will cost none.
func (s *Session) Retire() bool { return s.pending.CompareAndSwap(0, math.MinInt32) }

// CheckCredentials checks that the longest messages that carry them are
// short enough to be sent.
func CheckCredentials(user, password, userAgent string, limits Limits) error {
	limits = limits.WithDefaults()
	filler := func(n int) string { return strings.Repeat("0", n) }
	for _, params := range [][]any{
		{user, password},
		{userAgent, filler(64)},
		{user, filler(limits.JobID), filler(2 * work.MaxExtranonce2), filler(8), filler(8), filler(8)},
	} {
		if _, err := encode(request{1 << 40, "mining.subscribe", params}, limits.Send); err != nil {
			return fmt.Errorf("user, password or user agent are too long: %w", err)
		}
	}
	return nil
}
