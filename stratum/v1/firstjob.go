package v1

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
	"quarry/stratum/transport"
	"quarry/work"
)

var errNoJobYet = errors.New("no job yet")

// nudgeAnswer is how soon after a nudge the end of the connection is taken for its
// consequence.
const nudgeAnswer = 10 * time.Second

// awaitJob waits for the first job. Some pools send none until the miner speaks
// again, or until a minute and a half is over: they are nudged once, by a request
// that all pools take or ignore. One that hangs up on it is not nudged again.
func (s *Session) awaitJob(ctx context.Context) error {
	limits, began := s.cfg.Limits, time.Now()
	late := fmt.Errorf("%w: none within %v of the authorization", ErrNoJob, limits.FirstJob)
	if limits.Nudge < limits.FirstJob && s.cfg.Quirks.mayNudge() {
		if err := s.conn.await(ctx, s.firstJob, limits.Nudge, errNoJobYet); !errors.Is(err, errNoJobYet) {
			return err
		}
		s.log.Info("no job yet", event.Consequence("the pool is sent a request so that it speaks"))
		err := s.conn.post("mining.extranonce.subscribe", []any{})
		if err == nil {
			err = s.conn.await(ctx, s.firstJob, min(nudgeAnswer, limits.FirstJob-limits.Nudge), errNoJobYet)
		}
		switch {
		case errors.Is(err, transport.ErrClosed):
			s.cfg.Quirks.hungUpOnNudge()
			return fmt.Errorf("the pool hung up on a request while it had given no job: %w", err)
		case !errors.Is(err, errNoJobYet):
			return err
		}
	}
	return s.conn.await(ctx, s.firstJob, limits.FirstJob-time.Since(began), late)
}

func (h *Quirks) mayNudge() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.noNudge
}

func (h *Quirks) hungUpOnNudge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noNudge = true
}

// park keeps a job that cannot be made yet: without extranonces, or without a
// difficulty, which some pools send after the first job. It reports whether it did.
// The caller holds both locks.
func (s *Session) park(p *pendingNotify) bool {
	st := &s.state
	if st.subscribed && (p.announced || st.waited) {
		st.parked = nil
		return false
	}
	st.parked = p
	if st.subscribed && st.late == nil {
		st.late = time.AfterFunc(s.cfg.Limits.LateTerms, func() { s.unpark(true) })
	}
	return true
}

// unpark makes the parked job, if that is possible now; late if it has waited for
// long enough for a difficulty.
func (s *Session) unpark(late bool) {
	s.order.Lock()
	defer s.order.Unlock()
	s.state.Lock()
	s.state.waited = s.state.waited || late
	p := s.state.parked
	if p == nil || s.park(p) {
		s.state.Unlock()
		return
	}
	s.publishNew(p)
}

// dropParked ends the wait: no job is published any more by it.
func (s *Session) dropParked() {
	s.order.Lock()
	defer s.order.Unlock()
	s.state.Lock()
	defer s.state.Unlock()
	s.state.parked = nil
	if s.state.late != nil {
		s.state.late.Stop()
	}
}

// raiseGuess learns from the verdict on a share of a job without a difficulty. One
// that was rejected as too weak was: the pool's difficulty is above the share's.
func (s *Session) raiseGuess(share *work.Share, verdict work.Verdict) {
	s.state.Lock()
	before, announced := s.state.difficulty, s.state.announced
	s.state.Unlock()
	if announced || !verdict.RejectedFor(work.ReasonLowDifficulty) || !before.Target().MetBy(share.Hash) {
		return
	}
	d, err := hashing.ParseDifficulty(strconv.FormatFloat(share.Hash.Difficulty(), 'g', 4, 64))
	if err != nil || d.Float64() <= before.Float64() {
		return
	}
	s.cfg.Quirks.setGuess(d)
	s.log.Info("guessed another difficulty",
		zap.Float64("guessed_difficulty", d.Float64()), zap.Stringer("pool_said", verdict))
	s.amend(func(st *state) { st.difficulty = d })
}

func (h *Quirks) setGuess(d hashing.Difficulty) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.difficulty = d
}

// guess is what shares of a pool that announces no difficulty have to meet, as far
// as is known.
func (h *Quirks) guess() hashing.Difficulty {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.difficulty.Float64() > 0 {
		return h.difficulty
	}
	return hashing.DifficultyOne()
}
