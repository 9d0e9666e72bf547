package stratum

import (
	"errors"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// TestNoHopeWithoutASession: a pool whose port takes connections and hangs up is
// no more of a hope than one that cannot be reached. Its last job ends in time.
func TestNoHopeWithoutASession(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
	}, func(*pc) {})
	r := run(t, pools(server.URL), holdsBriefly)
	r.jobOf(server)
	r.noWork()
	if n := server.Connections(); n < 2 {
		t.Errorf("%d connections: what was to be tried did not happen", n)
	}
}

// TestIdleAcrossConnections: 30 s without work are 30 s, on however many
// connections.
func TestIdleAcrossConnections(t *testing.T) {
	second := newSteady(t)
	jobless := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		time.Sleep(25 * time.Second / speed)
	})
	r := run(t, pools(jobless.URL, second.URL), func(r *running) { r.rules.failures = 1000 })
	r.jobOf(second.Server)
	if n := jobless.Connections(); n > 3 {
		t.Errorf("the second pool was tried after %d connections to the first", n)
	}
}

// TestRestEnds: a pool that was left for a complaint is tried again at once when
// there is no other any more.
func TestRestEnds(t *testing.T) {
	first, second := newSteady(t), newSteady(t)
	r := run(t, pools(first.URL, second.URL), func(r *running) { r.rules.complaint = 24 * time.Hour })
	r.jobOf(first.Server)
	r.complain(r.pools[0], r.atWork(0), errors.New("it rejects all"))
	two := r.jobOf(second.Server)
	<-first.gone
	second.down.Store(true)
	if v := r.submit(share(two, 1)); !isDisconnected(v) {
		t.Errorf("verdict %v", v)
	}
	r.noWork()
	r.jobOf(first.Server)
}

// TestCredit: a pool that worked well until it was left begins anew, whatever
// was before.
func TestCredit(t *testing.T) {
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	r := run(t, pools(first.URL, second.URL), nil)
	r.jobOf(second.Server)
	r.Client.mu.Lock()
	p := r.pools[1]
	p.failures, p.backoff, p.quit = 7, maxBackoff, errors.New("long ago")
	r.Client.mu.Unlock()
	first.down.Store(false)
	r.jobOf(first.Server) // healthy for two minutes, and so was the second
	<-second.gone
	if !eventually(func() bool {
		r.Client.mu.Lock()
		defer r.Client.mu.Unlock()
		return p.failures == 0 && p.backoff == 0 && p.quit == nil
	}) {
		t.Errorf("%d failures, pause %v, reason %v", p.failures, p.backoff, p.quit)
	}
}

// TestDrainingIsNoChoice: a pool that is being left is not hashed for once more
// because its last verdict is not in yet.
func TestDrainingIsNoChoice(t *testing.T) {
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	r := run(t, pools(first.URL, second.URL), func(r *running) { r.rules.drain = 24 * time.Hour })
	two := r.jobOf(second.Server)
	second.mute.Store(true)
	open := r.later(share(two, 1))
	first.down.Store(false)
	one := r.jobOf(first.Server)
	if !eventually(func() bool {
		r.Client.mu.Lock()
		defer r.Client.mu.Unlock()
		return r.pools[1].leaving
	}) {
		t.Fatal("the second pool is not left")
	}
	before := r.logs.FilterMessage("pool lost").Len()
	first.down.Store(true)
	if v := r.submit(share(one, 2)); !isDisconnected(v) {
		t.Errorf("verdict %v", v)
	}
	r.noWork()
	if !eventually(func() bool { // one more decision
		return r.logs.FilterMessage("pool lost").Len() > before && r.logs.FilterMessage(noWork).Len() > 0
	}) {
		t.Error("nothing is said of it")
	}
	if len(r.jobs) > 0 {
		t.Errorf("a job of %s, which is being left", (<-r.jobs).Pool)
	}
	second.mute.Store(false)
	if v := r.verdict(open); v.Kind != work.Accepted {
		t.Errorf("verdict %v", v)
	}
}

// TestForgottenOnce: a pool that resumed a session and knew none of its jobs has
// shown it once, however many jobs there were.
func TestForgottenOnce(t *testing.T) {
	r, verdicts := heldFor(t, 2, 2, gives(stratumtest.Usual(), "1", "2"), func(c *pc, _ []*work.Job) {
		gives(stratumtest.Usual(), "2")(c)
		for {
			c.Error(c.Expect("mining.submit"), `[21,"Job not found",null]`)
		}
	})
	for _, of := range verdicts {
		if v := r.verdict(of); v.Kind != work.Stale {
			t.Errorf("verdict %v", v)
		}
	}
	if n := r.forgot(0); n != 1 {
		t.Errorf("forgot %d times", n)
	}
}

// TestSentStaysSent: that the pool may have taken a share is not forgotten when
// its second sending comes to nothing.
func TestSentStaysSent(t *testing.T) {
	server := resumes(t, stratumtest.Sample("1"), func(c *pc) { c.Expect("mining.submit") }, func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), func(r *running) { r.rules.queued = 0 }) // so that it is lost at once
	job := r.jobOf(server)
	if v := r.submit(share(job, 1)); v.Kind != work.Lost || !v.Sent {
		t.Errorf("verdict %v", v)
	}
	before := work.LostTo(errors.New("x"))
	for verdict, want := range map[work.Verdict]work.VerdictKind{
		before: work.Lost,
		{Kind: work.Lost, Reason: work.LostTooMany}:             work.Lost,
		{Kind: work.Lost, Reason: work.LostTimeout, Sent: true}: work.Lost,
		{Kind: work.Stale}:             work.Lost,
		{Kind: work.Stale, Sent: true}: work.Lost,
		{Kind: work.Rejected, Reason: work.ReasonLowDifficulty, Sent: true}:       work.Lost,
		{Kind: work.Rejected, Reason: work.ReasonDuplicate}:                       work.Lost, // by our own memory
		{Kind: work.Rejected, Reason: work.ReasonDuplicate, Code: 22, Sent: true}: work.Accepted,
		{Kind: work.Accepted, Sent: true}:                                         work.Accepted,
	} {
		if after := final(verdict, before, true); after.Kind != want || !after.Sent {
			t.Errorf("%v becomes %v", verdict, after)
		}
		if after := final(verdict, before, false); after != verdict {
			t.Errorf("%v of a share that was not sent before becomes %v", verdict, after)
		}
	}
}

// TestEchoedSecret: what a pool says of our password in any error stays out of
// the log (see run).
func TestEchoedSecret(t *testing.T) {
	malformed := stratumtest.Sample("1")
	malformed.Coinb1 = "hunter2"
	for name, c := range map[string]struct {
		server *stratumtest.Server
		said   string
	}{
		"in a subscription": {stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Expect("mining.configure"), `{}`)
			c.Result(c.Expect("mining.subscribe"), `[[],"hunter2",4]`)
		}), "mining.subscribe failed"},
		"in jobs": {stratumtest.Serve(t, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			for range 3 {
				c.Notify(malformed.Params())
			}
			c.Hang()
		}), "malformed jobs in a row"},
		"in a websocket's farewell": {stratumtest.ServeWS(t, func(c *pc) {
			c.WS.WriteMessage(8, append([]byte{3, 0xf0}, "hunter2"...))
		}), "(1008)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, pools(c.server.URL), nil)
			r.logged("pool failed", c.said)
		})
	}
}

// TestSuspectsDoNotAlternate: of two pools with complaints the one that is
// hashed for stays.
func TestSuspectsDoNotAlternate(t *testing.T) {
	suspect := view{works: time.Hour, trial: time.Minute, suspect: true}
	for active := range 2 {
		if c := StrategyFailover.choose(rulesFor(Options{}), []view{suspect, suspect}, active, 0); c.active != active {
			t.Errorf("pool %d is left for %d: %s", active, c.active, c.why)
		}
	}
}
