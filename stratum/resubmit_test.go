package stratum

import (
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// queued has shares wait for a pool whose second connection goes by the script.
func queued(t *testing.T, shares uint32, offer stratumtest.Offer, script func(*pc)) (r *running, verdicts []<-chan work.Verdict) {
	t.Helper()
	return queuedFor(t, shares, 1, gives(stratumtest.Usual(), "1"), func(c *pc, _ []*work.Job) {
		gives(offer, "1")(c)
		script(c)
	})
}

// gives is the beginning of a session.
func gives(offer stratumtest.Offer, jobs ...string) stratumtest.Script {
	return func(c *pc) {
		c.Welcome(offer)
		for _, id := range jobs {
			c.Notify(stratumtest.Sample(id).Params())
		}
	}
}

// queuedFor has shares of the first connection's jobs, in turns, wait for a pool
// that comes back once they do.
func queuedFor(t *testing.T, shares uint32, jobs int, first stratumtest.Script, second func(*pc, []*work.Job)) (r *running, verdicts []<-chan work.Verdict) {
	t.Helper()
	var given []*work.Job
	ready := make(chan struct{})
	server := stratumtest.Serve(t, first, func(c *pc) {
		waitFor(t, ready)
		second(c, given)
	})
	r = run(t, pools(server.URL), nil)
	for range jobs {
		given = append(given, r.jobOf(server))
	}
	r.logged("pool lost", server.URL)
	for nonce := range shares {
		verdicts = append(verdicts, r.later(share(given[int(nonce)%jobs], nonce)))
	}
	if !eventually(func() bool { return r.waiting(0) == int(shares) }) {
		t.Fatalf("%d shares wait, want %d", r.waiting(0), shares)
	}
	close(ready)
	return r, verdicts
}

// forEver is longer than any test takes.
const forEver = 24 * time.Hour

func (r *running) waiting(pool int) int { return r.Status()[pool].Waiting }

// TestNoRollingNoShares: shares with version bits do not fit a session that has
// none.
func TestNoRollingNoShares(t *testing.T) {
	offer := stratumtest.Usual()
	offer.Mask = ""
	r, verdicts := queued(t, 3, offer, func(c *pc) {
		c.Read()
		t.Error("a share with version bits was sent")
	})
	for _, of := range verdicts {
		if v := r.verdict(of); !disconnected(v) || !strings.Contains(v.String(), "no version rolling") {
			t.Errorf("verdict %v", v)
		}
	}
}

// TestForgottenUser: a share that is refused because the pool no longer knows the
// user is good for the next session.
func TestForgottenUser(t *testing.T) {
	server := resumes(t, stratumtest.Sample("1"),
		func(c *pc) {
			c.Error(c.Expect("mining.submit"), `[24,"Unauthorized worker",null]`)
			c.Hang()
		},
		accepts)
	r := run(t, pools(server.URL), nil)
	if v := r.submit(share(r.jobOf(server), 1)); v.Kind != work.Accepted {
		t.Errorf("verdict %v", v)
	}
}

// TestForgottenForGood: without another session the verdict stays what it was.
func TestForgottenForGood(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		offer := stratumtest.Usual()
		offer.SessionID = "" // nothing to resume
		c.Welcome(offer)
		c.Notify(stratumtest.Sample("1").Params())
		c.Error(c.Expect("mining.submit"), `[24,"Unauthorized worker",null]`)
		c.Hang()
	})
	r := run(t, pools(server.URL), nil)
	if v := r.submit(share(r.jobOf(server), 1)); !v.RejectedFor(work.ReasonUnauthorized) {
		t.Errorf("verdict %v", v)
	}
}
