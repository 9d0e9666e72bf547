package v1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"quarry/hashing"
	"quarry/work"
)

var errNotAuthorized = errors.New("not authorized in time")

// ErrForeign is in the cause of the verdict on a share that can never be sent
// in this session.
var ErrForeign = errors.New("it does not fit the pool's new session")

// gate is the one place that decides whether a share is sent: it must be of
// this session (or one that this resumed), of a job that is still good (or be
// a block), good enough for what the pool is known to ask, and not sent yet. If
// it is not sent the verdict on it is ours, else there is none yet.
func (s *Session) gate(ctx context.Context, share *work.Share) work.Verdict {
	if err := s.ready(ctx, share); err != nil {
		held := work.LostTo(err)
		if errors.Is(err, errNotAuthorized) {
			held.Reason = work.LostTimeout
		}
		return held
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.related(share.Job); err != nil {
		return work.LostTo(err)
	}
	switch {
	case !s.state.live(share.Job) && !s.cfg.SubmitStale && !share.Job.IsBlock(share.Hash):
		return work.Verdict{Kind: work.Stale}
	case s.tooWeak(share):
		return work.Verdict{
			Kind: work.Rejected, Reason: work.ReasonLowDifficulty,
			Text: "not sent: the pool raised the difficulty since and judges by the newest",
		}
	case !s.state.sent.add(share.Hash):
		return work.Verdict{Kind: work.Rejected, Reason: work.ReasonDuplicate, Text: "not sent: duplicate of an earlier share"}
	}
	return work.Verdict{}
}

// ready holds shares of jobs that came before the authorization, and shares of
// an earlier session until this one's first job tells which block is the newest.
func (s *Session) ready(ctx context.Context, share *work.Share) error {
	if err := s.conn.await(ctx, s.authorised, s.cfg.Limits.Authorise, errNotAuthorized); err != nil {
		return err
	}
	if share.Job.Session == s.cfg.Generation {
		return nil
	}
	return s.conn.await(ctx, s.firstJob, s.cfg.Limits.FirstJob, ErrNoJob)
}

// related returns an error unless the share's job is of this session or of one
// that it resumed. Rolled versions need a session that agreed to them. Caller
// holds mu.
func (s *Session) related(job *work.Job) error {
	switch {
	case job.Session == s.cfg.Generation:
		return nil
	case !slices.Contains(s.state.ancestors, job.Session), !bytes.Equal(job.Extranonce1, s.state.given.One),
		job.Extranonce2Size != s.state.given.TwoSize: // it was changed within a session
		return fmt.Errorf("%w: it gave another extranonce1", ErrForeign)
	case job.VersionRolling && !s.state.rolling:
		return fmt.Errorf("%w: that has no version rolling", ErrForeign)
	}
	return nil
}

// live reports whether shares of the job are still wanted.
func (st *state) live(job *work.Job) bool { return slices.Contains(st.jobs, job) }

// tooWeak reports whether the pool is known to reject the share, which the
// newest difficulty is too high for. Caller holds mu.
func (s *Session) tooWeak(share *work.Share) bool {
	return !s.state.difficulty.Target().MetBy(share.Hash) && !share.Job.MustSend(share.Hash) && s.cfg.Habits.newestDifficulty()
}

// Outdated reports whether there is a newer block than the job's, as far as
// this session knows.
func (s *Session) Outdated(job *work.Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.state.current()
	return current != nil && current.PrevHash != job.PrevHash
}

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
