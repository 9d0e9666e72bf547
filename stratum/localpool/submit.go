package localpool

import (
	"slices"

	"go.uber.org/zap"
)

// submit judges a share. It hashes without holding the session's lock.
func (s *session) submit(m message) {
	share, err := decodeSubmit(m.Params)
	s.mu.Lock()
	terms, verdict := s.admit(share, err)
	s.mu.Unlock()
	if terms != nil {
		verdict = Judge(*terms, share)
		if verdict.Accepted() && s.pool.duplicates.seen(verdict.Hash) {
			verdict.Code, verdict.Reason = CodeDuplicate, "Duplicate"
		}
	}
	answer := true
	if s.faults != nil {
		verdict, answer = s.faults.Verdict(verdict)
	}
	if !answer {
		m.ID = nil
	}
	s.respond(m, share, terms, verdict)
	if verdict.Accepted() && verdict.Block {
		s.pool.blockFound(terms.Job, verdict)
	}
}

// admit returns the terms to judge a share by, or the verdict. Caller
// holds mu.
func (s *session) admit(share Submission, malformed error) (*Terms, Verdict) {
	switch {
	case !s.subscribed:
		return nil, reject(CodeNotSubscribed, "Not subscribed")
	case len(s.users) == 0:
		return nil, reject(CodeUnauthorized, "Unauthorized worker")
	case malformed != nil:
		return nil, reject(CodeOther, malformed.Error())
	case !slices.Contains(s.users, share.Worker):
		return nil, reject(CodeOther, "Worker mismatch")
	}
	terms := s.find(share.JobID)
	if terms == nil {
		return nil, reject(CodeJobNotFound, "Job not found")
	}
	if s.pool.stale(terms.Job) {
		return nil, reject(CodeJobNotFound, "Stale")
	}
	return terms, Verdict{}
}

// respond replies, counts, and updates vardiff.
func (s *session) respond(m message, share Submission, terms *Terms, v Verdict) {
	now := s.pool.cfg.Now()
	s.pool.count(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.count(v)
	if s.pool.cfg.Judged != nil {
		s.pool.cfg.Judged(s.id, share, v)
	}
	if !v.Accepted() {
		s.refuse(m.ID, false, v.Code, v.Reason)
		s.workerLog(share.Worker).Info("share rejected", zap.Int("code", int(v.Code)), zap.String("text", v.Reason),
			zap.String("job", clipText(share.JobID)))
		return
	}
	s.reply(m.ID, true)
	s.workerLog(share.Worker).Info("share accepted", zap.Float64("share_difficulty", v.Achieved), zap.Float64("job_difficulty", terms.Difficulty.value),
		zap.String("job", clipText(share.JobID)))
	s.rate.add(now, terms.Difficulty.value)
	if s.vardiff != nil && s.ready() {
		s.adopt(s.vardiff.share(now, terms.Difficulty.value, s.pool.highestDifficulty()))
	}
}
