package telemetry

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func sumOf(m map[string]uint64) (sum uint64) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// balanced checks the ledger's identity.
func balanced(t *testing.T, s Shares) {
	t.Helper()
	if s.Found != s.Accepted+s.Rejected+s.Stale+s.Lost+s.Pending {
		t.Errorf("found %d != accepted %d + rejected %d + stale %d + lost %d + pending %d",
			s.Found, s.Accepted, s.Rejected, s.Stale, s.Lost, s.Pending)
	}
	if sumOf(s.RejectedBy) != s.Rejected || sumOf(s.LostBy) != s.Lost {
		t.Errorf("reasons do not add up: %+v", s)
	}
}

func TestLedgerJourney(t *testing.T) {
	c := newClock()
	l := NewLedger(c.now)
	found := func(achieved float64) Ticket { return l.Found(FoundShare{Achieved: achieved, Assigned: 2}) }

	a, b, d, e, p := found(5), found(90), found(4), found(3), found(6)
	for _, ticket := range []Ticket{a, b, d, e} {
		l.Submitted(ticket)
	}
	l.Unsent(e)
	c.advance(20 * time.Millisecond)
	if got := l.Accepted(a); got != 20*time.Millisecond {
		t.Errorf("latency = %v, want 20ms", got)
	}
	accepted := c.now()
	c.advance(20 * time.Millisecond)
	l.Rejected(b, "low difficulty share")
	c.advance(20 * time.Millisecond)
	l.Stale(d)
	if got := l.Stale(e); got != 0 { // never sent
		t.Errorf("latency of a share never sent = %v", got)
	}
	s := l.Snapshot()
	balanced(t, s)
	if s.Found != 5 || s.Accepted != 1 || s.Rejected != 1 || s.Stale != 2 || s.StaleUnsent != 1 || s.Lost != 0 || s.Pending != 1 {
		t.Errorf("counts: %+v", s)
	}
	if s.BestDifficulty != 90 || s.LastDifficulty != 6 || s.AcceptedDifficulty != 2 || s.RejectedDifficulty != 2 ||
		s.StaleDifficulty != 4 || !s.LastAccepted.Equal(accepted) {
		t.Errorf("difficulties and times: %+v", s)
	}
	lat := s.Latency
	if lat.Count != 3 || lat.LastSeconds != Known(0.06) || lat.MeanSeconds != Known(0.04) || lat.MaxSeconds != Known(0.06) ||
		lat.P50Seconds != Known(0.04) || lat.P99Seconds != Known(0.06) {
		t.Errorf("latency: %+v", lat)
	}

	l.Close("shutdown")
	l.Accepted(p) // a late reply is no bug
	found(1)
	s = l.Snapshot()
	balanced(t, s)
	if s.Pending != 0 || s.Lost != 2 || s.LostBy["shutdown"] != 2 || s.LostDifficulty != 4 || s.Bugs != 0 {
		t.Errorf("after Close: %+v", s)
	}
}

func TestLedgerDoubleVerdictChangesNothing(t *testing.T) {
	l := NewLedger(nil)
	a := l.Found(FoundShare{Achieved: 1, Assigned: 1})
	l.Accepted(a)
	before := l.Snapshot()
	l.Accepted(a)
	l.Rejected(a, "again")
	l.Stale(a)
	l.Lost(a, "again")
	l.Lost(0, "no ticket")
	l.Lost(a+1, "not given out")
	after := l.Snapshot()
	balanced(t, after)
	if after.Bugs != 6 {
		t.Errorf("bugs = %d, want 6", after.Bugs)
	}
	after.Bugs = before.Bugs
	if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", after) {
		t.Errorf("a second verdict changed %+v to %+v", before, after)
	}
}

func TestLedgerBoundsReasons(t *testing.T) {
	l := NewLedger(nil)
	for i := range 1000 {
		ticket := l.Found(FoundShare{})
		if i%2 == 0 {
			l.Rejected(ticket, fmt.Sprintf("reason %d", i))
		} else {
			l.Lost(ticket, fmt.Sprintf("reason %d %s", i, strings.Repeat("long ", 1000)))
		}
	}
	s := l.Snapshot()
	balanced(t, s)
	for name, by := range map[string]map[string]uint64{"rejected": s.RejectedBy, "lost": s.LostBy} {
		if len(by) != maxReasons+1 || by[otherReason] != 500-maxReasons {
			t.Errorf("%s has %d reasons, %d others", name, len(by), by[otherReason])
		}
	}
}

func FuzzReason(f *testing.F) {
	for _, s := range []string{"", " ", "job not found", "a\x1b[31mred\n\r\tb", "\xff\xfe", strings.Repeat("é", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanReason(s)
		// Cutting inside a rune leaves one bad byte that becomes a space: never longer than the limit.
		if got == "" || len(got) > maxReasonSize || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool {
			return !unicode.IsPrint(r)
		}) {
			t.Errorf("cleanReason(%q) = %q", s, got)
		}
		if again := cleanReason(got); again != got {
			t.Errorf("cleanReason(%q) = %q, not stable", got, again)
		}
	})
}

func TestLedgerHostileNumbers(t *testing.T) {
	l := NewLedger(nil)
	for _, d := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -5, math.MaxFloat64, math.SmallestNonzeroFloat64, 1e-170, 0} {
		l.Accepted(l.Found(FoundShare{Achieved: d, Assigned: d}))
		s := l.Snapshot()
		e := s.Effective(time.Minute, d)
		for name, v := range map[string]float64{"sum": s.AcceptedDifficulty, "best": s.BestDifficulty, "rate": e.HashesPerSecond.Value,
			"low": e.Low.Value, "high": e.High.Value} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				t.Errorf("after %v: %s = %v", d, name, v)
			}
		}
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("after %v: %v", d, err)
		}
	}
}

func TestLedgerBlocks(t *testing.T) {
	l := NewLedger(nil)
	l.Accepted(l.Found(FoundShare{Achieved: 1e14, Assigned: 1, Block: true}))
	l.Rejected(l.Found(FoundShare{Achieved: 1e14, Assigned: 1, Block: true}), "no")
	if s := l.Snapshot(); s.BlocksFound != 2 || s.BlocksAccepted != 1 {
		t.Errorf("blocks found %d, accepted %d; want 2, 1", s.BlocksFound, s.BlocksAccepted)
	}
}

func TestLatencyPercentilesLookBack(t *testing.T) {
	var l latencies
	l.add(time.Hour) // falls out of the percentiles, stays the maximum
	for i := range recentReplies {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	s := l.summary()
	near(t, "p50", s.P50Seconds.Value, 0.256, 1e-12)
	near(t, "p99", s.P99Seconds.Value, 0.507, 1e-12)
	near(t, "max", s.MaxSeconds.Value, 3600, 1e-12)
	if none := (&latencies{}).summary(); none.P50Seconds.OK || none.LastSeconds.OK {
		t.Errorf("latency without replies: %+v", none)
	}
}

// randomVerdict books one of the four verdicts.
func randomVerdict(l *Ledger, rng *rand.Rand, ticket Ticket) {
	switch rng.IntN(4) {
	case 0:
		l.Accepted(ticket)
	case 1:
		l.Rejected(ticket, fmt.Sprint("reason ", rng.IntN(40)))
	case 2:
		l.Stale(ticket)
	case 3:
		l.Lost(ticket, fmt.Sprint("reason ", rng.IntN(40)))
	}
}

// watch checks the identity in one snapshot after another until stop closes.
func watch(t *testing.T, l *Ledger, stop <-chan struct{}) {
	var last uint64
	for {
		s := l.Snapshot()
		balanced(t, s)
		if s.Found < last {
			t.Errorf("found fell from %d to %d", last, s.Found)
		}
		last = s.Found
		select {
		case <-stop:
			return
		default:
		}
	}
}

func TestLedgerStorm(t *testing.T) {
	const goroutines, each = 16, 2000
	l := NewLedger(nil)
	stop := make(chan struct{})
	var readers, finders, judges sync.WaitGroup
	for range 2 {
		readers.Go(func() { watch(t, l, stop) })
	}
	tickets := make(chan Ticket, 64)
	for g := range goroutines {
		finders.Go(func() {
			for i := range each {
				tickets <- l.Found(FoundShare{Achieved: float64(i), Assigned: float64(g + 1), Block: i%100 == 0})
			}
		})
	}
	// Verdicts come from other goroutines than the one that found the share; some never, some twice.
	var doubled, kept atomic.Uint64
	for g := range goroutines {
		judges.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 7))
			for ticket := range tickets {
				l.Submitted(ticket)
				if rng.IntN(50) == 0 {
					kept.Add(1)
					continue
				}
				randomVerdict(l, rng, ticket)
				if rng.IntN(10) == 0 {
					doubled.Add(1)
					randomVerdict(l, rng, ticket)
				}
			}
		})
	}
	finders.Wait()
	close(tickets)
	judges.Wait()
	s := l.Snapshot()
	if s.Found != goroutines*each || s.Pending != kept.Load() || s.Bugs != doubled.Load() || s.Pending == 0 || s.Bugs == 0 {
		t.Errorf("found %d, pending %d, bugs %d; want %d, %d, %d", s.Found, s.Pending, s.Bugs, goroutines*each, kept.Load(), doubled.Load())
	}
	l.Close("shutdown")
	close(stop)
	readers.Wait()
	end := l.Snapshot()
	balanced(t, end)
	if end.Pending != 0 || end.LostBy["shutdown"] != kept.Load() {
		t.Errorf("after Close: %+v", end)
	}
}
