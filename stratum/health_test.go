package stratum

import (
	"fmt"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// TestUnhealthyPool: a pool that works but rejects everything is left for another,
// which is mined without a gap, and left alone for long.
func TestUnhealthyPool(t *testing.T) {
	t.Parallel()
	rejects := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
		for {
			c.Error(c.Expect("mining.submit"), `[20,"no",null]`)
		}
	})
	second := newSteady(t)
	r := run(t, pools(rejects.URL, second.URL), func(r *running) { r.rules.NoWork = forEver })
	r.jobOf(rejects)
	r.atWork(0)
	left := r.now()
	r.health(0, fmt.Errorf("it rejects all"))
	switched := r.jobOf(second.Server) // without a nil in between
	r.logged("active pool", "it rejects all")
	if v := r.submit(share(switched, 1)); v.Kind != work.Accepted {
		t.Error(v)
	}
	eventually(func() bool { return rejects.Connections() == 2 })
	if after := r.now().Sub(left); after < 9*time.Minute || rejects.Connections() != 2 {
		t.Errorf("connection %d to the first pool after %v", rejects.Connections(), after)
	}
}

// TestUnhealthyWithoutABackup: mining goes on.
func TestUnhealthyWithoutABackup(t *testing.T) {
	only := newSteady(t)
	dead := "stratum+tcp://" + stratumtest.ClosedPort(t)
	r := run(t, pools(only.URL, dead), nil)
	job := r.jobOf(only.Server)
	r.atWork(0)
	r.health(0, fmt.Errorf("it rejects all"))
	r.logged("pool failed", dead)
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Error(v)
	}
	r.health(0, nil)
	if len(r.jobs) > 0 {
		t.Errorf("published %+v", <-r.jobs)
	}
}

// health has the pool's present session report its health.
func (r *running) health(pool int, reason error) {
	r.atWork(pool)
	_, terms := r.taps[pool].last()
	terms.Events.Health(reason)
}
