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

// Classes of work.Lost.
const (
	LostDisconnected = "disconnected"
	lostTimeout      = "timeout"
	lostQueueFull    = "queue full"
	lostTooMany      = "too many shares"
	lostShutdown     = "shutdown"
)

var (
	errNotAuthorised = errors.New("not authorised in time")
	errRetired       = errors.New("the session is about to end")
)

// Disconnected is the verdict on a share whose session is gone, or whose
// sender could not wait.
func Disconnected(reason error) *work.Lost {
	switch {
	case errors.Is(reason, context.Canceled):
		return &work.Lost{Why: lostShutdown, Err: reason}
	case errors.Is(reason, context.DeadlineExceeded), errors.Is(reason, errNotAuthorised):
		return &work.Lost{Why: lostTimeout, Err: reason}
	}
	return &work.Lost{Why: LostDisconnected, Err: reason}
}

// Submit sends a share and returns the verdict on it: nil for accepted,
// work.ErrStale, *work.Rejected or *work.Lost. It blocks until there is a
// verdict, and may be called from many goroutines.
func (s *Session) Submit(ctx context.Context, share *work.Share) error {
	if !s.guard.admit(share, time.Now()) {
		return &work.Lost{Why: lostTooMany, Err: work.ErrUnsent}
	}
	defer s.pending.Add(-1)
	if s.pending.Add(1) < 0 {
		return Disconnected(errRetired)
	}
	free, err := s.takeSlot(ctx)
	if err != nil {
		return err
	}
	defer free()
	if err := s.ready(ctx, share); err != nil {
		return Disconnected(err)
	}
	if err := s.gate(share); err != nil {
		return err
	}
	var id uint64
	var at time.Time
	var verdict error
	var slot *time.Timer
	defer func() {
		if slot != nil {
			slot.Stop()
		}
	}()
	_, err = s.conn.call(ctx, call{
		method: "mining.submit", params: submitParams(s.cfg.User, share),
		timeout: s.cfg.Limits.Submit,
		apply: func(reply Message) error {
			now := time.Now()
			s.submits.hear(now)
			verdict = s.verdict(&reply)
			s.judge(share, verdict, now)
			s.adapt(share, verdict)
			return nil
		},
		written: func(number uint64, now time.Time) {
			id, at = number, now
			slot = time.AfterFunc(slotTime, free)
			if s.cfg.Trace.SubmitWritten != nil {
				s.cfg.Trace.SubmitWritten(share, now)
			}
		},
	})
	if err != nil {
		return s.lost(err, id, at)
	}
	return verdict
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
		return nil, Disconnected(ctx.Err())
	case <-s.conn.done:
		return nil, Disconnected(s.conn.why())
	}
}

// Pending is how many shares wait for their verdict.
func (s *Session) Pending() int { return max(int(s.pending.Load()), 0) }

// Retire tells whether no share waits for its verdict. If so, the session takes
// no more of them, and its end will cost none.
func (s *Session) Retire() bool { return s.pending.CompareAndSwap(0, math.MinInt32) }

// ready holds shares of jobs that came before the authorisation, and shares of
// an earlier session until this one's first job tells which block is the newest.
func (s *Session) ready(ctx context.Context, share *work.Share) error {
	if err := s.conn.await(ctx, s.authorised, s.cfg.Limits.Authorise, errNotAuthorised); err != nil {
		return err
	}
	if share.Job.Session == s.cfg.Generation {
		return nil
	}
	return s.conn.await(ctx, s.firstJob, s.cfg.Limits.FirstJob, ErrNoJob)
}

// gate is the one place that decides whether a share is sent: it must be of
// this session (or one that this resumed), of a job that is still good (or be
// a block), and not sent yet.
func (s *Session) gate(share *work.Share) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.related(share.Job); err != nil {
		return err
	}
	if !s.state.live(share.Job) && !s.cfg.SubmitStale && !share.Job.IsBlock(share.Hash) {
		return fmt.Errorf("%w: %w", work.ErrStale, work.ErrUnsent)
	}
	if err := s.enough(share); err != nil {
		return err
	}
	if !s.state.sent.add(share.Hash) {
		return fmt.Errorf("%w: %w", work.ErrUnsent, &work.Rejected{Reason: work.ReasonDuplicate, Text: "held back, for it was sent before"})
	}
	return nil
}

// Outdated tells whether there is a newer block than the job's, as far as this
// session knows.
func (s *Session) Outdated(job *work.Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.state.current()
	return current != nil && current.PrevHash != job.PrevHash
}

// live tells whether shares of the job are still wanted.
func (st *state) live(job *work.Job) bool {
	for _, j := range st.jobs {
		if j == job {
			return true
		}
	}
	return false
}

// lost is the verdict on a share without a reply, which was written at the
// given time, if it was.
func (s *Session) lost(err error, id uint64, written time.Time) *work.Lost {
	lost := Disconnected(err)
	switch {
	case errors.Is(err, errTooManyCalls):
		lost.Why = lostQueueFull
	case errors.Is(err, ErrNoAnswer):
		lost.Why = lostTimeout
		s.submits.miss(id, written)
		if deaf := s.submits.check(time.Now(), s.cfg.Limits.Unanswered); deaf != nil {
			s.conn.end(deaf)
		}
	}
	lost.Sent = !written.IsZero()
	return lost
}

// verdict reads the pool's reply. A pool that no longer knows us gets a new
// handshake, which takes a new connection.
func (s *Session) verdict(reply *Message) error {
	verdict := reply.Verdict()
	var rejected *work.Rejected
	if errors.As(verdict, &rejected) {
		if rejected.Reason == work.ReasonUnauthorized || rejected.Reason == work.ReasonNotSubscribed {
			s.conn.end(fmt.Errorf("%w: %w", ErrDeauthorised, rejected))
		}
	}
	return verdict
}

// CheckCredentials tells whether the longest messages that carry them are
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
