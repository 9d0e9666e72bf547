package stratum

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/v1"
	"quarry/work"
)

// resumes is a pool that gives the same extranonces again, whose connections
// go by the scripts one after another, the last one for all that follow.
func resumes(t *testing.T, job stratumtest.Job, scripts ...func(c *pc)) *stratumtest.Server {
	var connections []stratumtest.Script
	for _, script := range scripts {
		connections = append(connections, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(job.Params())
			script(c)
		})
	}
	return stratumtest.Serve(t, connections...)
}

// later submits in the background.
func (r *running) later(s *work.Share) <-chan error {
	verdict := make(chan error, 1)
	go func() { verdict <- r.submit(s) }()
	return verdict
}

func (r *running) verdict(of <-chan error) error {
	r.t.Helper()
	select {
	case err := <-of:
		return err
	case <-time.After(patience):
		r.t.Fatalf("no verdict; the log: %v", r.logs.All())
		return nil
	}
}

// TestHeldShares: a share that was not answered is sent again over the resumed
// session, and one that is found meanwhile for the first time.
func TestHeldShares(t *testing.T) {
	received := make(chan stratumtest.Request, 10)
	back := make(chan struct{})
	server := resumes(t, stratumtest.Sample("1"),
		func(c *pc) { c.Expect("mining.submit") }, // takes it, and hangs up
		func(c *pc) { waitFor(t, back); takes(c, received) })
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	unanswered := r.later(share(job, 1))
	r.logged("the pool resumed the session", server.URL)
	meanwhile := r.later(share(job, 2))
	close(back)
	for _, of := range []<-chan error{unanswered, meanwhile} {
		if err := r.verdict(of); err != nil {
			t.Error(err)
		}
	}
	nonces := fmt.Sprint(await(t, received).Params[4], await(t, received).Params[4])
	if !strings.Contains(nonces, "00000001") || !strings.Contains(nonces, "00000002") {
		t.Errorf("the pool got %s", nonces)
	}
	for len(r.jobs) > 0 {
		if job := <-r.jobs; job == nil {
			t.Error("hashing stopped although the session could be resumed")
		}
	}
}

// TestTakenBefore: the pool had taken the share whose yes was lost.
func TestTakenBefore(t *testing.T) {
	server := resumes(t, stratumtest.Sample("1"),
		func(c *pc) { c.Expect("mining.submit") },
		func(c *pc) {
			for {
				c.Error(c.Expect("mining.submit"), `[22,"Duplicate share",null]`)
			}
		})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	if err := r.submit(share(job, 1)); err != nil {
		t.Errorf("a share that the pool knows from the connection before: %v", err)
	}
	if err := r.submit(share(job, 2)); !rejectedFor(err, work.ReasonDuplicate) {
		t.Errorf("a share that it should not know: %v", err)
	}
}

// TestHeldInVain: a new block, new extranonces, or no session at all.
func TestHeldInVain(t *testing.T) {
	hangUp := func(c *pc) { c.Expect("mining.submit") }
	newBlock := onBlock(1, stratumtest.Sample("2"))
	for name, c := range map[string]struct {
		next stratumtest.Script
		want func(error) bool
	}{
		"new block": {func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(newBlock.Params())
			c.Read()
			t.Error("a share for an old block was sent")
		}, func(err error) bool { // the pool may have taken it
			var lost *work.Lost
			return disconnected(err) && errors.As(err, &lost) && lost.Sent && !errors.Is(err, work.ErrStale) && strings.Contains(err.Error(), "too late")
		}},
		"new extranonces": {func(c *pc) {
			offer := stratumtest.Usual()
			offer.Extranonce1 = "01020304"
			c.Welcome(offer)
			c.Notify(stratumtest.Sample("1").Params())
			c.Read()
			t.Error("a share with another extranonce1 was sent")
		}, func(err error) bool { return disconnected(err) && strings.Contains(err.Error(), "another extranonce1") }},
		"other size": {func(c *pc) {
			offer := stratumtest.Usual()
			offer.Size = 8
			c.Welcome(offer)
			c.Notify(stratumtest.Sample("1").Params())
			c.Read()
			t.Error("a share with another size of the extranonce2 was sent")
		}, disconnected},
		"never back": {func(c *pc) {}, func(err error) bool { return disconnected(err) && strings.Contains(err.Error(), "did not come back") }},
	} {
		t.Run(name, func(t *testing.T) {
			server := stratumtest.Serve(t, func(c *pc) {
				c.Welcome(stratumtest.Usual())
				c.Notify(stratumtest.Sample("1").Params())
				hangUp(c)
			}, c.next)
			var change func(*running)
			if name == "never back" {
				change = holdsBriefly
			}
			r := run(t, pools(server.URL), change)
			if err := r.submit(share(r.jobOf(server), 1)); !c.want(err) {
				t.Errorf("verdict %v", err)
			}
		})
	}
}

// TestHeldForAnOldBlock: a share that was never sent is stale after a new
// block.
func TestHeldForAnOldBlock(t *testing.T) {
	away := make(chan struct{})
	newBlock := onBlock(1, stratumtest.Sample("2"))
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
	}, func(c *pc) {
		waitFor(t, away)
		c.Welcome(stratumtest.Usual())
		c.Notify(newBlock.Params())
		c.Read()
		t.Error("a share for an old block was sent")
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	r.logged("pool lost", server.URL)
	verdict := r.later(share(job, 1))
	close(away)
	if err := r.verdict(verdict); !errors.Is(err, work.ErrStale) || !errors.Is(err, work.ErrUnsent) {
		t.Errorf("verdict %v", err)
	}
}

// TestHashingWhileAway: the last job stays as long as its shares may be worth
// something, and no longer.
func TestHashingWhileAway(t *testing.T) {
	server := resumes(t, stratumtest.Sample("1"), func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), holdsBriefly)
	r.jobOf(server)
	before := r.now()
	server.Close()
	r.noWork()
	if away := r.now().Sub(before); away < r.rules.hold {
		t.Errorf("hashing stopped after %v", away)
	}
	r.logged("no work: hashing stands still until a pool gives a job", "")
}

// TestRoomOnceBack: while the held shares are on their way over the new
// connection, a late one of the old connection joins them.
func TestRoomOnceBack(t *testing.T) {
	c, err := New(Options{Pools: []Pool{{URL: "stratum+tcp://127.0.0.1:1", User: "u"}}})
	if err != nil {
		t.Fatal(err)
	}
	p, late := c.pools[0], &work.Share{Job: &work.Job{Session: 1}}
	p.current, p.holding = 1, c.rules.held
	if c.takeHold(p, late, false) {
		t.Error("room for more shares than are to be held")
	}
	p.current, p.session = 2, new(v1.Session)
	if !c.takeHold(p, late, false) {
		t.Error("no room although the pool is back")
	}
}

// TestHeldIsBounded: more shares than the limit are lost at once.
func TestHeldIsBounded(t *testing.T) {
	server := resumes(t, stratumtest.Sample("1"), func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), holdsBriefly)
	job := r.jobOf(server)
	server.Close()
	r.logged("pool lost", server.URL)
	var verdicts []<-chan error
	for nonce := range uint32(r.rules.held + 5) {
		verdicts = append(verdicts, r.later(share(job, nonce)))
	}
	full := 0
	for _, of := range verdicts {
		err := r.verdict(of)
		if !disconnected(err) {
			t.Errorf("verdict %v", err)
		}
		if strings.Contains(err.Error(), "being held already") {
			full++
		}
	}
	if full != 5 {
		t.Errorf("%d shares found no room, want 5", full)
	}
	r.logged("no work: hashing stands still until a pool gives a job", "")
}
