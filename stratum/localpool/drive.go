package localpool

import (
	"encoding/hex"
	"fmt"
)

// Each method here sends something to every subscribed miner, as real pools do,
// for tests.

// SetDifficulty gives all miners a difficulty (decimal text). It applies from the
// next job on, which is sent at once unless jobs are scripted.
func (p *Pool) SetDifficulty(text string) error {
	d, err := ParseDifficulty(text)
	if err != nil {
		return err
	}
	p.each(func(s *session) { s.setDifficulty(d) })
	return nil
}

// SetVersionMask changes the bits miners may roll (mining.set_version_mask), for
// those that agreed to roll. Zero ends version rolling.
func (p *Pool) SetVersionMask(mask uint32) {
	p.each(func(s *session) {
		if s.rolling {
			s.setMask(mask)
			s.push("mining.set_version_mask", []string{fmt.Sprintf("%08x", mask)})
		}
	})
}

// SetExtranonce gives all miners a new extranonce1 (hex; empty: generated, one
// each) and extranonce2 size in bytes. Both apply from the next job on, which
// is sent at once unless jobs are scripted.
func (p *Pool) SetExtranonce(extranonce1 string, size int) error {
	given, err := hex.DecodeString(extranonce1)
	if err != nil || len(given) > 32 {
		return fmt.Errorf("extranonce1 %q is not up to 32 bytes of hex", extranonce1)
	}
	if size < 1 || size > 16 {
		return fmt.Errorf("extranonce2 size %d: give 1 to 16 bytes", size)
	}
	p.each(func(s *session) {
		one := given
		if extranonce1 == "" {
			p.mu.Lock()
			one = p.freshExtranonce()
			p.mu.Unlock()
		}
		s.wished = &extranonce{one, size}
		s.push("mining.set_extranonce", []any{hex.EncodeToString(one), size})
		if job := p.freshJob(); job != nil {
			s.issue(job)
		}
	})
	return nil
}

// ShowMessage sends client.show_message.
func (p *Pool) ShowMessage(text string) {
	p.each(func(s *session) { s.push("client.show_message", []string{text}) })
}

// Reconnect sends client.reconnect with these params, which may be none.
func (p *Pool) Reconnect(params ...any) {
	if params == nil {
		params = []any{}
	}
	p.each(func(s *session) { s.push("client.reconnect", params) })
}

// GetVersion asks each miner with client.get_version.
func (p *Pool) GetVersion() { p.ask("client.get_version") }

// Ping asks each miner with mining.ping.
func (p *Pool) Ping() { p.ask("mining.ping") }

// Disconnect cuts all connections; their sessions can be resumed.
func (p *Pool) Disconnect() {
	for _, s := range p.everySession() {
		s.conn.kick()
	}
}

func (p *Pool) ask(method string) {
	p.each(func(s *session) {
		s.requests++
		s.send(encodePush(s.requests, method, []any{}))
	})
}

// each calls f for every subscribed session, holding its lock.
func (p *Pool) each(f func(*session)) {
	for _, s := range p.everySession() {
		s.mu.Lock()
		if s.subscribed {
			f(s)
		}
		s.mu.Unlock()
	}
}
