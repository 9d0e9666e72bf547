package stratum

import (
	"context"
	"errors"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// authorizeCases: authorization, and answers that do not come or come twice.
func authorizeCases() []hostileCase {
	return []hostileCase{
		{name: "not-authorized", run: hostileUnauthorized, slow: true},
		{name: "authorized-by-null", run: hostileAuthorizedByNull},
		{name: "deauthorized-later", run: hostileDeauthorized},
		{name: "submit-unanswered", run: hostileUnanswered, slow: true},
		{name: "submit-answered-twice", run: hostileAnsweredTwice},
	}
}

// hostileUnauthorized: no mining for a pool that refuses the user, or does not
// answer.
func hostileUnauthorized(t *testing.T) {
	refuse := func(answer string) stratumtest.Script {
		return func(c *pc) {
			c.Result(c.Expect("mining.configure"), `{}`)
			c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
			c.Difficulty("1")
			c.Notify(today("1").Params()) // before the authorization, as many do
			request := c.Expect("mining.authorize")
			if answer != "" {
				c.Send(`{"id":%s,%s}`, request.ID, answer)
			}
			c.Hang()
		}
	}
	for name, answer := range map[string]string{
		"false": `"result":false,"error":null`,
		"error": `"result":null,"error":[24,"no such user",null]`,
		"text":  `"result":null,"error":"Failed subscription"`,
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, pools(stratumtest.Serve(t, refuse(answer)).URL), func(r *running) { still(r); r.enough = 7 })
			if err := r.end(); !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			r.paused(30*time.Second, time.Minute, 2*time.Minute, 4*time.Minute, 8*time.Minute, 10*time.Minute, 10*time.Minute)
			r.logged("pool failed", `the pool refuses the user "user.rig"`)
		})
		t.Run(name+", with a backup", func(t *testing.T) {
			server, backup := stratumtest.Serve(t, refuse(answer)), stratumtest.Serve(t, works)
			r := mineFailures(t, pools(server.URL, backup.URL))
			early := r.jobOf(server)
			if v := r.submit(share(early, 1)); v.Kind == work.Accepted {
				t.Error("a share was accepted before the authorization")
			}
			r.noWorkFor(early)
			r.keeps(backup, r.givesWay(server, backup, 1), 1)
		})
	}
	// A pool that does not answer is left at once, too, but tried again after the
	// usual pauses: nothing says that the user is wrong.
	t.Run("silence", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, refuse("")), stratumtest.Serve(t, works)
		options := pools(server.URL, backup.URL)
		options.Limits.Handshake = time.Second // of the steps that are answered, too
		r := mineFailures(t, options)
		early := r.jobOf(server)
		r.drops(server, "no answer to mining.authorize", time.Second)
		r.noWorkFor(early)
		r.keeps(backup, r.givesWay(server, backup, 1), 1)
	})
}

// hostileAuthorizedByNull: a null result without an error authorizes (p2pool).
func hostileAuthorizedByNull(t *testing.T) {
	for _, answer := range []string{`"result":null,"error":null`, `"error":null`, `"result":null`, `"result":true`} {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Expect("mining.configure"), `{}`)
			c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
			c.Send(`{"id":%s,%s}`, c.Expect("mining.authorize").ID, answer)
			c.Notify(today("1").Params())
			accepts(c)
		})
		r := run(t, pools(server.URL), nil)
		r.keeps(server, r.jobOf(server), 1)
		r.logged("authorized", "user.rig")
		if !r.authorized(0) {
			t.Errorf("%s: status %+v", answer, r.Status()[0])
		}
		r.stop()
	}
}

// hostileDeauthorized: a pool that no longer knows the user we authorized gets
// a new handshake at once; one that does so again is left alone for 10 minutes
// at least.
func hostileDeauthorized(t *testing.T) {
	refuses := func(c *pc) {
		c.Welcome(newOffer()) // so that the share it refused is not tried again
		c.Notify(today("1").Params())
		for {
			c.Error(c.Expect("mining.submit"), `[24,"unauthorized-user",null]`)
		}
	}
	t.Run("alone", func(t *testing.T) {
		server := stratumtest.Serve(t, refuses)
		r := run(t, pools(server.URL), func(r *running) { still(r); r.enough = 2 })
		for nonce := range uint32(2) {
			job := r.jobOf(server)
			if v := r.submit(share(job, nonce)); !v.RejectedFor(work.ReasonUnauthorized) {
				t.Errorf("verdict %v", v)
			}
			r.noWorkFor(job)
		}
		if err := r.end(); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.waits) != 2 || r.waits[0] > time.Second || r.waits[1] < 10*time.Minute {
			t.Errorf("paused %v, want hardly, and then 10 minutes", r.waits)
		}
		if n := server.Connections(); n != 2 {
			t.Errorf("%d connections", n)
		}
		r.logged("pool lost", "unauthorized-user")
	})
	t.Run("with a backup", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, refuses), stratumtest.Serve(t, works)
		r := mineFailures(t, pools(server.URL, backup.URL))
		for range 2 {
			r.submit(share(r.next("1"), 1))
			r.noWork()
		}
		r.keeps(backup, r.givesWay(server, backup, 2), 1)
		if n := server.Connections(); n != 2 {
			t.Errorf("%d connections to the pool that does not know us", n)
		}
	})
}

// hostileUnanswered: a share without an answer is lost; five in a row, and
// nothing else from the pool, end the connection.
func hostileUnanswered(t *testing.T) {
	shares := make(chan stratumtest.Request, 20)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for {
			s := c.Expect("mining.submit")
			shares <- s
			if s.Params[4] == "00000001" {
				c.Result(s, "true")
			}
		}
	}, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("2").Params())
		takes(c, shares)
	})
	options := pools(server.URL)
	options.Limits.Submit = 2 * time.Second // in which a busy machine answers share 1
	r := run(t, options, nil)
	job := r.jobOf(server)
	unanswered := func(nonces ...uint32) {
		var verdicts []<-chan work.Verdict
		for _, nonce := range nonces {
			verdicts = append(verdicts, r.later(share(job, nonce)))
		}
		for _, of := range verdicts {
			if v := r.verdict(of); !v.LostFor(work.LostTimeout) || !v.Sent {
				t.Errorf("verdict %v, want lost by a timeout", v)
			}
		}
	}
	unanswered(100, 101, 102, 103)
	r.keeps(server, job, 1) // answered: the count starts again
	unanswered(200, 201, 202, 203)
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections after four unanswered submits", n)
	}
	unanswered(300)
	r.drops(server, "5 submits in a row without an answer", time.Second)
	again := r.jobOf(server)
	if again.ID != "2" {
		t.Errorf("job %+v", again)
	}
	if v := r.submit(share(again, 2)); v.Kind != work.Accepted {
		t.Errorf("over the next connection: %v", v)
	}
}

// hostileAnsweredTwice: the first answer counts, the second is one to nothing
// we asked: ignored, unless it happens too often.
func hostileAnsweredTwice(t *testing.T) {
	more := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		var last stratumtest.Request
		for _, first := range []bool{true, false, true} {
			last = c.Expect("mining.submit")
			for _, accepted := range []bool{first, !first} {
				if accepted {
					c.Result(last, "true")
				} else {
					c.Error(last, `[23,"Low difficulty share",null]`)
				}
			}
		}
		waitFor(t, more)
		for range 110 {
			c.Error(last, `[23,"Low difficulty share",null]`)
		}
		c.Hang()
	}, works)
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Errorf("accepted, then rejected: %v", v)
	}
	if v := r.submit(share(job, 2)); !v.RejectedFor(work.ReasonLowDifficulty) {
		t.Errorf("rejected, then accepted: %v", v)
	}
	r.keeps(server, job, 3)
	r.nothingMore()
	close(more)
	r.drops(server, "100 unsolicited replies", time.Second)
	r.jobOf(server)
}
