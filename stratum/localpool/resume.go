package localpool

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// maxFormers bounds how many ended sessions can be resumed.
const maxFormers = 4096

// former is what a session that ended leaves to the one that resumes it.
type former struct {
	extranonce extranonce
	issued     []*Terms
	difficulty Difficulty
	until      time.Time
}

// newIdentity makes a session id and, unless the session is resumed, an
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

// freshExtranonce counts from a random start. Caller holds mu.
func (p *Pool) freshExtranonce() []byte {
	p.nextOne++
	return binary.BigEndian.AppendUint32(make([]byte, 0, extranonce1In), p.nextOne)
}

func (p *Pool) register(id string, s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live[id] = s
}

// leave removes a session and keeps what its miner may come back for.
func (p *Pool) leave(s *session) {
	s.mu.Lock()
	id, keep, old := s.id, s.subscribed && !s.moved, s.estate()
	s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s)
	if p.live[id] == s {
		delete(p.live, id)
	}
	if keep && len(p.formers) < maxFormers {
		old.until = p.cfg.Now().Add(p.cfg.ResumeFor)
		p.formers[id] = old
	}
}

// estate copies what a resuming session inherits. Caller holds mu.
func (s *session) estate() former {
	return former{extranonce: s.extranonce, issued: slices.Clone(s.issued), difficulty: s.difficulty}
}

// resume gives the estate of session id, once, nil when there is none. When the
// old connection still stands (its end may not have been noticed yet) it is cut.
func (p *Pool) resume(id string) *former {
	if id == "" {
		return nil
	}
	p.mu.Lock()
	old, ended := p.formers[id]
	delete(p.formers, id)
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
	old = alive.estate()
	return &old
}

// forget drops ended sessions past their time. Caller holds mu.
func (p *Pool) forget(now time.Time) {
	for id, old := range p.formers {
		if now.After(old.until) {
			delete(p.formers, id)
		}
	}
}

func randomUint32() uint32 {
	var b [4]byte
	fill(b[:])
	return binary.BigEndian.Uint32(b[:])
}
