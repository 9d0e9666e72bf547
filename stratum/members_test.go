package stratum

import (
	"errors"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/telemetry"
	"quarry/work"
)

// TestExpiryWithoutASession: for a pool whose port takes connections and hangs up
// the last job expires just as for one that cannot be reached.
func TestExpiryWithoutASession(t *testing.T) {
	t.Parallel()
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
	}, func(*pc) {})
	r := run(t, pools(server.URL), waitsBriefly)
	r.jobOf(server)
	r.noWork()
	if n := server.Connections(); n < 2 {
		t.Errorf("%d connections: the pool was not tried again", n)
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
	r := run(t, pools(jobless.URL, second.URL), func(r *running) { r.rules.Failures = 1000 })
	r.jobOf(second.Server)
	if n := jobless.Connections(); n > 3 {
		t.Errorf("the second pool was tried after %d connections to the first", n)
	}
}

// TestRestEnds: a pool that was left as unhealthy is tried again at once when no
// other is left.
func TestRestEnds(t *testing.T) {
	first, second := newSteady(t), newSteady(t)
	r := run(t, pools(first.URL, second.URL), func(r *running) { r.rules.Rest = 24 * time.Hour })
	r.jobOf(first.Server)
	r.health(0, errors.New("it rejects all"))
	two := r.jobOf(second.Server)
	<-first.gone
	second.down.Store(true)
	if v := r.submit(share(two, 1)); !disconnected(v) {
		t.Errorf("verdict %v", v)
	}
	r.noWork()
	r.jobOf(first.Server)
}

// TestCredit: a pool that worked well until it was left starts afresh, whatever
// was before.
func TestCredit(t *testing.T) {
	t.Parallel()
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	second.down.Store(true)
	r := run(t, pools(first.URL, second.URL), nil)
	if !eventually(func() bool { return r.Status()[1].Failures > 2 }) {
		t.Fatal("the second pool does not fail")
	}
	second.down.Store(false)
	r.jobOf(second.Server)
	first.down.Store(false)
	r.jobOf(first.Server) // healthy for two minutes, and so was the second
	<-second.gone
	if !eventually(func() bool { return r.Status()[1].Failures == 0 }) {
		t.Errorf("status %+v", r.Status()[1])
	}
}

// TestDrainingIsNotChosen: a pool that is being left is not mined again because
// its last verdict is not in yet.
func TestDrainingIsNotChosen(t *testing.T) {
	t.Parallel()
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	r := run(t, pools(first.URL, second.URL), func(r *running) { r.rules.Drain = 24 * time.Hour })
	two := r.jobOf(second.Server)
	second.mute.Store(true)
	open := r.later(share(two, 1))
	first.down.Store(false)
	one := r.jobOf(first.Server)
	if !eventually(func() bool { return r.Status()[1].State == telemetry.PoolLeaving }) {
		t.Fatal("the second pool is not left")
	}
	before := r.logs.FilterMessage("pool lost").Len()
	first.down.Store(true)
	if v := r.submit(share(one, 2)); !disconnected(v) {
		t.Errorf("verdict %v", v)
	}
	r.noWork()
	if !eventually(func() bool { // one more decision
		return r.logs.FilterMessage("pool lost").Len() > before && r.logs.FilterMessage("no work available").Len() > 0
	}) {
		t.Error("nothing is logged about it")
	}
	if len(r.jobs) > 0 {
		t.Errorf("a job of %s, which is being left", (<-r.jobs).Pool)
	}
	second.mute.Store(false)
	if v := r.verdict(open); v.Kind != work.Accepted {
		t.Errorf("verdict %v", v)
	}
}

// TestSentStaysSent: a share that the pool may have accepted stays so when it
// cannot be sent again.
func TestSentStaysSent(t *testing.T) {
	server := resumes(t, stratumtest.Sample("1"), func(c *pc) { c.Expect("mining.submit") }, func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), func(r *running) { r.rules.Queued = 0 }) // so that it is lost at once
	job := r.jobOf(server)
	if v := r.submit(share(job, 1)); v.Kind != work.Lost || !v.Sent {
		t.Errorf("verdict %v", v)
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
