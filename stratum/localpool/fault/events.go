package fault

import (
	"math/rand/v2"
	"strconv"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/localpool"
)

// event is something that happens at a time of its own.
type event struct {
	name  string
	due   time.Time
	every time.Duration // 0: once
	do    func(c *connection, dice *rand.Rand) []zap.Field
}

// events returns those of the faults that are on.
func (c *connection) events() (all []event) {
	for name, do := range map[string]func(*connection, *rand.Rand) []zap.Field{
		difficulty: (*connection).newDifficulty, extranonce: (*connection).newExtranonce, versionMask: (*connection).newMask,
		badLine: (*connection).sendBadLine, badJob: (*connection).sendBadJob, questions: (*connection).ask,
		reconnect: func(c *connection, _ *rand.Rand) []zap.Field { c.miner.Push("client.reconnect"); return nil },
	} {
		if s, on := c.on[name]; on {
			all = append(all, event{name, c.began.Add(s.time), s.time, do})
		}
	}
	for name, what := range map[string]int32{hangUp: toCut, silent: toMute} {
		if s, on := c.on[name]; on && s.shares == 0 {
			all = append(all, event{name, c.began.Add(s.time), 0, func(c *connection, _ *rand.Rand) []zap.Field {
				c.end(what)
				return nil
			}})
		}
	}
	return all
}

// Run implements [localpool.Faults]: it has the events happen.
func (c *connection) Run(ended <-chan struct{}) {
	defer close(c.stop)
	all := c.events()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ended:
			return
		case <-timer.C:
		case <-c.wake:
		}
		now := time.Now()
		next := now.Add(longest)
		for i := range all {
			e := &all[i]
			if !e.due.IsZero() && !now.Before(e.due) {
				c.acts(e.name, e.do(c, c.dice[e.name])...)
				e.due = e.due.Add(e.every)
				if e.due.Before(now) { // a machine that slept
					e.due = now.Add(e.every)
				}
				if e.every == 0 {
					e.due = time.Time{}
				}
			}
			if !e.due.IsZero() && e.due.Before(next) {
				next = e.due
			}
		}
		if at := c.release.Load(); at != 0 && !c.freed.Load() {
			if due := time.Unix(0, at); !now.Before(due) {
				c.freed.Store(true)
				c.miner.SendJob()
			} else if due.Before(next) {
				next = due
			}
		}
		timer.Reset(time.Until(next))
	}
}

func (c *connection) newDifficulty(dice *rand.Rand) []zap.Field {
	now, lowest, highest := c.miner.Difficulty()
	if c.base == 0 || !c.plan.fixed {
		c.base = now
	}
	factor := float64(int(2) << dice.IntN(3))
	if dice.IntN(2) == 0 {
		factor = 1 / factor
	}
	next := c.base * factor
	if next < lowest || next > highest || next == now {
		next = c.base / factor
	}
	next = min(max(next, lowest), highest)
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(next, 'e', 2, 64), 64) // of a text that is a number
	text := strconv.FormatFloat(rounded, 'f', -1, 64)
	if err := c.miner.SetDifficulty(text); err != nil {
		return []zap.Field{zap.Error(err)}
	}
	return []zap.Field{zap.Float64("difficulty", rounded)}
}

func (c *connection) newExtranonce(dice *rand.Rand) []zap.Field {
	size := 3 + dice.IntN(6)
	if err := c.miner.SetExtranonce("", size); err != nil {
		return []zap.Field{zap.Error(err)}
	}
	return []zap.Field{zap.Int("extranonce2_bytes", size)}
}

func (c *connection) newMask(dice *rand.Rand) []zap.Field {
	mask := c.plan.mask & []uint32{localpool.DefaultVersionMask, 0x00ffe000, 0x0000e000, 0x1fc00000}[dice.IntN(4)]
	if mask == 0 {
		mask = c.plan.mask
	}
	c.miner.SetVersionMask(mask)
	return []zap.Field{zap.String("mask", strconv.FormatUint(uint64(mask), 16))}
}

func (c *connection) sendBadLine(dice *rand.Rand) []zap.Field {
	lines := []string{
		"hello", "", "<html>502 Bad Gateway</html>", "{", "[]", "null", "\x00\x01\xff", "\"mining.notify\"",
		`{"id":null,"method":"mining.notify","params":["1","00`, `{"id":null,"method":"mining.unheard_of","params":[1]}`,
		`{"id":987654321,"result":true,"error":null}`, `{"id":{},"result":[[]],"error":{}}`, `{"id":null,"method":7,"params":"x"}`,
	}
	line := lines[dice.IntN(len(lines))]
	c.miner.Line(line)
	return []zap.Field{zap.String("line", line)}
}

// coinbase1 is the beginning of a coinbase, up to the extranonce of 12 bytes.
const coinbase1 = "0200000001" + "0000000000000000000000000000000000000000000000000000000000000000" + "ffffffff" + "1103a0bb0d0c"

// sendBadJob sends a job of which one part is broken.
func (c *connection) sendBadJob(dice *rand.Rand) []zap.Field {
	hash := randomHash(dice)
	job := []any{"bad" + strconv.Itoa(dice.IntN(1000)), hash, coinbase1, "ffffffff0100f2052a010000000000000000", []string{}, "20000000", "1d00ffff", "60000000", false}
	what := ""
	switch dice.IntN(7) {
	case 0:
		what, job[1] = "previous hash of 63 digits", hash[1:]
	case 1:
		what, job[2] = "coinbase of odd length", coinbase1[1:]
	case 2:
		what, job[4] = "branch that is not hex", []string{"branch"}
	case 3:
		what, job[6] = "nbits null", nil
	case 4:
		what, job[7] = "ntime a number", 1.5e9
	case 5:
		what, job = "eight parameters", job[:8]
	case 6:
		what, job[4] = "branches a text", "none"
	}
	c.miner.Push("mining.notify", job...)
	return []zap.Field{zap.String("text", what)}
}

func (c *connection) ask(*rand.Rand) []zap.Field {
	switch c.asked++; c.asked % 3 {
	case 1:
		c.miner.Ask("client.get_version")
	case 2:
		c.miner.Ask("mining.ping")
	default:
		c.miner.Push("client.show_message", "hello from the practice pool")
	}
	return nil
}
