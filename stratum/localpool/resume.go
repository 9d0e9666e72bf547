package localpool

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// maxResumable bounds how many ended sessions can be resumed.
const maxResumable = 4096

// resumable is what an ended session passes on to the one that resumes it.
type resumable struct {
	extranonce extranonce
	issued     []*Terms
	difficulty Difficulty
	until      time.Time
}

// newIdentity returns a new session id and, unless the session is resumed, an
// extranonce1 that no other session has.
func (p *Pool) newIdentity(resumed bool) (id string, one []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if script := p.cfg.Script; script != nil && len(script.Sessions) > 0 {
		given := script.Sessions[min(p.identity, len(script.Sessions)-1)]
		p.identity++
		one, _ = hex.DecodeString(given.Extranonce1) // checked by New
		return given.ID, one
	}
	var random [4]byte
	fill(random[:])
	id = hex.EncodeToString(random[:])
	if resumed {
		return id, nil
	}
	return id, p.freshExtranonce()
}

// freshExtranonce returns the next one, counting from a random start. Caller holds mu.
func (p *Pool) freshExtranonce() []byte {
	p.nextOne++
	return binary.BigEndian.AppendUint32(make([]byte, 0, extranonce1In), p.nextOne)
}

func (p *Pool) register(id string, s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live[id] = s
}

// leave removes a session and keeps what its miner needs to resume it.
func (p *Pool) leave(s *session) {
	s.mu.Lock()
	id, keep, old := s.id, s.subscribed && !s.moved, s.resumable()
	s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s)
	if p.live[id] == s {
		delete(p.live, id)
	}
	if keep && len(p.resumables) < maxResumable {
		old.until = p.cfg.Now().Add(p.cfg.ResumeFor)
		p.resumables[id] = old
	}
}

// resumable copies what a resuming session inherits. Caller holds mu.
func (s *session) resumable() resumable {
	r := resumable{extranonce: s.extranonce, difficulty: s.difficulty}
	if s.pool.cfg.Memory == KeepAll {
		r.issued = slices.Clone(s.issued)
	}
	return r
}

// resume returns the state of session id, once, or nil when there is none. An old
// connection that is still open (its end may not have been noticed) is cut.
func (p *Pool) resume(id string) *resumable {
	if id == "" || p.cfg.Memory == KeepNothing {
		return nil
	}
	p.mu.Lock()
	old, ended := p.resumables[id]
	delete(p.resumables, id)
	alive := p.live[id]
	delete(p.live, id)
	p.mu.Unlock()
	if ended && !p.cfg.Now().After(old.until) {
		return &old
	}
	if alive == nil {
		return nil
	}
	alive.mu.Lock()
	defer alive.mu.Unlock()
	if alive.moved {
		return nil
	}
	alive.moved = true
	alive.conn.kick()
	old = alive.resumable()
	return &old
}

// forget drops expired sessions. Caller holds mu.
func (p *Pool) forget(now time.Time) {
	for id, old := range p.resumables {
		if now.After(old.until) {
			delete(p.resumables, id)
		}
	}
}

func randomUint32() uint32 {
	var b [4]byte
	fill(b[:])
	return binary.BigEndian.Uint32(b[:])
}
