package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"quarry/telemetry"
	"quarry/work"
)

func TestPauses(t *testing.T) {
	now := time.Now()
	errBroken, broken := errors.New("broken"), Class{}
	working := outcome{worked: time.Minute, status: Status{Authorized: true}}
	short := outcome{worked: time.Second, status: Status{Authorized: true}}
	p := &pauses{}
	check := func(name string, end outcome, class Class, jitter float64, want time.Duration) {
		t.Helper()
		if got := p.failed(end, class, errBroken, now, jitter); got != want || !p.next.Equal(now.Add(want)) {
			t.Errorf("%s: %v until %v, want %v", name, got, p.next.Sub(now), want)
		}
	}
	check("first", outcome{}, broken, 0, time.Second)
	check("second, late", outcome{}, broken, 1, 2500*time.Millisecond)
	check("third, early", outcome{}, broken, -1, 3*time.Second)
	check("worked too short", short, broken, 0, 8*time.Second)
	check("worked long enough", working, broken, 0, time.Second)
	check("first, early", working, broken, -1, 1250*time.Millisecond)
	check("certificate", outcome{}, Class{Kind: Misconfigured}, 0, time.Minute)
	check("certificate, late", outcome{}, Class{Kind: Misconfigured}, 1, 45*time.Second)
	for _, seconds := range []time.Duration{30, 60, 120, 240, 480, 600, 600} {
		check("user refused", outcome{}, Class{Kind: Refused}, 0, seconds*time.Second)
	}
	check("authorized again", working, broken, 0, time.Second)
	check("user refused again", outcome{}, Class{Kind: Refused}, 0, 30*time.Second)
	check("deauthorized", short, Class{Kind: Deauthorized}, 0, time.Second)
	check("deauthorized again", short, Class{Kind: Deauthorized}, 0, 10*time.Minute)
	check("suspended", short, Class{Kind: Suspended}, 1, 0)
	for range 3 {
		check("reconnect", short, Class{Kind: Moved, Wait: 5 * time.Second}, 0, 5*time.Second)
	}
	check("reconnect in a loop", short, Class{Kind: Moved}, 0, 2*time.Second)
	now = now.Add(11 * time.Minute)
	check("reconnect later", short, Class{Kind: Moved}, 0, 0)
}

// TestRelapse: a pool that took over and failed again soon is tried for longer
// the next time.
func TestRelapse(t *testing.T) {
	r := RulesFor(Options{Failback: 2 * time.Minute})
	p := &member{}
	now := time.Now()
	p.relapse(now, r)
	if p.trial != 0 {
		t.Errorf("trial %v of a pool that never took over", p.trial)
	}
	for _, want := range []time.Duration{4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		p.returned = now
		now = now.Add(time.Minute)
		p.relapse(now, r)
		if got := p.view(now, r).trial; got != want {
			t.Errorf("trial %v, want %v", got, want)
		}
	}
	p.returned = now
	now = now.Add(time.Hour)
	p.relapse(now, r)
	if got := p.view(now, r).trial; got != r.Failback {
		t.Errorf("trial %v after an hour of work", got)
	}
}

// plain is a protocol whose user is refused by errRefused.
type plain struct{ Protocol }

var errRefused = errors.New("refused")

func (plain) Class(err error) Class {
	if errors.Is(err, errRefused) {
		return Class{Kind: Refused}
	}
	return Class{}
}

// left is what a session left.
type left struct{ asks, possible bool }

func (l left) Asks() bool     { return l.asks }
func (l left) Possible() bool { return l.possible }

// TestKeepMining: where sessions are never resumed mining stops when one is
// interrupted, but shares wait nevertheless.
func TestKeepMining(t *testing.T) {
	closed := errors.New("closed")
	m := &member{Member: Member{Protocol: plain{}}}
	if m.mayResume(closed) {
		t.Error("nothing was left, and can be resumed")
	}
	m.resume = left{true, true}
	for _, c := range []struct {
		refusals, lostJobs int
		reason             error
		want               [2]bool
	}{
		{0, 0, closed, [2]bool{true, true}},
		{1, 0, closed, [2]bool{true, false}}, // a second time would be once too often
		{0, 1, closed, [2]bool{true, false}},
		{0, 0, errRefused, [2]bool{false, false}},
		{0, 0, errLeft, [2]bool{false, false}},
	} {
		m.refusals, m.lostJobs = c.refusals, c.lostJobs
		if got := [2]bool{m.mayResume(c.reason), m.mayKeepMining(c.reason)}; got != c.want {
			t.Errorf("%+v: may resume, may keep mining: %v", c, got)
		}
	}
	m.resume = left{false, false}
	if m.mayResume(closed) {
		t.Error("what cannot be resumed can")
	}
}

// TestForgottenOnce: a member that resumed a session and knew none of its jobs has
// shown it once, however many jobs there were.
func TestForgottenOnce(t *testing.T) {
	c, m := one(t)
	stale := work.Verdict{Kind: work.Stale, Sent: true}
	for _, step := range []struct {
		number          uint64
		verdict         work.Verdict
		taken, outdated bool
		want            int
	}{
		{2, stale, false, true, 0}, // for a newer block
		{2, work.Verdict{Kind: work.Stale}, false, false, 0},
		{2, stale, false, false, 1}, {2, stale, false, false, 1}, {3, stale, false, false, 2},
		{3, work.Verdict{Kind: work.Lost}, false, false, 2},
		{4, work.Verdict{Kind: work.Rejected, Reason: work.ReasonDuplicate, Sent: true}, false, false, 2},
		{4, work.Verdict{Kind: work.Rejected, Reason: work.ReasonLowDifficulty, Sent: true}, false, false, 3}, // another job of the same id
		{3, work.Verdict{Kind: work.Accepted, Sent: true}, true, false, 0},
	} {
		if c.noteMemory(m, step.number, step.verdict, step.taken, step.outdated); m.lostJobs != step.want {
			t.Errorf("%+v: lost jobs %d times", step, m.lostJobs)
		}
	}
}

func one(t *testing.T) (*Client, *member) {
	t.Helper()
	c, err := New(Options{Members: []Member{{Name: "one", Protocol: plain{}}}})
	if err != nil {
		t.Fatal(err)
	}
	c.publisher.begin(func(*work.Job) {})
	return c, c.members[0]
}

// TestRoomOnceBack: while the waiting shares are on their way over the new
// connection, a late one of the old connection joins them.
func TestRoomOnceBack(t *testing.T) {
	c, m := one(t)
	late := &work.Share{Job: &work.Job{Session: 1}}
	m.current, m.queued = 1, c.rules.Queued
	if c.enqueue(m, late, false) {
		t.Error("room for more shares than are to wait")
	}
	m.current, m.session = 2, new(idle)
	if !c.enqueue(m, late, false) {
		t.Error("no room although the member is back")
	}
}

// idle is a session of which nothing is asked but its status.
type idle struct{ Session }

func (*idle) Status() Status { return Status{} }

// TestLeftForGood: a share that was sent to a member we left does not wait, even if
// shares that were not have it connected to again, or tried, before.
func TestLeftForGood(t *testing.T) {
	c, m := one(t)
	m.resume, m.lastError = left{true, true}, errors.New("connection refused") // in the try after
	ended, end := context.WithCancel(context.Background())
	end() // so that what waits returns
	share := &work.Share{Job: &work.Job{Session: 1}}
	for sent, want := range map[bool]string{true: work.LostDisconnected, false: work.LostNoPool} {
		last := work.LostTo(fmt.Errorf("%w: %w", errLeft, errUnwanted))
		last.Sent = sent
		if v := c.resubmit(ended, m, share, true, last); v.Reason != want || v.Sent != sent {
			t.Errorf("sent %v: %+v", sent, v)
		}
	}
}

// TestPublishMayAskForStatus: publish may ask for the status, and gets the newest
// job last, whatever the order of the changes.
func TestPublishMayAskForStatus(t *testing.T) {
	c, m := one(t)
	var last *work.Job
	c.publisher.begin(func(job *work.Job) {
		last = job
		if all := c.Status(); all[0].State != telemetry.PoolActive {
			t.Errorf("status %+v", all)
		}
	})
	m.session, m.current, m.wanted, m.linked = new(idle), 1, true, true
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				c.jobArrived(m, &work.Job{Session: 1})
			}
		})
	}
	all.Wait()
	if last == nil || last != m.job {
		t.Errorf("published last: %p, the newest: %p", last, m.job)
	}
}

// TestStateAfterPause: a member whose pause is over is not said to wait or rest any
// more, whether or not something else happened.
func TestStateAfterPause(t *testing.T) {
	c, m := one(t)
	now := time.Now()
	c.clock.Now = func() time.Time { return now }
	for _, resting := range []bool{false, true} {
		m.linked, m.resting, m.next = true, resting, now.Add(time.Minute)
		before := c.Status()[0]
		if want := map[bool]telemetry.PoolState{false: telemetry.PoolWaiting, true: telemetry.PoolResting}[resting]; before.State != want || !before.RetryAt.Equal(m.next) {
			t.Errorf("during the pause: %+v", before)
		}
		now = now.Add(time.Minute)
		if after := c.Status()[0]; after.State != telemetry.PoolConnecting || !after.RetryAt.IsZero() || !after.Since.Equal(now) {
			t.Errorf("after it: %+v", after)
		}
	}
}

// TestFinalVerdict: a share that the member may have accepted stays so when sending
// it again does not succeed.
func TestFinalVerdict(t *testing.T) {
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

// TestSuspectsDoNotAlternate: of two unhealthy pools the active one stays active.
func TestSuspectsDoNotAlternate(t *testing.T) {
	suspect := view{works: time.Hour, trial: time.Minute, suspect: true}
	for active := range 2 {
		if c := StrategyFailover.choose(RulesFor(Options{}), []view{suspect, suspect}, active, 0); c.active != active {
			t.Errorf("pool %d is left for %d: %s", active, c.active, c.why)
		}
	}
}

// TestNumbers: the pauses as documented.
func TestNumbers(t *testing.T) {
	if r := RulesFor(Options{}); r.Failures != 3 || minBackoff != time.Second || maxBackoff != time.Minute || r.Resubmit != 2*time.Minute {
		t.Errorf("%+v, pauses from %v to %v", r, minBackoff, maxBackoff)
	}
}
