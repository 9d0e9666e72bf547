package localpool

import (
	"encoding/hex"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Faults are what a pool does wrong on purpose on one connection, for tests of
// miners; package fault has them. No method may block, except Run and Write.
type Faults interface {
	// Run is called once, on a goroutine of its own, and returns when ended is closed.
	Run(ended <-chan struct{})
	// Write passes a line, queued at since, to the connection, or does worse.
	Write(line []byte, since time.Time, write func([]byte) error) error
	// Request judges a method before the request is handled.
	Request(method string) Answer
	// Job returns the job to send in place of job, nil for none. The session is
	// locked: no method of Miner may be called.
	Job(job *Job) *Job
	// Verdict returns the verdict to give instead, and whether to send it.
	Verdict(v Verdict) (Verdict, bool)
}

// Answer is what becomes of a request.
type Answer int

// The values of Answer.
const (
	Handle Answer = iota
	Ignore        // no reply
	Refuse        // an error: unknown method
)

// Altered returns a job in j's place with other texts. With stale it belongs to
// an earlier block.
func (j *Job) Altered(n Notify, stale bool) (*Job, error) {
	other, err := NewJob(n)
	if err != nil {
		return nil, err
	}
	other.seq, other.block, other.height = j.seq, j.block, j.height
	if stale {
		other.block, other.height = j.block-1, j.height-1
	}
	return other, nil
}

// Miner is one connection, for Faults: each method does something to it, as real
// pools do.
type Miner struct{ s *session }

// Miners returns all connections.
func (p *Pool) Miners() (all []Miner) {
	for _, s := range p.everySession() {
		all = append(all, Miner{s})
	}
	return all
}

// Log returns the logger of this connection.
func (m Miner) Log() *zap.Logger {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	return m.s.log
}

// Difficulty returns the difficulty of the next jobs, and its bounds.
func (m Miner) Difficulty() (now, lowest, highest float64) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	cfg := m.s.pool.cfg
	if cfg.fixed {
		return m.s.difficulty.value, 0, m.s.pool.highestDifficulty()
	}
	return m.s.difficulty.value, cfg.min.value, min(cfg.max.value, m.s.pool.highestDifficulty())
}

// SetDifficulty gives the miner a difficulty (decimal text). It applies from the
// next job on, which is sent at once unless jobs are scripted.
func (m Miner) SetDifficulty(text string) error {
	d, err := ParseDifficulty(text)
	if err != nil {
		return err
	}
	m.subscribed(func(s *session) { s.setDifficulty(d) })
	return nil
}

// SetVersionMask changes the bits the miner may roll (mining.set_version_mask),
// if it agreed to roll. Zero ends version rolling.
func (m Miner) SetVersionMask(mask uint32) {
	m.subscribed(func(s *session) {
		if s.rolling {
			s.setMask(mask)
			s.push("mining.set_version_mask", []string{fmt.Sprintf("%08x", mask)})
		}
	})
}

// SetExtranonce gives the miner a new extranonce1 (hex; empty: generated) and
// extranonce2 size in bytes. Both apply from the next job on, which is sent at
// once unless jobs are scripted.
func (m Miner) SetExtranonce(extranonce1 string, size int) error {
	one, err := hex.DecodeString(extranonce1)
	if err != nil || len(one) > 32 {
		return fmt.Errorf("extranonce1 %q is not up to 32 bytes of hex", extranonce1)
	}
	if size < 1 || size > 16 {
		return fmt.Errorf("extranonce2 size %d: give 1 to 16 bytes", size)
	}
	m.subscribed(func(s *session) {
		if extranonce1 == "" {
			s.pool.mu.Lock()
			one = s.pool.freshExtranonce()
			s.pool.mu.Unlock()
		}
		s.wished = &extranonce{one, size}
		s.push("mining.set_extranonce", []any{hex.EncodeToString(one), size})
		if job := s.pool.freshJob(); job != nil {
			s.issue(job)
		}
	})
	return nil
}

// SendJob sends the current job, unless the miner has it or is not authorized.
func (m Miner) SendJob() {
	m.s.announce(m.s.pool.currentJob())
}

// Push sends a notification.
func (m Miner) Push(method string, params ...any) {
	if params == nil {
		params = []any{}
	}
	m.subscribed(func(s *session) { s.push(method, params) })
}

// Ask sends a request without parameters; the reply is logged.
func (m Miner) Ask(method string) {
	m.subscribed(func(s *session) {
		s.requests++
		s.send(encodePush(s.requests, method, []any{}))
	})
}

// Line sends a line as it is.
func (m Miner) Line(line string) {
	m.subscribed(func(s *session) { s.send([]byte(line+"\n"), nil) })
}

// HangUp cuts the connection; its session can be resumed.
func (m Miner) HangUp() { m.s.conn.kick() }

// subscribed calls f with the session locked, if it has subscribed.
func (m Miner) subscribed(f func(*session)) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if m.s.subscribed {
		f(m.s)
	}
}
