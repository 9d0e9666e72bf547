package v1

import "quarry/hashing"

// Status is what a session knows about itself.
type Status struct {
	Answered        bool // a request of the handshake, so it is a pool
	Subscribed      bool
	Authorized      bool
	SessionID       string // to resume it with
	Extranonce1     []byte
	Extranonce2Size int
	VersionMask     uint32             // zero: no version rolling
	Difficulty      hashing.Difficulty // for the next job
	PaysUser        bool               // the newest job pays the user's own address
}

// Status is a snapshot.
func (s *Session) Status() Status {
	s.state.Lock()
	defer s.state.Unlock()
	st := &s.state
	status := Status{
		Answered: st.answered || st.subscribed, Subscribed: st.subscribed, Authorized: !st.authorized.IsZero(), SessionID: st.sessionID,
		Extranonce1: st.extranonce.One, Extranonce2Size: st.extranonce.TwoSize, Difficulty: st.difficulty,
		PaysUser: s.watch.PaysUser(),
	}
	if st.rolling.Agreed {
		status.VersionMask = st.poolMask & versionBits
	}
	return status
}

// Generation is the number that the session was given.
func (s *Session) Generation() uint64 { return s.cfg.Generation }
