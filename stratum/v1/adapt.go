package v1

import (
	"go.uber.org/zap"

	"quarry/work"
)

// Pools differ in two things that no pool announces: which difficulty
// counts for jobs that are older than its last raise, and how they put
// submitted version bits into a version that has some of them set already.
// Both are learned from what they reject, once for each pool.

// adapt learns from the verdict on a share. Only the reader calls it.
func (s *Session) adapt(share *work.Share, verdict work.Verdict) {
	job := share.Job
	if !job.Bound().MetBy(share.Hash) {
		return
	}
	s.state.Lock()
	current := s.state.difficulty
	s.state.Unlock()
	if !current.Target().MetBy(share.Hash) { // it was raised since
		if s.cfg.Quirks.raise(verdict.Kind == work.Accepted, verdict.RejectedFor(work.ReasonLowDifficulty)) {
			s.log.Info("this pool judges all shares by its newest difficulty: weaker ones of older jobs are no longer sent",
				zap.Float64("difficulty", current.Float64()), zap.String("pool_said", verdict.Text))
		}
		return
	}
	if w := wireOf(job); w.rolling && w.mask&job.Version != 0 && share.Version != job.Version {
		s.adaptBits(job, w, verdict)
	}
}

// adaptBits learns from a share with rolled bits whose job has some bits of
// the pool's mask set. Pools that OR or XOR the submitted bits to the job's
// version want the rolled ones only, pools that follow BIP 310 to the letter
// all bits of their mask.
func (s *Session) adaptBits(job *work.Job, w wire, verdict work.Verdict) {
	wrong := verdict.RejectedFor(work.ReasonLowDifficulty, work.ReasonVersion)
	masked, changed := s.cfg.Quirks.bits(w.masked, verdict.Kind == work.Accepted, wrong)
	if !changed {
		return
	}
	if masked {
		s.log.Info("this pool seems to want all version bits of its mask, not only the rolled ones: sending all of them",
			zap.String("mask", hex8(w.mask)), zap.String("version", hex8(job.Version)), zap.Stringer("pool_said", verdict))
	} else {
		s.log.Info("sending all version bits did not help: sending the rolled ones again", zap.Stringer("pool_said", verdict))
	}
	s.amend(func(*state) {})
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
// returns the form to use, and whether that changed. The other form is tried
// once; if it is no better, something else is wrong.
func (h *Quirks) bits(sentMasked, accepted, wrong bool) (masked, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.bitsDecided || sentMasked != h.masked: // or the share was found before the change
	case accepted:
		h.bitsDecided = true
	case wrong:
		h.masked = !h.masked
		h.bitsDecided = !h.masked
		changed = true
	}
	return h.masked, changed
}

func (h *Quirks) maskedBits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.masked
}
