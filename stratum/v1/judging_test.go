package v1

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/stratum/watch"
	"quarry/work"
)

// faults keeps what a session reported of its pool's health.
type faults struct {
	mu   sync.Mutex
	list []error
}

func (c *faults) add(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, reason)
}

func (c *faults) all() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// weak makes a job that every second hash is a share of.
func weak(p *pc, id string) {
	p.Difficulty("2e-10")
	p.Notify(sample(id))
}

// good is a share of the job that meets its target, one after another.
func good(t *testing.T, job *work.Job, from uint32) *work.Share {
	t.Helper()
	for n := from; n < from+1000; n++ {
		if s := share(job, n); job.Bound().MetBy(s.Hash) {
			return s
		}
	}
	t.Fatal("no share in a thousand nonces")
	return nil
}

// TestAllRejected: one report for each time that a pool begins to reject
// everything, and word when it ends.
func TestAllRejected(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		weak(p, "1")
		answering(p, func(n int) string {
			if n == 31 {
				return yes
			}
			return `"result":null,"error":[20,"no love for secret",null]`
		})
	}
	var heard faults
	core, logs := observer.New(zap.InfoLevel)
	bubble(t, pool, Config{Health: heard.add, Log: zap.New(core)}, func(t *testing.T, m *miner) {
		job := m.job()
		for n := range 70 {
			before := len(heard.all())
			m.submit(good(t, job, uint32(1000*n)))
			time.Sleep(5 * time.Second)
			if after := len(heard.all()); after != before && n != 13 && n != 30 && n != 44 { // 61 s are 14 shares
				t.Errorf("report %v at share %d", heard.all()[before:], n)
			}
		}
	})
	list := heard.all()
	if len(list) != 3 || !errors.Is(list[0], watch.ErrAllRejected) || list[1] != nil || !errors.Is(list[2], watch.ErrAllRejected) {
		t.Fatalf("reports %v", list)
	}
	if text := list[0].Error(); !strings.Contains(text, "no love for ***") || !strings.Contains(text, "re-check passed") {
		t.Error(text)
	}
	if logs.FilterMessage("pool rejects every share").Len() != 2 || logs.FilterMessage("pool accepts shares again").Len() != 1 {
		t.Errorf("log %v", logs.All())
	}
}

// TestFewRejects are no fault of the pool, nor are many at once.
func TestFewRejects(t *testing.T) {
	for name, c := range map[string]struct {
		shares int
		pause  time.Duration
		yes    int // which of the shares are accepted, in steps of
	}{
		"ten":             {10, 20 * time.Second, 1000},
		"many in no time": {100, time.Millisecond, 1000},
		"now and then":    {100, 20 * time.Second, 10},
	} {
		t.Run(name, func(t *testing.T) {
			pool := func(p *pc) {
				p.Welcome(stratumtest.Usual())
				weak(p, "1")
				together(func() { refreshing(p, 30*time.Second, 1000) }, func() {
					answering(p, func(n int) string {
						if n%c.yes == 0 {
							return yes
						}
						return `"result":false,"error":null,"reject-reason":"stale"`
					})
				})
			}
			var heard faults
			bubble(t, pool, Config{Health: heard.add, SubmitStale: true}, func(t *testing.T, m *miner) {
				job := m.job()
				for n := range c.shares {
					m.submit(good(t, job, uint32(1000*n)))
					time.Sleep(c.pause)
				}
			})
			if len(heard.all()) > 0 {
				t.Errorf("reports %v", heard.all())
			}
		})
	}
}

// TestDuplicatesOfOurs: a share that was sent once and is called a duplicate
// may be an accident, two are a bug of ours.
func TestDuplicatesOfOurs(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		weak(p, "1")
		answering(p, func(int) string { return `"result":null,"error":[22,"Duplicate share",null]` })
	}
	core, logs := observer.New(zap.InfoLevel)
	bubble(t, pool, Config{Log: zap.New(core)}, func(t *testing.T, m *miner) {
		job := m.job()
		for n := range 5 {
			if n == 1 && logs.FilterLevelExact(zap.ErrorLevel).Len() > 0 {
				t.Error("one duplicate is called a bug")
			}
			m.submit(good(t, job, uint32(1000*n)))
		}
	})
	if logs.FilterLevelExact(zap.ErrorLevel).Len() != 1 {
		t.Errorf("log %v", logs.All())
	}
}

// TestChain: what jobs say about the chain, and what is made of it.
func TestChain(t *testing.T) {
	begun := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of every bubble
	type step struct {
		after  time.Duration
		block  int
		nbits  string
		behind time.Duration // of the job's time behind the clock
		diff   string
	}
	// each is n times the same step.
	each := func(n int, s step) (steps []step) {
		for range n {
			steps = append(steps, s)
		}
		return steps
	}
	fine := step{after: time.Minute}
	frozen := func(n int, from time.Duration) (steps []step) {
		for i := range n {
			steps = append(steps, step{after: time.Minute, block: i / 10, behind: from + time.Duration(i)*time.Minute})
		}
		return steps
	}
	const stuck, moves = "pool's node may be stuck", "pool's chain moves again"
	const hours, network = "clock and job time are hours apart",
		"network difficulty jumped implausibly"
	const above, back = "difficulty above the network's", "pool went back to an earlier block"
	for _, c := range []struct {
		name  string
		steps []step
		log   []string
		heard int // reports, those of recovery too
	}{
		{"all is well", each(170, fine), nil, 0},
		{"three hours on a block", each(300, fine), []string{stuck}, 1},
		{"and then a new one", append(each(200, fine), step{after: time.Minute, block: 1}), []string{stuck, moves}, 2},
		{"a test chain stands as long as it likes", each(300, step{after: time.Minute, nbits: "207fffff"}), []string{above}, 0},
		{"wrong clock", each(170, step{after: time.Minute, behind: 5 * time.Hour}), []string{hours}, 0},
		{"wrong clock the other way", each(170, step{after: time.Minute, behind: -5 * time.Hour}), []string{hours}, 0},
		{"the jobs' time stops", frozen(130, 0), []string{hours, stuck}, 1},
		{"it stopped long ago", frozen(20, 4*time.Hour), []string{hours, stuck}, 1},
		{"it stops and goes on", append(frozen(130, 0), step{after: time.Minute, block: 13}), []string{hours, stuck, moves}, 2},
		{"another chain", []step{fine, {block: 1, nbits: "1d00ffff"}, {block: 2}, {block: 3, nbits: "1d00ffff"}}, []string{network}, 0},
		{"an adjustment", []step{fine, {block: 1, nbits: "19092495"}}, nil, 0},
		{"difficulty above the network's", []step{{diff: "1e30"}, {diff: "1e31"}}, []string{above}, 0},
		{"a reorganisation", []step{{block: 1}, {block: 2}, {block: 1}, {block: 2}, {block: 3}}, []string{back}, 0},
		{"many reorganisations", []step{{block: 1}, {block: 2}, {after: time.Hour, block: 1}, {block: 2}, {block: 1}, {after: 2 * time.Minute, block: 2}}, []string{back, back}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool := func(p *pc) {
				p.Welcome(stratumtest.Usual())
				for _, s := range c.steps {
					time.Sleep(s.after)
					if s.diff != "" {
						p.Difficulty(s.diff)
					}
					p.Notify(sampleWith("job", func(j *stratumtest.Job) {
						j.PrevHash = fmt.Sprintf("%08x%s", s.block, j.PrevHash[8:])
						j.NTime = fmt.Sprintf("%08x", time.Now().Add(-s.behind).Unix())
						if s.nbits != "" {
							j.NBits = s.nbits
						}
					}))
				}
				time.Sleep(2 * time.Second) // until the next look
			}
			var heard faults
			core, logs := observer.New(zap.InfoLevel)
			bubble(t, pool, Config{Health: heard.add, Log: zap.New(core), Limits: Limits{Limits: transport.Limits{Silence: 24 * time.Hour}, FirstJob: time.Hour, Nudge: time.Hour}}, func(t *testing.T, m *miner) {
				if !time.Now().Equal(begun) {
					t.Errorf("begins at %v", time.Now())
				}
				if err := m.end(); !errors.Is(err, transport.ErrClosed) {
					t.Errorf("ended with %v", err)
				}
			})
			var told []string
			for _, entry := range logs.All() {
				if entry.Level >= zap.WarnLevel || entry.Message == moves || entry.Message == back {
					told = append(told, entry.Message)
				}
			}
			if fmt.Sprintf("%q", told) != fmt.Sprintf("%q", c.log) {
				t.Errorf("told\n%q\nwant\n%q", told, c.log)
			}
			for i, reason := range heard.all() {
				if (i%2 == 0) != errors.Is(reason, watch.ErrStuckBlock) || i%2 == 1 && reason != nil {
					t.Errorf("report %d: %v", i, reason)
				}
			}
			if n := len(heard.all()); n != c.heard {
				t.Errorf("%d reports: %v", n, heard.all())
			}
		})
	}
}

// TestQuirksOutliveSessions: a block is as old for the second session as for
// the first.
func TestQuirksOutliveSessions(t *testing.T) {
	quirks := &Quirks{}
	synctest.Test(t, func(t *testing.T) {
		for i := range 2 {
			pool := func(p *pc) {
				p.Welcome(stratumtest.Usual())
				p.Notify(sampleWith("1", func(j *stratumtest.Job) { j.NTime = fmt.Sprintf("%08x", time.Now().Unix()) }))
				refreshing(p, 30*time.Second, 220)
			}
			var heard faults
			m := newMiner(t, stratumtest.Pipe(t, pool), Config{Health: heard.add, Quirks: quirks})
			m.patience = 24 * time.Hour
			m.realTime = func() time.Duration { return 0 }
			if err := run(t, m).end(); !errors.Is(err, transport.ErrClosed) {
				t.Errorf("session %d: %v", i, err)
			}
			if n := len(heard.all()); n != i {
				t.Errorf("session %d: %d reports", i, n)
			}
		}
	})
}
