package v1

import (
	"slices"

	"quarry/work"
)

// ResumeState is what a session that ended leaves to the next one at the same
// pool, which may get the same extranonces again: then shares of the old
// session's jobs are as good as before. It must not go to another pool, because
// whoever has the session id can take the session over.
type ResumeState struct {
	SessionID  string // empty if the pool gave none
	Extranonce Extranonce

	generations []uint64 // of the sessions that it continues
	jobs        []*work.Job
}

// Asks reports whether the next session asks the pool for this one.
func (h *ResumeState) Asks() bool { return h.SessionID != "" }

// Possible reports whether the next session may get the same extranonces. A pool
// whose extranonce1 is empty has no others to give.
func (h *ResumeState) Possible() bool { return h.SessionID != "" || len(h.Extranonce.One) == 0 }

// maxGenerations bounds how far back shares may come from.
const maxGenerations = 64

// ResumeState returns what the session leaves, nil if it never was subscribed.
func (s *Session) ResumeState() *ResumeState {
	s.state.Lock()
	defer s.state.Unlock()
	st := &s.state
	if !st.subscribed {
		return nil
	}
	generations := append(slices.Clone(st.ancestors), s.cfg.Generation)
	return &ResumeState{
		SessionID: st.sessionID, Extranonce: st.extranonce,
		generations: generations[max(len(generations)-maxGenerations, 0):], jobs: slices.Clone(st.jobs),
	}
}

// inherit takes over the jobs of the previous session if the pool gave the same
// extranonces again, and reports whether it did. The caller holds the lock.
func (st *state) inherit(h *ResumeState) bool {
	if h == nil || !st.extranonce.equal(h.Extranonce) {
		return false
	}
	st.ancestors, st.jobs = h.generations, slices.Clone(h.jobs)
	return true
}

// reportResumed logs and reports whether the pool gave the same extranonces again.
// That alone does not say that it knows the jobs of the previous session.
func (s *Session) reportResumed(resumed bool) {
	if s.cfg.ResumeState != nil && s.cfg.ResumeState.SessionID != "" {
		if resumed {
			s.log.Info("pool gave the same extranonce1 as before")
		} else {
			s.log.Info("pool started a new session")
		}
	}
	if s.cfg.Subscribed != nil {
		s.cfg.Subscribed(resumed)
	}
}
