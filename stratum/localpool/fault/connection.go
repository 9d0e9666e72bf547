package fault

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/localpool"
)

// connection is what is wrong with one connection.
type connection struct {
	plan   *Plan
	miner  localpool.Miner
	number uint64 // of the pool's connections, from 1
	began  time.Time
	on     map[string]setting
	dice   map[string]*rand.Rand

	stop   chan struct{} // closed when Run returns
	wake   chan struct{} // has Run look at release
	shares int           // judged; the reader's

	mute    atomic.Bool  // nothing is sent any more
	done    atomic.Bool  // hang-up has seen its last share
	last    atomic.Int32 // what follows the next reply that is sent: toMute or toCut
	release atomic.Int64 // late-job: when to send it, Unix nanoseconds; 0: not known
	freed   atomic.Bool  // late-job: it may be sent

	base  float64 // difficulty that others are made from; Run's
	asked int     // questions; Run's

	jobs
}

const (
	toMute = 1 + iota
	toCut
)

var _ localpool.Faults = (*connection)(nil)

func newConnection(p *Plan, m localpool.Miner, number uint64) *connection {
	c := &connection{
		plan: p, miner: m, number: number, began: time.Now(), stop: make(chan struct{}), wake: make(chan struct{}, 1),
		on: make(map[string]setting), dice: make(map[string]*rand.Rand),
	}
	for _, s := range p.settings {
		c.on[s.name] = s
		c.dice[s.name] = p.dice(number, s.name)
	}
	return c
}

// happens casts a fault's die: with its chance, if it is on.
func (c *connection) happens(name string) bool {
	s, on := c.on[name]
	return on && c.dice[name].Float64() < s.chance
}

// acts counts a fault that shows itself, and logs it. The session is not locked.
func (c *connection) acts(name string, fields ...zap.Field) {
	c.plan.count(name)
	c.miner.Log().Info("fault on purpose", append([]zap.Field{zap.String("fault", name)}, fields...)...)
}

// Request implements [localpool.Faults].
func (c *connection) Request(method string) localpool.Answer {
	c.nudged()
	if c.done.Load() { // it would be one share too many
		return localpool.Ignore
	}
	short := strings.TrimPrefix(method, "mining.")
	for _, s := range c.plan.settings {
		if s.form != aMethod || s.subject != short {
			continue
		}
		c.acts(s.name, zap.String("method", method))
		if s.name == ignore {
			return localpool.Ignore
		}
		return localpool.Refuse
	}
	return localpool.Handle
}

// reasons are the codes and texts that a rejected share gets.
func reasons() map[string]localpool.Verdict {
	return map[string]localpool.Verdict{
		"other":     {Code: localpool.CodeOther, Reason: "Rejected on purpose"},
		"stale":     {Code: localpool.CodeJobNotFound, Reason: "Stale"},
		"duplicate": {Code: localpool.CodeDuplicate, Reason: "Duplicate"},
		"low":       {Code: localpool.CodeLowDifficulty, Reason: "Above target"},
	}
}

// Verdict implements [localpool.Faults].
func (c *connection) Verdict(v localpool.Verdict) (localpool.Verdict, bool) {
	c.shares++
	if v.Accepted() && c.happens(reject) {
		as := reasons()[c.on[reject].reason]
		v.Code, v.Reason = as.Code, as.Reason
		c.acts(reject)
	}
	answer := !c.happens(noVerdict)
	if !answer {
		c.acts(noVerdict)
	}
	for what, name := range map[int32]string{toMute: silent, toCut: hangUp} {
		if n := c.on[name].shares; n == 0 || n != c.shares {
			continue
		}
		c.acts(name, zap.Int("shares", c.shares))
		c.done.Store(what == toCut)
		if answer {
			c.last.Store(what)
		} else {
			c.end(what)
		}
	}
	return v, answer
}

// end makes the connection mute, or cuts it.
func (c *connection) end(what int32) {
	if what == toCut {
		c.miner.HangUp()
		return
	}
	c.mute.Store(true)
}

// Write implements [localpool.Faults].
func (c *connection) Write(line []byte, since time.Time, write func([]byte) error) error {
	if s, on := c.on[delay]; on {
		wait := s.time + time.Duration(c.dice[delay].Int64N(int64(s.most-s.time)+1))
		c.plan.count(delay)
		c.pause(wait - time.Since(since))
	}
	if c.mute.Load() {
		return nil
	}
	if _, never := c.on[noDifficulty]; never && bytes.Contains(line, []byte(`"method":"mining.set_difficulty"`)) {
		c.plan.count(noDifficulty)
		return nil
	}
	var then int32
	if !bytes.Contains(line, []byte(`"method":`)) { // a reply
		then = c.last.Swap(0)
	}
	if err := c.write(line, write); err != nil || then == 0 {
		return err
	}
	c.end(then)
	return nil
}

// write passes a line on, in pieces with slow-lines.
func (c *connection) write(line []byte, write func([]byte) error) error {
	s, on := c.on[slowLines]
	if on {
		c.plan.count(slowLines)
	}
	for on && len(line) > 0 {
		n := min(len(line), 16+c.dice[slowLines].IntN(49))
		if err := write(line[:n]); err != nil || n == len(line) {
			return err
		}
		line = line[n:]
		c.pause(s.time)
	}
	return write(line)
}

// pause waits, but not beyond the connection's end.
func (c *connection) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.stop:
	}
}
