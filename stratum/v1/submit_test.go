package v1

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quarry/hashing"
	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/work"
)

// judge answers every submit with true.
func judge(c *pc) {
	for {
		c.Result(c.Expect("mining.submit"), "true")
	}
}

// TestIDsRiseOnTheWire: requests of many goroutines are written in the order of
// their ids.
func TestIDsRiseOnTheWire(t *testing.T) {
	const rounds, atOnce = 50, 40
	wrong := make(chan string, rounds*atOnce)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		for id := 4; ; id++ {
			r := c.Expect("mining.submit")
			if string(r.ID) != fmt.Sprint(id) {
				wrong <- fmt.Sprintf("%s as number %d", r.ID, id)
			}
			c.Result(r, "true")
		}
	})
	m := mine(t, server, Config{Limits: Limits{ShareBurst: rounds * atOnce}})
	job := m.job()
	for round := range rounds {
		var all sync.WaitGroup
		for i := range atOnce {
			all.Go(func() {
				if v := m.submit(share(job, uint32(atOnce*round+i))); v.Kind != work.Accepted {
					t.Error(v)
				}
			})
		}
		all.Wait()
	}
	if len(wrong) > 0 {
		t.Errorf("%d of %d out of order, the first %s", len(wrong), rounds*atOnce, <-wrong)
	}
}

const otherBlock = "171592f223740e92d223f6e68bff25279af7ac4f2246451e0000000200000001"

func TestGate(t *testing.T) {
	easy := func(j *stratumtest.Job) { j.NBits = "207fffff" } // every second hash is a block
	next := make(chan string)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sampleWith("old", easy))
		c.Notify(sampleWith("same block", func(j *stratumtest.Job) { j.Clean = false }))
		c.Result(c.Expect("mining.submit"), "true")
		c.Result(c.Expect("mining.submit"), "true")
		c.Notify(<-next)
		judge(c)
	})
	m := mine(t, server, Config{})
	old, same := m.job(), m.job()
	if same.Clean {
		t.Errorf("job %+v", same)
	}
	for _, job := range []*work.Job{old, same} {
		if v := m.submit(share(job, 1)); v.Kind != work.Accepted {
			t.Errorf("share of %q: %v", job.ID, v)
		}
	}
	if v := m.submit(share(old, 1)); !v.RejectedFor(work.ReasonDuplicate) {
		t.Errorf("the same share again: %v", v)
	}
	copied := *same
	if v := m.submit(share(&copied, 2)); v.Kind != work.Stale {
		t.Errorf("share of an unknown job: %v", v)
	}
	foreign := *same
	foreign.Session++
	if v := m.submit(share(&foreign, 3)); !v.LostFor("disconnected") {
		t.Errorf("share of another session: %v", v)
	}

	next <- sampleWith("new block", func(j *stratumtest.Job) { j.PrevHash, j.Clean = otherBlock, false })
	if job := m.job(); !job.Clean {
		t.Error("a new block without clean is not taken as clean")
	}
	if v := m.submit(share(same, 4)); v.Kind != work.Stale {
		t.Errorf("share of the old block: %v", v)
	}
	block := share(old, 5)
	block.Hash = hashing.Hash{31: 0x01}
	if v := m.submit(block); v.Kind != work.Accepted {
		t.Errorf("a stale block is not sent: %v", v)
	}
}

func TestSubmitStale(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		c.Notify(sample("2"))
		c.Error(c.Expect("mining.submit"), `[21,"Job not found",null]`)
		c.Hang()
	})
	m := mine(t, server, Config{SubmitStale: true})
	old := m.job()
	m.job()
	if v := m.submit(share(old, 1)); v.Kind != work.Stale {
		t.Error(v)
	}
}

func TestOldJobsAreForgotten(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i := range 66 {
			c.Notify(sampleWith(fmt.Sprint(i), func(j *stratumtest.Job) { j.Clean = false }))
		}
		judge(c)
	})
	m := mine(t, server, Config{})
	var jobs []*work.Job
	for range 66 {
		jobs = append(jobs, m.job())
	}
	if v := m.submit(share(jobs[1], 1)); v.Kind != work.Stale {
		t.Errorf("share of the 65th newest job: %v", v)
	}
	if v := m.submit(share(jobs[2], 2)); v.Kind != work.Accepted {
		t.Errorf("share of the 64th newest job: %v", v)
	}
}

func TestDuplicatesAreBounded(t *testing.T) {
	var d duplicates
	hash := func(i int) hashing.Hash { return hashing.Hash{byte(i), byte(i >> 8), byte(i >> 16)} }
	for i := range duplicateMemory + 10 {
		if !d.add(hash(i)) || d.add(hash(i)) {
			t.Fatalf("hash %d", i)
		}
	}
	if len(d.known) != duplicateMemory || len(d.order) != duplicateMemory {
		t.Errorf("%d hashes known", len(d.known))
	}
	if !d.add(hash(3)) || d.add(hash(duplicateMemory)) {
		t.Error("the wrong ones were forgotten")
	}
}

// TestStorm: many shares at once, replies in any order and id form; each
// share gets the verdict of its own reply.
func TestStorm(t *testing.T) {
	const shares = 50
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		var asked []stratumtest.Request
		for range shares {
			asked = append(asked, c.Expect("mining.submit"))
		}
		for i := range asked {
			r := asked[len(asked)-1-i]
			nonce := r.Params[4].(string)
			switch nonce[7] % 3 {
			case 0:
				c.Send(`{"id":%s.0,"result":true}`, r.ID)
				c.Send(`{"id":%s,"error":[23,"twice",null]}`, r.ID) // the first answer counts
			case 1:
				c.Send(`{"id":"%s","result":null,"error":[20,"nonce %s",null],"method":"mining.submit"}`, r.ID, nonce)
			default:
				c.Send(`{"id":%s,"result":false,"error":null,"reject-reason":"stale"}`, r.ID)
			}
		}
		c.Hang()
	})
	m := mine(t, server, Config{})
	job := m.job()
	var all sync.WaitGroup
	for n := range uint32(shares) {
		all.Go(func() {
			nonce := fmt.Sprintf("%08x", n)
			v := m.submit(share(job, n))
			ok := false
			switch nonce[7] % 3 {
			case 0:
				ok = v.Kind == work.Accepted
			case 1:
				ok = v.Kind == work.Rejected && v.Text == "nonce "+nonce
			default:
				ok = v.Kind == work.Stale
			}
			if !ok {
				t.Errorf("share %s: %v", nonce, v)
			}
		})
	}
	all.Wait()
}

func TestLostShares(t *testing.T) {
	silent := func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		c.Hang()
	}
	t.Run("timeout", func(t *testing.T) {
		m := mine(t, stratumtest.Serve(t, silent), Config{Limits: Limits{Submit: 20 * time.Millisecond}})
		job := m.job()
		for n := range uint32(5) {
			if v := m.submit(share(job, n)); !v.LostFor("timeout") {
				t.Errorf("share %d: %v", n, v)
			}
		}
		if err := m.end(); !strings.Contains(err.Error(), "without an answer") {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("disconnected", func(t *testing.T) {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(sample("1"))
			c.Read()
		})
		m := mine(t, server, Config{})
		job := m.job()
		if v := m.submit(share(job, 1)); !v.LostFor("disconnected") || !errors.Is(v.Cause, transport.ErrClosed) {
			t.Error(v)
		}
		m.end()
		if v := m.submit(share(job, 2)); !v.LostFor("disconnected") {
			t.Errorf("after the end: %v", v)
		}
	})
	t.Run("shutdown", func(t *testing.T) {
		written := make(chan struct{})
		m := mine(t, stratumtest.Serve(t, silent), Config{Trace: Trace{SubmitWritten: func(*work.Share, time.Time) { close(written) }}})
		job := m.job()
		go func() { <-written; m.stop() }()
		if v := m.submit(share(job, 1)); !v.LostFor("shutdown") {
			t.Error(v)
		}
	})
	t.Run("waits for its turn", func(t *testing.T) {
		var written atomic.Int32
		config := Config{Limits: Limits{Shares: 1}, Trace: Trace{SubmitWritten: func(*work.Share, time.Time) { written.Add(1) }}}
		bubble(t, silent, config, func(t *testing.T, m *miner) {
			job := m.job()
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan work.Verdict, 1), make(chan work.Verdict, 1)
			go func() { first <- m.Submit(ctx, share(job, 1)) }()
			synctest.Wait()
			go func() { second <- m.Submit(t.Context(), share(job, 2)) }()
			synctest.Wait()
			if n := written.Load(); n != 1 {
				t.Errorf("%d shares under way, want 1, the limit", n)
			}
			cancel()
			if v := <-first; !v.LostFor(work.LostShutdown) {
				t.Error(v)
			}
			synctest.Wait()
			if n := written.Load(); n != 2 {
				t.Errorf("%d shares written, want the second, too", n)
			}
			m.stop()
			if v := <-second; !v.LostFor(work.LostShutdown) {
				t.Error(v)
			}
		})
	})
	t.Run("never authorized", func(t *testing.T) {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Read(), `[[],"00",4]`)
			c.Notify(sample("1"))
			c.Hang()
		})
		m := mine(t, server, Config{NoConfigure: true, Limits: Limits{Authorize: 20 * time.Millisecond}})
		if v := m.submit(share(m.job(), 1)); !v.LostFor("timeout") {
			t.Error(v)
		}
	})
}

// TestRetire: a session is left between two shares, never during one.
func TestRetire(t *testing.T) {
	got := make(chan stratumtest.Request)
	m := mine(t, stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		for {
			r := c.Expect("mining.submit")
			got <- r
			<-got
			c.Result(r, "true")
		}
	}), Config{})
	job := m.job()
	verdict := make(chan work.Verdict, 1)
	go func() { verdict <- m.submit(share(job, 1)) }()
	r := <-got
	if m.Retire() {
		t.Error("retired with a share under way")
	}
	got <- r
	if v := <-verdict; v.Kind != work.Accepted {
		t.Error(v)
	}
	if !m.Retire() {
		t.Error("not retired, without a share under way")
	}
	v := m.submit(share(job, 2))
	if !v.LostFor(work.LostDisconnected) || v.Sent {
		t.Errorf("verdict %v after that, want one that lets the share be held", v)
	}
	if n := m.Pending(); n != 0 {
		t.Errorf("%d shares pending", n)
	}
}

// TestDeauthorized: a pool that no longer knows the user gets a new
// connection.
func TestDeauthorized(t *testing.T) {
	for failure, reason := range map[string]string{
		`[24,"Unauthorized worker secret",null]`: work.ReasonUnauthorized, `[25,"Not subscribed",null]`: work.ReasonNotSubscribed,
	} {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(sample("1"))
			c.Error(c.Expect("mining.submit"), failure)
			c.Hang()
		})
		m := mine(t, server, Config{})
		v := m.submit(share(m.job(), 1))
		if !v.RejectedFor(reason) || strings.Contains(v.String(), "secret") {
			t.Errorf("%s: %v", failure, v)
		}
		if err := m.end(); !errors.Is(err, ErrDeauthorized) || !strings.Contains(err.Error(), "no longer knows the user") {
			t.Errorf("%s: ended with %v", failure, err)
		}
	}
}

func TestTrace(t *testing.T) {
	var mu sync.Mutex
	var received, written []time.Time
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		judge(c)
	})
	m := mine(t, server, Config{Trace: Trace{
		JobReceived:   func(at time.Time) { mu.Lock(); received = append(received, at); mu.Unlock() },
		SubmitWritten: func(_ *work.Share, at time.Time) { mu.Lock(); written = append(written, at); mu.Unlock() },
	}})
	job := m.job()
	if v := m.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Fatal(v)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(received) != 1 || received[0] != job.Received || len(written) != 1 || written[0].Before(job.Received) {
		t.Errorf("received %v, written %v", received, written)
	}
}

func TestCheckCredentials(t *testing.T) {
	if err := CheckCredentials("user", "x", "quarry", Limits{}); err != nil {
		t.Error(err)
	}
	for _, c := range [][3]string{{strings.Repeat("u", 700), "x", ""}, {"u", strings.Repeat("ä", 160), ""}, {"u", "x", strings.Repeat("a", 950)}} {
		if err := CheckCredentials(c[0], c[1], c[2], Limits{}); err == nil || strings.Contains(err.Error(), "ääää") {
			t.Errorf("%.20q: %v", c, err)
		}
	}
}

// TestGuardInASession: what is too much ends as lost, and says why.
func TestGuardInASession(t *testing.T) {
	pool := func(p *pc) {
		p.Welcome(stratumtest.Usual())
		p.Difficulty("1e-300")
		p.Notify(sample("1"))
		judge(p)
	}
	bubble(t, pool, Config{Limits: Limits{ShareRate: 1, ShareBurst: 2}}, func(t *testing.T, m *miner) {
		job := m.job()
		for n := range uint32(3) {
			switch v := m.submit(share(job, n)); {
			case n < 2 && v.Kind != work.Accepted, n == 2 && !v.LostFor(work.LostTooMany):
				t.Errorf("share %d: %v", n, v)
			}
		}
	})
}
