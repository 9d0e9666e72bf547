package stratum

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/telemetry"
	"quarry/upstream"
	"quarry/work"
)

// steady is a pool that accepts shares until it is told to be down; while it
// is down it hangs up at once.
type steady struct {
	*stratumtest.Server
	down   atomic.Bool
	mute   atomic.Bool   // no answer to a submit until it is unset
	shares chan string   // nonces
	gone   chan struct{} // one for each connection that ended
}

func newSteady(t *testing.T) *steady {
	s := &steady{shares: make(chan string, 1000), gone: make(chan struct{}, 1000)}
	s.Server = stratumtest.Serve(t, func(c *pc) {
		if s.down.Load() {
			return
		}
		defer func() { s.gone <- struct{}{} }()
		c.Welcome(newOffer())
		c.Notify(stratumtest.Sample("1").Params())
		for {
			r := c.Expect("mining.submit")
			if s.down.Load() {
				return
			}
			for s.mute.Load() {
				time.Sleep(time.Millisecond)
			}
			s.shares <- fmt.Sprint(r.Params[4])
			c.Result(r, "true")
		}
	})
	return s
}

// TestFailback: the first pool takes over again only after it was healthy for
// a while, without a gap, and the second one is left only when its verdicts
// are in.
func TestFailback(t *testing.T) {
	t.Parallel()
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	r := run(t, pools(first.URL, second.URL), nil)
	two := r.jobOf(second.Server)
	r.logged("active pool", second.URL)
	second.mute.Store(true)
	open := r.later(share(two, 7))
	back := r.now()
	first.down.Store(false)
	one := r.jobOf(first.Server) // no nil in between: hashing never stopped
	if after := r.now().Sub(back); after < r.rules.Failback {
		t.Errorf("the first pool took over after %v", after)
	}
	r.logged("active pool", "it is preferred and healthy again")
	last := r.later(share(two, 8)) // found in the last batch
	second.mute.Store(false)
	for _, of := range []<-chan work.Verdict{open, last} {
		if v := r.verdict(of); v.Kind != work.Accepted {
			t.Errorf("share of the pool that was left: %v", v)
		}
	}
	if v := r.submit(share(one, 9)); v.Kind != work.Accepted {
		t.Error(v)
	}
	<-second.gone
	for _, c := range []struct {
		pool *steady
		want []string
	}{{first, []string{"00000009"}}, {second, []string{"00000007", "00000008"}}} {
		if len(c.pool.shares) != len(c.want) {
			t.Errorf("%s got %d shares, want %v", c.pool.URL, len(c.pool.shares), c.want)
		}
		for _, want := range c.want {
			if got := <-c.pool.shares; got != want {
				t.Errorf("%s got share %s, want %s", c.pool.URL, got, want)
			}
		}
	}
	if second.Connections() != 1 {
		t.Errorf("%d connections to the second pool", second.Connections())
	}
}

// TestBackAtOnce: a better pool that is on trial takes over when the worse one
// breaks, whatever is left of the trial.
func TestBackAtOnce(t *testing.T) {
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	options := pools(first.URL, second.URL)
	options.Failback = time.Hour
	r := run(t, options, nil)
	two := r.jobOf(second.Server)
	first.down.Store(false)
	r.atWork(0)
	second.down.Store(true)
	if v := r.submit(share(two, 1)); !disconnected(v) {
		t.Errorf("verdict %v", v)
	}
	r.noWorkFor(two)
	r.jobOf(first.Server)
}

// atWork waits until the pool works.
func (r *running) atWork(pool int) {
	r.t.Helper()
	if !eventually(func() bool {
		state := r.Status()[pool].State
		return state == telemetry.PoolReady || state == telemetry.PoolActive && r.authorized(pool)
	}) {
		r.t.Fatalf("pool %d does not work; the log: %v", pool+1, r.lines())
	}
}

// authorized reports whether shares of the pool's present session are taken.
func (r *running) authorized(pool int) bool {
	s, _ := r.taps[pool].last()
	return s != nil && s.Status().Authorized && r.Status()[pool].Connected
}

// TestDrainEnds: a pool that never answers is left nevertheless, after a few
// looks, and not connected to again for the shares that it did not answer.
func TestDrainEnds(t *testing.T) {
	first, second := newSteady(t), newSteady(t)
	first.down.Store(true)
	options := pools(first.URL, second.URL)
	options.Failback = 5 * time.Second
	const look = 1100*time.Millisecond + 1 // unlike any other pause
	var looks atomic.Int32
	r := run(t, options, func(r *running) {
		r.rules.DrainMin = look
		r.clock.Wait = func(ctx context.Context, d time.Duration) error {
			if d == look {
				looks.Add(1)
			}
			return r.wait(ctx, d)
		}
	})
	two := r.jobOf(second.Server)
	second.mute.Store(true)
	t.Cleanup(func() { second.mute.Store(false) })
	const shares = 60
	var open []<-chan work.Verdict
	for n := range uint32(shares) {
		open = append(open, r.later(share(two, 7+n)))
	}
	if !eventually(func() bool { return r.underWay(two) == shares }) {
		t.Error("the shares are not under way")
	}
	first.down.Store(false)
	r.jobOf(first.Server)
	for _, of := range open {
		if v := r.verdict(of); !disconnected(v) || !v.Sent || !strings.Contains(v.String(), "left the pool") {
			t.Errorf("verdict %v", v)
		}
	}
	if n := second.Connections(); n != 1 {
		t.Errorf("%d connections to the pool that was left, for shares that were sent", n)
	}
	if n := looks.Load(); n != 5 { // within 5 s
		t.Errorf("the pool was left after %d looks of %v, want 5", n, look)
	}
}

// TestNoWorkFailsOver: a pool that is connected but gives no work is given up
// for the next, long before it fails by itself.
func TestNoWorkFailsOver(t *testing.T) {
	silent := stratumtest.Serve(t, func(c *pc) { c.Hang() })
	second := newSteady(t)
	r := run(t, pools(silent.URL, second.URL), nil)
	r.jobOf(second.Server)
	if after := r.now().Sub(r.begun); after < r.rules.NoWork {
		t.Errorf("failed over after %v", after)
	}
	if silent.Connections() != 1 {
		t.Errorf("%d connections to the silent pool", silent.Connections())
	}
}

// TestSplitOverSockets: what the pools of a strategy with turns really get.
func TestSplitOverSockets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		strategy upstream.Strategy
		quotas   []int
		want     []float64
	}{
		{upstream.StrategyRoundRobin, []int{0, 0, 0}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{upstream.StrategyBalance, []int{60, 30, 10}, []float64{.6, .3, .1}},
	} {
		t.Run(string(c.strategy), func(t *testing.T) {
			t.Parallel()
			var urls []string
			for range c.quotas {
				urls = append(urls, newSteady(t).URL)
			}
			options := pools(urls...)
			options.Strategy, options.Turn = c.strategy, 10*time.Second
			for i, quota := range c.quotas {
				options.Pools[i].Quota = quota
			}
			r := run(t, options, nil)
			var served [3]time.Duration
			var last *work.Job
			var since time.Time
			for r.now().Sub(r.begun) < 10*time.Minute {
				job := r.job()
				if now := r.now(); last != nil {
					for i, url := range urls {
						if last.Pool == url {
							served[i] += now.Sub(since)
						}
					}
					last, since = job, now
				} else {
					last, since = job, now
				}
				if job == nil {
					t.Fatal("hashing stopped at a change of pools")
				}
				if v := r.submit(share(job, 1)); v.Kind != work.Accepted && v.Sent {
					t.Error(v)
				}
			}
			sum := served[0] + served[1] + served[2]
			for i, want := range c.want {
				if got := float64(served[i]) / float64(sum); got < want-0.07 || got > want+0.07 {
					t.Errorf("pool %d had %.3f of the time, want %.3f (%v)", i+1, got, want, served)
				}
			}
		})
	}
}
