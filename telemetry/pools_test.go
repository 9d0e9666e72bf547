package telemetry

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPools: each pool has its own books, which add up to those of the session.
func TestPools(t *testing.T) {
	at := time.Unix(1e9, 0)
	now := func() time.Time { return at }
	device := NewDevice("cpu", 1)
	tm := New(nil, device)
	tm.Meter, tm.Ledger = NewMeter(tm.Counters, now), NewLedger(now)
	if pools := tm.Snapshot().Pools; pools == nil || len(pools) != 0 {
		t.Errorf("pools %v without a source", pools)
	}
	tm.SetSource(func() []PoolStatus {
		return []PoolStatus{{Name: "a", URL: "a", User: "u", State: PoolWaiting}, {Name: "b", URL: "a", User: "v", State: PoolActive}, {Name: "c", URL: "c", State: PoolUnused}}
	})
	hash := func(pool string, hashes uint64, seconds int) {
		tm.SetPool(pool)
		device.Worker(0).Add(hashes)
		at = at.Add(time.Duration(seconds) * time.Second)
	}
	hash("", 5, 1) // what a device still does when there is no job any more
	hash("a", 100, 10)
	hash("b", 30, 3)
	hash("a", 50, 5)
	hash("", 0, 60)
	hash("b", 7, 2)
	accept := func(pool string, difficulty float64) {
		ticket := tm.Ledger.Found(FoundShare{Pool: pool, Achieved: 2 * difficulty, Assigned: difficulty})
		tm.Ledger.Submitted(ticket)
		at = at.Add(time.Second)
		tm.Ledger.Accepted(ticket)
	}
	accept("a", 4)
	accept("b", 1)
	tm.Ledger.Rejected(tm.Ledger.Found(FoundShare{Pool: "b"}), "duplicate")
	tm.Ledger.Stale(tm.Ledger.Found(FoundShare{Pool: "b"}))
	tm.Ledger.Lost(tm.Ledger.Found(FoundShare{Pool: "a"}), "timeout")
	tm.Ledger.Found(FoundShare{Pool: "a"})

	s := tm.Snapshot()
	a, b, c := s.Pools[0], s.Pools[1], s.Pools[2]
	if a.Hashes != 150 || a.ActiveSeconds != 15 || b.Hashes != 37 || b.ActiveSeconds != 7 || c.Hashes != 0 || c.ActiveSeconds != 0 {
		t.Errorf("spent: %d in %v s, %d in %v s, %d in %v s", a.Hashes, a.ActiveSeconds, b.Hashes, b.ActiveSeconds, c.Hashes, c.ActiveSeconds)
	}
	if a.Shares.Found != 3 || a.Shares.Accepted != 1 || a.Shares.LostBy["timeout"] != 1 || a.Shares.Pending != 1 || a.Shares.BestDifficulty != 8 || a.Shares.Latency.Count != 1 {
		t.Errorf("a: %+v", a.Shares)
	}
	if b.Shares.Found != 3 || b.Shares.Accepted != 1 || b.Shares.RejectedBy["duplicate"] != 1 || b.Shares.Stale != 1 || b.Shares.Pending != 0 {
		t.Errorf("b: %+v", b.Shares)
	}
	if all := s.Shares; all.Found != 6 || all.Accepted != 2 || all.Pending != 1 || all.Found != a.Shares.Found+b.Shares.Found {
		t.Errorf("all: %+v", all)
	}
	if s.Pool().Name != "b" {
		t.Errorf("the active pool is %+v", s.Pool())
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"schema":1`, `"url":"a","user":"u","state":"waiting"`, `"active_seconds":15`, `"lost_by_reason":{}`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
	var back Snapshot
	if err := json.Unmarshal(text, &back); err != nil || back.Pools[0].Shares.Found != 3 || back.Pools[0].URL != "a" {
		t.Errorf("read back: %v, %+v", err, back.Pools)
	}
}

// TestSnapshotOfOneMoment: books by pool add up, states do not begin later, and nothing spent on a pool goes back,
// while shares are booked and pools change.
func TestSnapshotOfOneMoment(t *testing.T) {
	device := NewDevice("cpu", 1)
	tm := New(nil, device)
	tm.SetSource(func() []PoolStatus {
		now := time.Now()
		return []PoolStatus{{Name: "a", Since: now}, {Name: "b", Since: now}}
	})
	done := make(chan struct{})
	var busy sync.WaitGroup
	for _, pool := range []string{"a", "b"} {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				tm.SetPool(pool)
				if ticket := tm.Ledger.Found(FoundShare{Pool: pool, Assigned: 1}); i%2 == 0 {
					tm.Ledger.Accepted(ticket)
				} else {
					tm.Ledger.Lost(ticket, "timeout")
				}
			}
		})
	}
	last := tm.Snapshot()
	for range 3000 {
		device.Worker(0).Add(1)
		s := tm.Snapshot()
		a, b := s.Pools[0], s.Pools[1]
		if all := s.Shares; all.Found != a.Shares.Found+b.Shares.Found || all.Accepted != a.Shares.Accepted+b.Shares.Accepted ||
			all.Pending != a.Shares.Pending+b.Shares.Pending {
			t.Fatalf("found %d of %d and %d, accepted %d of %d and %d", all.Found, a.Shares.Found, b.Shares.Found,
				all.Accepted, a.Shares.Accepted, b.Shares.Accepted)
		}
		for i, p := range s.Pools {
			if before := last.Pools[i]; p.ActiveSeconds < before.ActiveSeconds || p.Hashes < before.Hashes {
				t.Fatalf("%s: %d hashes in %v s after %d in %v s", p.URL, p.Hashes, p.ActiveSeconds, before.Hashes, before.ActiveSeconds)
			}
			if p.Since.After(s.Time) {
				t.Fatalf("%s is in its state since %v, after the snapshot", p.URL, p.Since.Sub(s.Time))
			}
		}
		if a.Hashes+b.Hashes > s.Hashes {
			t.Fatalf("%d and %d hashes of %d", a.Hashes, b.Hashes, s.Hashes)
		}
		last = s
	}
	close(done)
	busy.Wait()
}

// TestSnapshotAfterStop: time goes on while the last verdicts are awaited, but none of it is booked.
func TestSnapshotAfterStop(t *testing.T) {
	at := time.Unix(1e9, 0)
	tm := New(nil, NewDevice("cpu", 1))
	tm.Meter = NewMeter(tm.Counters, func() time.Time { return at })
	tm.SetSource(func() []PoolStatus { return []PoolStatus{{Name: "a", Since: at}} })
	tm.SetPool("a")
	at = at.Add(10 * time.Second)
	tm.Meter.Stop()
	at = at.Add(3 * time.Second)
	s := tm.Snapshot()
	if !s.Time.Equal(at) || s.Seconds != 10 || s.Pools[0].ActiveSeconds != 10 || s.StartedAt.Add(13*time.Second) != at {
		t.Errorf("at %v: time %v, begun %v, %v s, of the pool %v s", at, s.Time, s.StartedAt, s.Seconds, s.Pools[0].ActiveSeconds)
	}
}

// TestPoolShown: which pool stands for all of them.
func TestPoolShown(t *testing.T) {
	for _, c := range []struct {
		states []PoolState
		want   int
	}{
		{[]PoolState{PoolReady, PoolActive}, 1},
		{[]PoolState{PoolUnused, PoolWaiting, PoolWaiting}, 1},
		{[]PoolState{PoolUnused, PoolUnused}, 0},
	} {
		var s Snapshot
		for _, state := range c.states {
			s.Pools = append(s.Pools, Pool{PoolStatus: PoolStatus{State: state}})
		}
		if got := s.Pool(); got != &s.Pools[c.want] {
			t.Errorf("%v: %+v", c.states, got)
		}
	}
	if (Snapshot{}).Pool() != nil {
		t.Error("a pool where there is none")
	}
}
