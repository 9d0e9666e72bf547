package stratum

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/stratumtest"
)

// wire is a message as the chaos test reads it, apart from the client's code.
type wire struct {
	ID     json.RawMessage
	Method string
	Params []json.RawMessage
	Result json.RawMessage
}

func readWire(line []byte) (m wire, ok bool) {
	ok = json.Unmarshal(line, &m) == nil
	if string(m.ID) == "null" {
		m.ID = nil
	}
	return m, ok
}

func (m wire) text(i int) (s string) {
	if i < len(m.Params) {
		json.Unmarshal(m.Params[i], &s)
	}
	return s
}

// passed notes one line between client and pool.
func (b *chaosBook) passed(pool int, l *linkRecord, p stratumtest.Passage) {
	b.log.Debug("line", zap.Int("pool", pool), zap.Int("connection", l.number), zap.Stringer("direction", p.Direction),
		zap.String("fault", string(p.Fault)), zap.ByteString("line", p.Line))
	m, ok := readWire(p.Line)
	if !ok {
		if p.Direction == stratumtest.ToPool && strings.HasSuffix(string(p.Line), "\n") {
			b.violation("pool %d: the client sent %q", pool, p.Line)
		}
		return
	}
	l.swallowed = l.swallowed || p.Fault == stratumtest.HalfOpen
	sent, line := p.Sent, p
	p.Line, p.Sent = nil, nil // what is kept
	if p.Fault == stratumtest.Flipped {
		l.suspect[string(m.ID)] = true
		if damaged, ok := readWire(sent); ok {
			l.suspect[string(damaged.ID)] = true
		}
	}
	switch {
	case p.Direction == stratumtest.ToClient && m.Method == "":
		b.replied(l, m, p)
	case p.Direction == stratumtest.ToClient:
		b.pushed(pool, l, m, line)
	case m.Method == "mining.submit":
		b.submitted(pool, l, m, p)
	case m.Method != "":
		l.asked[string(m.ID)] = m.Method
		l.damaged = l.damaged || p.Fault == stratumtest.Flipped
		if m.Method == "mining.subscribe" {
			l.offered, l.subscribing = m.text(1), p.Whole()
		}
	}
}

// submitted notes one sending of a share.
func (b *chaosBook) submitted(pool int, l *linkRecord, m wire, p stratumtest.Passage) {
	key := shareKey{pool, m.text(1), m.text(2), m.text(3), m.text(4), m.text(5)}
	if l.keys[key] {
		b.violation("%v: submitted twice on connection %d", key, l.number)
	}
	l.keys[key] = true
	if b.pools[pool].jobs[key.job] == nil {
		b.violation("%v: submitted to a pool that has no such job", key)
	}
	s := b.record(key)
	if len(s.submits) > 0 {
		b.resent++
	}
	r := &submitRecord{link: l, id: string(m.ID), passed: p}
	s.submits = append(s.submits, r)
	slices.SortStableFunc(s.submits, func(x, y *submitRecord) int { return x.link.number - y.link.number }) // one may come late
	l.submits[r.id] = r
}

// replied notes a reply of the pool.
func (b *chaosBook) replied(l *linkRecord, m wire, p stratumtest.Passage) {
	id := string(m.ID)
	if s := l.submits[id]; s != nil {
		s.reply = &p
		return
	}
	flipped := p.Fault == stratumtest.Flipped
	l.damaged = l.damaged || flipped
	switch l.asked[id] {
	case "mining.subscribe":
		var result []json.RawMessage
		json.Unmarshal(m.Result, &result)
		if len(result) == 3 {
			json.Unmarshal(result[1], &l.extranonce1)
			l.subscribed = p.Whole()
		}
		l.tainted["handshake"] = l.tainted["handshake"] || flipped
	case "mining.configure":
		l.tainted["handshake"] = l.tainted["handshake"] || flipped
	}
}

// pushed notes what the pool says by itself.
func (b *chaosBook) pushed(pool int, l *linkRecord, m wire, p stratumtest.Passage) {
	flipped := p.Fault == stratumtest.Flipped
	switch m.Method {
	case "mining.set_difficulty", "mining.set_version_mask":
		l.tainted[m.Method] = flipped
		if m.Method == "mining.set_difficulty" && len(m.Params) > 0 {
			l.difficulty = string(m.Params[0])
		}
	case "mining.set_extranonce":
		l.tainted[m.Method] = flipped
		l.changed = true
	case "mining.notify":
		b.notified(b.pools[pool], l, m, p)
	}
}

func (b *chaosBook) notified(pool *poolBook, l *linkRecord, m wire, p stratumtest.Passage) {
	id, block := m.text(0), m.text(1)
	if n := len(pool.blocks); n == 0 || !pool.knows(block) {
		pool.blocks = append(pool.blocks, blockRecord{block, p.At})
	}
	tainted := p.Fault == stratumtest.Flipped
	l.misled = l.misled || tainted
	if p.Whole() && l.firstBlock == "" {
		l.firstBlock, l.firstJob = block, p.At
	}
	for _, t := range l.tainted {
		tainted = tainted || t
	}
	ids := []string{id}
	if damaged, ok := readWire(p.Sent); ok && tainted {
		ids = append(ids, damaged.text(0))
	}
	for _, id := range ids {
		j := pool.jobs[id]
		if j == nil {
			j = &jobRecord{block: block, first: p.At}
			pool.jobs[id] = j
		}
		j.tainted = j.tainted || tainted
		if p.Whole() || tainted {
			j.on = append(j.on, delivery{l, p.At, l.difficulty})
		}
	}
}

// knows reports whether the pool was on that block before.
func (p *poolBook) knows(block string) bool {
	for i := len(p.blocks) - 1; i >= 0; i-- {
		if p.blocks[i].block == block {
			return true
		}
	}
	return false
}

// movedOn reports whether the pool had a newer block than the job's by then.
func (p *poolBook) movedOn(j *jobRecord, by time.Time) bool {
	for i := len(p.blocks) - 1; i >= 0 && p.blocks[i].block != j.block; i-- {
		if p.blocks[i].at.Before(by) {
			return true
		}
	}
	return false
}
