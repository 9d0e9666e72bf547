package stratum

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"time"

	"quarry/stratum/localpool"
	"quarry/stratum/stratumtest"
)

// chaosPlan does harm, by the numbers of its seed: equal seeds do the same
// things to the same pools at the same times, as far as there is somebody to
// do them to. So how many numbers are drawn must not depend on who is there.
type chaosPlan struct {
	random    *rand.Rand
	pools     []*chaosPool
	names     *stratumtest.Names
	authority *stratumtest.Authority
	strange   *tls.Certificate // of another authority
	second    string           // address

	mends   []repair
	done    map[string]int // what pools do by themselves, and faults that injectors do not count
	actions []action
}

// repair ends a fault at its time.
type repair struct {
	at time.Time
	do func()
}

// action is something that may happen, as often as its weight says.
type action struct {
	weight int
	do     func(*chaosPool)
}

// run does one thing after another until ctx ends, then mends everything.
func (c *chaosPlan) run(ctx context.Context, pause time.Duration) {
	c.actions = c.faults()
	next := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.repair(time.Now().Add(time.Hour))
			return
		case now := <-tick.C:
			c.repair(now)
			if now.After(next) {
				c.strike()
				next = now.Add(time.Duration(min(c.random.ExpFloat64(), 4) * float64(pause)))
			}
		}
	}
}

// repair ends the faults that are due, and all of them at the end.
func (c *chaosPlan) repair(now time.Time) {
	left := c.mends[:0]
	for _, m := range c.mends {
		if now.After(m.at) {
			m.do()
		} else {
			left = append(left, m)
		}
	}
	c.mends = left
}

func (c *chaosPlan) later(after time.Duration, do func()) {
	c.mends = append(c.mends, repair{time.Now().Add(after), do})
}

// strike does something to a pool, mostly to one that has a client.
func (c *chaosPlan) strike() {
	p := c.pools[c.random.IntN(len(c.pools))]
	for range 8 {
		if other := c.pools[c.random.IntN(len(c.pools))]; p.Links() == 0 {
			p = other
		}
	}
	sum := 0
	for _, a := range c.actions {
		sum += a.weight
	}
	choice := c.random.IntN(sum)
	for _, a := range c.actions {
		if choice -= a.weight; choice < 0 {
			a.do(p)
			return
		}
	}
}

// between is a random time.
func (c *chaosPlan) between(least, most time.Duration) time.Duration {
	return least + time.Duration(c.random.Int64N(int64(most-least)))
}

func (c *chaosPlan) direction() stratumtest.Direction {
	return stratumtest.Direction(c.random.IntN(2))
}

const ms = time.Millisecond

// faults are what goes wrong, and what pools may do at any time.
func (c *chaosPlan) faults() []action {
	return []action{
		{6, func(p *chaosPool) { p.Delay(c.direction(), c.between(20*ms, 300*ms), c.between(500*ms, 1500*ms)) }},
		{3, func(p *chaosPool) { p.Cut() }},
		{3, func(p *chaosPool) { p.Reset() }},
		{2, c.halfOpen},
		{2, func(p *chaosPool) { p.Truncate(c.direction()) }},
		{3, func(p *chaosPool) { p.Flip(stratumtest.ToClient, 1+c.random.IntN(2)) }},
		{1, func(p *chaosPool) { p.Flip(stratumtest.ToPool, 1) }},
		{4, func(p *chaosPool) { p.Reorder(1+c.random.IntN(5), 300*ms) }},
		{2, func(p *chaosPool) { p.Stall(c.between(200*ms, 1200*ms)) }},
		{2, c.restart},
		{2, func(p *chaosPool) { c.refuse(p, c.between(100*ms, 1500*ms)) }},
		{1, func(p *chaosPool) { c.refuse(p, c.between(1500*ms, 7000*ms)) }}, // as long as shares wait, and longer
		{2, c.move},
		{1, c.unname},
		{2, c.recertify},
		{1, c.forge},
		{6, func(p *chaosPool) { c.pool(p, "new block", func() { p.pool.NewBlock() }) }},
		{4, func(p *chaosPool) { c.pool(p, "new job", func() { p.pool.NewJob() }) }},
		{4, c.difficulty},
		{2, func(p *chaosPool) {
			mask := []uint32{0x1fffe000, 0x00ffe000}[c.random.IntN(2)]
			c.pool(p, "version mask", func() { p.eachMiner(func(m localpool.Miner) { m.SetVersionMask(mask) }) })
		}},
		{1, func(p *chaosPool) {
			size := 4 + c.random.IntN(5)
			c.pool(p, "extranonce", func() { p.eachMiner(func(m localpool.Miner) { _ = m.SetExtranonce("", size) }) })
		}},
		{1, func(p *chaosPool) {
			c.pool(p, "reconnect", func() { p.eachMiner(func(m localpool.Miner) { m.Push("client.reconnect") }) })
		}},
		{1, func(p *chaosPool) {
			c.pool(p, "ping and message", func() {
				p.eachMiner(func(m localpool.Miner) {
					m.Ask("mining.ping")
					m.Ask("client.get_version")
					m.Push("client.show_message", "chaos")
				})
			})
		}},
	}
}

// eachMiner calls do for everyone who is connected.
func (p *chaosPool) eachMiner(do func(localpool.Miner)) {
	for _, m := range p.pool.Miners() {
		do(m)
	}
}

// pool has a pool that is up do something.
func (c *chaosPlan) pool(p *chaosPool, what string, do func()) {
	if p.pool != nil {
		c.done[what]++
		do()
	}
}

func (c *chaosPlan) difficulty(p *chaosPool) {
	text := []string{"0.000002", chaosDifficulty, "0.000004", "0.000008"}[c.random.IntN(4)]
	c.pool(p, "difficulty", func() {
		p.eachMiner(func(m localpool.Miner) {
			if err := m.SetDifficulty(text); err != nil {
				p.t.Error(err)
			}
		})
	})
}

func (c *chaosPlan) restart(p *chaosPool) {
	p.crash()
	c.later(c.between(0, 1000*ms), p.restart)
}

func (c *chaosPlan) refuse(p *chaosPool, lasting time.Duration) {
	p.Refuse()
	p.Reset()
	c.later(lasting, p.open)
}

// halfOpen makes connections dead in one direction, or in both.
func (c *chaosPlan) halfOpen(p *chaosPool) {
	which := c.random.IntN(3)
	if which != 0 {
		p.HalfOpen(stratumtest.ToPool)
	}
	if which != 1 {
		p.HalfOpen(stratumtest.ToClient)
	}
}

func (p *chaosPool) open() {
	if err := p.Open(); err != nil {
		p.t.Error(err)
	}
}

// move gives the pool's name another address.
func (c *chaosPlan) move(p *chaosPool) {
	if c.second == "" {
		c.done["address not changed: this system has but one"]++
		return
	}
	to := c.second
	if p.moved = !p.moved; !p.moved {
		to = "127.0.0.1"
	}
	c.names.Set(p.name, to)
	if err := p.Move(to); err != nil {
		p.t.Error(err)
	}
}

// unname takes the pool's name away for a while.
func (c *chaosPlan) unname(p *chaosPool) {
	c.done[string(stratumtest.NoSuchName)]++
	c.names.Set(p.name)
	p.Cut()
	c.later(c.between(100*ms, 1500*ms), func() {
		if p.moved {
			c.names.Set(p.name, c.second)
		} else {
			c.names.Set(p.name, "127.0.0.1")
		}
	})
}

// recertify renews the certificate of the pool with an authority.
func (c *chaosPlan) recertify(*chaosPool) {
	p := c.pools[1]
	p.Show(c.authority.Issue(p.name))
	p.Cut()
}

// forge shows a certificate for a while that is neither the pinned one nor
// the authority's.
func (c *chaosPlan) forge(*chaosPool) {
	p, lasting := c.pools[1+c.random.IntN(2)], c.between(300*ms, 1500*ms)
	right := p.Shown()
	if right == c.strange {
		return
	}
	p.Show(c.strange)
	p.Cut()
	c.later(lasting, func() {
		if p.Shown() == c.strange {
			p.Show(right)
		}
	})
}

// sum is everything that was done, by its kind.
func (c *chaosPlan) sum() map[string]int {
	sum := make(map[string]int)
	for what, n := range c.done {
		sum[what] += n
	}
	for _, p := range c.pools {
		for f, n := range p.Faults() {
			sum[fmt.Sprint(f)] += n
		}
	}
	return sum
}
