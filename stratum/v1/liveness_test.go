package v1

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/stratum/watch"
	"quarry/work"
)

// refreshing sends a job of the same block each interval, for ever or so many
// times, while the pool does not read what the miner sends.
func refreshing(c *pc, interval time.Duration, times int) {
	for i := range times {
		time.Sleep(interval)
		c.Notify(sampleWith(fmt.Sprint("refresh ", i), func(j *stratumtest.Job) { j.Clean = false }))
	}
}

// together does things at once, until all have ended.
func together(do ...func()) {
	var all sync.WaitGroup
	for _, f := range do {
		all.Go(f)
	}
	all.Wait()
}

// answering answers each submit by the function, with the number of the submit
// from 1 on; empty: not at all.
func answering(c *pc, answer func(n int) string) {
	for n := 1; ; n++ {
		r := c.Expect("mining.submit")
		if a := answer(n); a != "" {
			c.Send(`{"id":%s,%s}`, r.ID, a)
		}
	}
}

const yes = `"result":true,"error":null`

// submitEach submits shares of the newest job one after another until the
// session ends, and returns how many.
func (m *miner) submitEach(pause time.Duration) (n int, err error) {
	job := m.job()
	for ; n < 1000; n++ {
		select {
		case err := <-m.ended:
			m.ended <- err
			return n, err
		case <-time.After(pause):
		}
		for len(m.jobs) > 0 {
			job = <-m.jobs
		}
		go m.submit(share(job, uint32(n)))
	}
	return n, nil
}

// TestDeafPool: a pool that sends jobs but answers no shares is left, whatever
// else it says; one that answers at least some is not.
func TestDeafPool(t *testing.T) {
	deaf := func(int) string { return "" }
	for _, c := range []struct {
		name   string
		pause  time.Duration // between shares
		answer func(n int) string
		want   time.Duration // 0: never ends
	}{
		{"many shares", time.Second, deaf, 65 * time.Second},                  // the fifth is given up after 60 s
		{"few shares", 50 * time.Second, deaf, 170 * time.Second},             // the first, of 50 s, waited for 120 s
		{"one share a long time", 400 * time.Second, deaf, 860 * time.Second}, // the second, of 800 s, is given up
		{"every third is answered", 50 * time.Second, func(n int) string {
			if n%3 == 0 {
				return yes
			}
			return ""
		}, 0},
		{"refusals are answers", 50 * time.Second, func(int) string { return `"result":null,"error":[20,"no",null]` }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool := func(p *pc) {
				p.Welcome(stratumtest.Usual())
				p.Notify(sample("1"))
				together(func() { refreshing(p, 30*time.Second, 10000) }, func() { answering(p, c.answer) })
			}
			bubble(t, pool, Config{}, func(t *testing.T, m *miner) {
				begun := time.Now()
				n, err := m.submitEach(c.pause)
				if took := time.Since(begun); c.want > 0 && (!errors.Is(err, watch.ErrDeaf) || (took-c.want).Abs() > time.Second) {
					t.Errorf("after %v and %d shares, want %v: %v", took, n, c.want, err)
				} else if c.want == 0 && err != nil {
					t.Errorf("ended after %v and %d shares: %v", took, n, err)
				}
			})
		})
	}
}

// TestOneShareUnanswered: that is how some pools treat shares that are too old.
func TestOneShareUnanswered(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Notify(sample("1"))
		together(func() { refreshing(p, 30*time.Second, 10000) }, func() {
			answering(p, func(n int) string {
				if n <= 4 { // passed over, but the fifth is not
					return ""
				}
				return yes
			})
		})
	}
	bubble(t, pool, Config{}, func(t *testing.T, m *miner) {
		job := m.job()
		for n := range uint32(4) {
			go m.submit(share(job, n))
		}
		time.Sleep(time.Second)
		if v := m.submit(share(job, 4)); v.Kind != work.Accepted {
			t.Error(v)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(m.ended) > 0 {
			t.Errorf("ended: %v", m.end())
		}
	})
}

// TestLateAnswers: an answer that comes after the share was given up is a sign
// of life, and no reply to nothing.
func TestLateAnswers(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Notify(sample("1"))
		together(func() { refreshing(p, 30*time.Second, 10000) }, func() {
			for {
				r := p.Expect("mining.submit")
				time.AfterFunc(70*time.Second, func() { p.Send(`{"id":%s,"result":true}`, r.ID) })
			}
		})
	}
	bubble(t, pool, Config{}, func(t *testing.T, m *miner) {
		if _, err := m.submitEach(20 * time.Second); err != nil {
			t.Errorf("ended: %v", err)
		}
	})
}

// TestOldJob: a pool that used to refresh its jobs, and then only says other
// things, is left after four times its usual interval.
func TestOldJob(t *testing.T) {
	chatter := func(p *pc) {
		for {
			time.Sleep(20 * time.Second)
			p.Send(`{"method":"mining.ping"}`)
		}
	}
	for _, c := range []struct {
		name string
		jobs func(*pc)
		want time.Duration // from the last job to the end; 0: it goes on
	}{
		{"every 55 s", func(p *pc) { refreshing(p, 55*time.Second, 10) }, 220 * time.Second},
		{"every 5 s", func(p *pc) { refreshing(p, 5*time.Second, 10) }, 120 * time.Second},
		{"irregular", func(p *pc) { refreshing(p, 200*time.Second, 2); refreshing(p, 20*time.Second, 6) }, 400 * time.Second},
		{"too few", func(p *pc) { refreshing(p, 30*time.Second, 3) }, 0},
		{"new blocks only", func(p *pc) {
			for i := range 20 {
				time.Sleep(30 * time.Second)
				block := fmt.Sprintf("%08x%s", i+1, stratumtest.Sample("").PrevHash[8:])
				p.Notify(sampleWith("block", func(j *stratumtest.Job) { j.PrevHash = block }))
				p.Notify(sampleWith("with transactions", func(j *stratumtest.Job) { j.PrevHash = block }))
			}
		}, 0},
		{"new difficulties only", func(p *pc) {
			for i := range 20 {
				time.Sleep(10 * time.Second)
				p.Difficulty(fmt.Sprint(i + 2))
				p.Notify(sample("harder"))
			}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var last atomic.Pointer[time.Time]
			pool := func(p *pc) {
				p.Welcome(stratumtest.Usual())
				p.Notify(sample("1"))
				together(func() { chatter(p) }, func() {
					c.jobs(p)
					now := time.Now()
					last.Store(&now)
				})
			}
			bubble(t, pool, Config{}, func(t *testing.T, m *miner) {
				select {
				case err := <-m.ended:
					m.ended <- err
					if took := time.Since(*last.Load()); c.want == 0 || !errors.Is(err, watch.ErrOldJob) || (took-c.want).Abs() > 2*time.Second {
						t.Errorf("ended after %v, want %v: %v", took, c.want, err)
					}
				case <-time.After(2 * time.Hour):
					if c.want != 0 {
						t.Error("the session goes on")
					}
				}
			})
		})
	}
}

// TestSuspended: the clocks tell that the machine slept, each in its own way.
func TestSuspended(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Notify(sample("1"))
		refreshing(p, 30*time.Second, 10000)
	}
	for slept, ends := range map[time.Duration]bool{20 * time.Second: false, 31 * time.Second: true, time.Hour: true, -time.Hour: false} {
		bubble(t, pool, Config{}, func(t *testing.T, m *miner) {
			m.job()
			synctest.Wait()
			m.clock.Add(int64(slept))
			time.Sleep(3 * time.Second)
			synctest.Wait()
			switch {
			case !ends && len(m.ended) > 0:
				t.Errorf("ended after a sleep of %v: %v", slept, m.end())
			case ends && (len(m.ended) == 0 || !errors.Is(m.end(), ErrSuspended)):
				t.Errorf("no end, or for another reason, after a sleep of %v", slept)
			}
		})
	}
}

// TestSuspendedAndHungUp: a connection that died of a sleep is not blamed on the
// pool.
func TestSuspendedAndHungUp(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Notify(sample("1"))
		time.Sleep(100 * time.Millisecond)
	}
	bubble(t, pool, Config{}, func(t *testing.T, m *miner) {
		m.job()
		synctest.Wait()
		m.clock.Add(int64(time.Minute)) // and then the pool hangs up, before the session looks
		if err := m.end(); !errors.Is(err, ErrSuspended) || !errors.Is(err, transport.ErrClosed) || !strings.Contains(err.Error(), "1m0s") {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestPassedOver: shares that a pool passes over keep their place in the line
// only for a while; those behind them are sent and answered.
func TestPassedOver(t *testing.T) {
	const passed = 4
	pool := func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		answering(c, func(n int) string {
			if n <= passed {
				return ""
			}
			return yes
		})
	}
	bubble(t, pool, Config{Limits: Limits{Shares: passed}}, func(t *testing.T, m *miner) {
		job := m.job()
		for nonce := range uint32(passed) {
			go m.submit(share(job, nonce))
		}
		synctest.Wait()
		begun := time.Now()
		if v := m.submit(share(job, passed)); v.Kind != work.Accepted {
			t.Error(v)
		}
		if took := time.Since(begun); took != slotTime {
			t.Errorf("sent after %v, want %v", took, slotTime)
		}
	})
}
