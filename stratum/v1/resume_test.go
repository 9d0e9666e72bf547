package v1

import (
	"context"
	"errors"
	"testing"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// TestCauseOfTheEnd: a session that is ended from outside says why, also in the
// middle of a step.
func TestCauseOfTheEnd(t *testing.T) {
	asked := make(chan struct{})
	m := newMiner(t, stratumtest.Pipe(t, func(c *pc) {
		c.Expect("mining.configure")
		close(asked)
		c.Hang()
	}), Config{})
	ctx, end := context.WithCancelCause(t.Context())
	why := errors.New("another pool is better")
	go func() {
		<-asked
		end(why)
	}()
	if err := m.Run(ctx); !errors.Is(err, why) {
		t.Errorf("ended with %v", err)
	}
}

// TestExtranonceOfTheSubscription: a pool that changed the extranonce within a
// session and resumes it with the new one gets no share with the old one.
func TestExtranonceOfTheSubscription(t *testing.T) {
	before := mine(t, stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		c.Send(`{"id":null,"method":"mining.set_extranonce","params":["01020304",4]}`)
		c.Notify(sample("2"))
		c.Hang()
	}), Config{Generation: 1})
	old, changed := before.job(), before.job()
	before.stop()
	before.end()

	offer := stratumtest.Usual()
	offer.Extranonce1 = "01020304"
	after := mine(t, stratumtest.Serve(t, func(c *pc) {
		c.Welcome(offer)
		c.Notify(sample("3"))
		for {
			r := c.Expect("mining.submit")
			if r.Params[1] != "2" {
				t.Errorf("the pool got %s", r.Line)
			}
			c.Result(r, "true")
		}
	}), Config{Generation: 2, ResumeState: before.ResumeState()})
	after.job()
	if v := after.submit(share(old, 1)); !v.LostFor("disconnected") || !errors.Is(v.Cause, work.ErrForeign) {
		t.Errorf("with the first extranonce: %v", v)
	}
	if v := after.submit(share(changed, 2)); v.Kind != work.Accepted {
		t.Errorf("with the one that was resumed: %v", v)
	}
}
