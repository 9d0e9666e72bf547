package stratum

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
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
func (r *running) later(s *work.Share) <-chan work.Verdict {
	verdict := make(chan work.Verdict, 1)
	go func() { verdict <- r.submit(s) }()
	return verdict
}

func (r *running) verdict(of <-chan work.Verdict) work.Verdict {
	r.t.Helper()
	select {
	case err := <-of:
		return err
	case <-time.After(patience):
		r.t.Fatalf("no verdict; the log: %v", r.logs.All())
		return work.Verdict{}
	}
}

// TestResubmitted: a share that was not answered is sent again over the resumed
// session, and one that is found meanwhile for the first time.
func TestResubmitted(t *testing.T) {
	received := make(chan stratumtest.Request, 10)
	back := make(chan struct{})
	server := resumes(t, stratumtest.Sample("1"),
		func(c *pc) { c.Expect("mining.submit") }, // takes it, and hangs up
		func(c *pc) { waitFor(t, back); takes(c, received) })
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	unanswered := r.later(share(job, 1))
	r.logged("pool gave the same extranonce1 as before", server.URL)
	if n := r.told("pool resumed the session"); n > 0 {
		t.Error("said to be resumed before the pool took a share")
	}
	meanwhile := r.later(share(job, 2))
	close(back)
	for _, of := range []<-chan work.Verdict{unanswered, meanwhile} {
		if v := r.verdict(of); v.Kind != work.Accepted {
			t.Error(v)
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
	r.logged("pool resumed the session", server.URL)
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
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Errorf("a share that the pool knows from the connection before: %v", v)
	}
	if v := r.submit(share(job, 2)); !v.RejectedFor(work.ReasonDuplicate) {
		t.Errorf("a share that it should not know: %v", v)
	}
}

// TestResubmittedInVain: a new block, new extranonces, or no session at all.
func TestResubmittedInVain(t *testing.T) {
	t.Parallel()
	hangUp := func(c *pc) { c.Expect("mining.submit") }
	newBlock := onBlock(1, stratumtest.Sample("2"))
	for name, c := range map[string]struct {
		next stratumtest.Script
		want func(work.Verdict) bool
	}{
		"new block": {func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(newBlock.Params())
			c.Read()
			t.Error("a share for an old block was sent")
		}, func(v work.Verdict) bool { // the pool may have taken it
			return disconnected(v) && v.Sent && strings.Contains(v.String(), "too late")
		}},
		"new extranonces": {func(c *pc) {
			offer := stratumtest.Usual()
			offer.Extranonce1 = "01020304"
			c.Welcome(offer)
			c.Notify(stratumtest.Sample("1").Params())
			c.Read()
			t.Error("a share with another extranonce1 was sent")
		}, func(v work.Verdict) bool {
			return disconnected(v) && strings.Contains(v.String(), "another extranonce1")
		}},
		"other size": {func(c *pc) {
			offer := stratumtest.Usual()
			offer.Size = 8
			c.Welcome(offer)
			c.Notify(stratumtest.Sample("1").Params())
			c.Read()
			t.Error("a share with another size of the extranonce2 was sent")
		}, disconnected},
		"never back": {func(c *pc) {}, func(v work.Verdict) bool {
			return disconnected(v) && strings.Contains(v.String(), "did not come back")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			server := stratumtest.Serve(t, func(c *pc) {
				c.Welcome(stratumtest.Usual())
				c.Notify(stratumtest.Sample("1").Params())
				hangUp(c)
			}, c.next)
			var change func(*running)
			if name == "never back" {
				change = waitsBriefly
			}
			r := run(t, pools(server.URL), change)
			if v := r.submit(share(r.jobOf(server), 1)); !c.want(v) {
				t.Errorf("verdict %v", v)
			}
		})
	}
}

// TestResubmittedForAnOldBlock: a share that was never sent is stale after a new
// block.
func TestResubmittedForAnOldBlock(t *testing.T) {
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
	if v := r.verdict(verdict); v.Kind != work.Stale || v.Sent {
		t.Errorf("verdict %v", v)
	}
}

// TestMiningWhileAway: the last job stays as long as its shares may be worth
// something, and no longer.
func TestMiningWhileAway(t *testing.T) {
	t.Parallel()
	server := resumes(t, stratumtest.Sample("1"), func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), waitsBriefly)
	r.jobOf(server)
	before := r.now()
	server.Close()
	r.noWork()
	if away := r.now().Sub(before); away < r.rules.Resubmit {
		t.Errorf("hashing stopped after %v", away)
	}
	r.logged("no work available", "")
}

// TestQueueIsBounded: more shares than the limit are lost at once.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	server := resumes(t, stratumtest.Sample("1"), func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), waitsBriefly)
	job := r.jobOf(server)
	server.Close()
	r.logged("pool lost", server.URL)
	var verdicts []<-chan work.Verdict
	for nonce := range uint32(r.rules.Queued + 5) {
		verdicts = append(verdicts, r.later(share(job, nonce)))
	}
	full := 0
	for _, of := range verdicts {
		v := r.verdict(of)
		if !disconnected(v) {
			t.Errorf("verdict %v", v)
		}
		if strings.Contains(v.String(), "queued already") {
			full++
		}
	}
	if full != 5 {
		t.Errorf("%d shares found no room, want 5", full)
	}
	r.logged("no work available", "")
}
