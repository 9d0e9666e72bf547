package v1

import (
	"strings"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/work"
)

// Pools differ in things that no pool announces: which difficulty counts for jobs
// that are older than its last raise, how they put submitted version bits into a
// version that has some of them set already, and whether they want such bits at
// all. They are learned from what they reject, once for each pool.

// adapt learns from the verdict on a share. Only the reader calls it.
func (s *Session) adapt(share *work.Share, verdict work.Verdict) {
	job := share.Job
	if !job.IsShare(share.Hash) { // sent because it is a block
		return
	}
	w := wireOf(job)
	if w.guessed {
		s.raiseGuess(share, verdict)
		return
	}
	s.state.Lock()
	current := s.state.difficulty
	s.state.Unlock()
	if !current.Target().MetBy(share.Hash) { // it was raised since
		if s.cfg.Quirks.raise(verdict.Kind == work.Accepted, verdict.RejectedFor(work.ReasonLowDifficulty)) {
			s.log.Info("pool judges all shares by its newest difficulty", event.Consequence("weaker ones of older jobs are no longer sent"),
				zap.Float64("difficulty", current.Float64()), zap.String("pool_said", verdict.Text))
		}
		return
	}
	if w.rolling && w.mask&job.Version != 0 && share.Version != job.Version && s.adaptBits(job, w, verdict) {
		return
	}
	s.adaptSixth(share, w, verdict)
}

// adaptBits learns from a share with rolled bits whose job has some bits of
// the pool's mask set. Pools that OR or XOR the submitted bits to the job's
// version want the rolled ones only, pools that follow BIP 310 to the letter
// all bits of their mask. It reports whether a rejection may be due to that.
func (s *Session) adaptBits(job *work.Job, w wire, verdict work.Verdict) (due bool) {
	wrong := verdict.RejectedFor(work.ReasonLowDifficulty, work.ReasonVersion)
	masked, changed, open := s.cfg.Quirks.bits(w.masked, verdict.Kind == work.Accepted, wrong)
	if !changed {
		return wrong && open
	}
	if masked {
		s.log.Info("sending all version bits of the mask",
			zap.String("mask", hex8(w.mask)), zap.String("job_version", hex8(job.Version)), zap.Stringer("pool_said", verdict))
	} else {
		s.log.Info("sending only rolled version bits again", zap.Stringer("pool_said", verdict))
	}
	s.amend(func(*state) {})
	return true
}

// sixth is whether the sixth parameter of mining.submit, the version bits, is sent
// as was agreed. If every share is rejected for them, it is tried the other way.
type sixth struct {
	otherWay bool
	decided  bool // otherWay does not change any more
	rejected int  // shares, none having been accepted this way
}

// adaptSixth learns whether the pool wants version bits.
func (s *Session) adaptSixth(share *work.Share, w wire, verdict work.Verdict) {
	text := strings.ToLower(verdict.Text)
	wrong := verdict.RejectedFor(work.ReasonVersion) ||
		verdict.RejectedFor(work.ReasonLowDifficulty) && (w.otherWay || share.Version != share.Job.Version) ||
		verdict.RejectedFor(work.ReasonOther) && (strings.Contains(text, "param") || strings.Contains(text, "argument"))
	if !s.cfg.Quirks.learnSixth(w.otherWay, verdict.Kind == work.Accepted, wrong) {
		return
	}
	switch {
	case w.otherWay:
		s.log.Info("sending version bits as agreed again", zap.Stringer("pool_said", verdict))
	case w.rolling:
		s.log.Warn("pool rejects every share with version bits", event.Consequence("trying without version rolling"), zap.Stringer("pool_said", verdict))
	default:
		s.log.Warn("pool rejects every share without version bits", event.Consequence("sending them, none rolled"), zap.Stringer("pool_said", verdict))
	}
	s.amend(func(*state) {})
}

// learnSixth counts a share that was sent one way or the other. It reports whether
// the way changed.
func (h *Quirks) learnSixth(otherWay, accepted, wrong bool) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := &h.sixth
	switch {
	case x.decided || otherWay != x.otherWay: // or the share was found before the change
	case accepted:
		x.decided = true
	case wrong:
		if x.rejected++; x.rejected == maxWrongBits {
			*x = sixth{otherWay: !x.otherWay, decided: x.otherWay}
			return true
		}
	}
	return false
}

func (h *Quirks) otherWay() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sixth.otherWay
}

// raise learns from a share that met its job's difficulty, but not the newest
// one. It reports whether this share decided the question.
func (h *Quirks) raise(accepted, low bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case accepted:
		h.lowAfterRaise = 0
	case low:
		h.lowAfterRaise++
	}
	decided := !h.newestCounts && h.lowAfterRaise >= maxLowAfterRaise
	h.newestCounts = h.newestCounts || decided
	return decided
}

// newestDifficulty reports whether shares of all jobs are judged by it.
func (h *Quirks) newestDifficulty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newestCounts
}

// bits learns from a share whose version bits were sent masked or not. It
// returns the form to use, whether that changed, and whether the question was open.
// The other form is tried once; if it is no better, something else is wrong.
func (h *Quirks) bits(sentMasked, accepted, wrong bool) (masked, changed, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	open = !h.bitsDecided
	switch {
	case h.bitsDecided || sentMasked != h.masked: // or the share was found before the change
	case accepted:
		h.bitsDecided = true
	case wrong:
		h.masked = !h.masked
		h.bitsDecided = !h.masked
		changed = true
	}
	return h.masked, changed, open
}

func (h *Quirks) maskedBits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.masked
}
