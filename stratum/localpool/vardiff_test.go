package localpool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// testClock is moved by hand.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func newTestClock() *testClock { return &testClock{t: time.Unix(1_800_000_000, 0)} }

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// simulate mines for a while at a hashrate: shares come as a Poisson process.
// It returns the time of the first share, the difficulty at the end, and the
// shares of the last half.
func simulate(v *vardiff, hashrate float64, length time.Duration, random *rand.Rand) (first, end time.Duration, late int) {
	began := time.Unix(1_800_000_000, 0)
	now := began
	v.begin(now)
	beat := now.Add(500 * time.Millisecond)
	for now.Sub(began) < length {
		mean := v.current * hashesPerDifficulty / hashrate
		next := now.Add(time.Duration(random.ExpFloat64() * mean * float64(time.Second)))
		for beat.Before(next) && beat.Sub(began) < length {
			now = beat
			beat = beat.Add(500 * time.Millisecond)
			if _, changed := v.tick(now, math.Inf(1)); changed { // the miner starts anew on the new job
				mean = v.current * hashesPerDifficulty / hashrate
				next = now.Add(time.Duration(random.ExpFloat64() * mean * float64(time.Second)))
			}
		}
		now = next
		if now.Sub(began) >= length {
			break
		}
		if first == 0 {
			first = now.Sub(began)
		}
		if now.Sub(began) > length/2 {
			late++
		}
		v.share(now, v.current, math.Inf(1))
	}
	return first, now.Sub(began), late
}

func TestVardiffConverges(t *testing.T) {
	const length = 10 * time.Minute
	for _, hashrate := range []float64{5e4, 5e5, 2e7, 5e8, 1e12} {
		t.Run(fmt.Sprintf("%.0e", hashrate), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(hashrate)))
			v := &vardiff{every: 2.5, min: 1e-6, max: 1e12, current: 0.0002}
			first, _, late := simulate(v, hashrate, length, random)
			if hashrate >= 5e5 && first > 10*time.Second {
				t.Errorf("first share after %v", first)
			}
			ideal := hashrate * 2.5 / hashesPerDifficulty
			if v.current < ideal/4 || v.current > ideal*4 {
				t.Errorf("difficulty %v, ideal %v", v.current, ideal)
			}
			want := (length / 2).Seconds() / 2.5
			if float64(late) < want/2 || float64(late) > want*2 {
				t.Errorf("%d shares in the last half, aimed at %.0f", late, want)
			}
		})
	}
}

func TestVardiffLimits(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	v := &vardiff{every: 1, min: 0.5, max: 100, current: 1}
	v.begin(at)
	if next, changed := v.tick(at.Add(time.Hour), 100); !changed || next != 0.5 {
		t.Errorf("silence led to %v %v", next, changed)
	}
	feed := func(limit float64) (next float64) {
		v.current = 1
		v.begin(at)
		for range quickShares {
			next, _ = v.share(at.Add(quickSpan), 1e6, limit)
		}
		return next
	}
	if next := feed(10); next != 10 {
		t.Errorf("beyond the network's limit: %v", next)
	}
	if next := feed(1e9); next != maxStepUp {
		t.Errorf("one step led to %v", next)
	}
	v.current = 1
	v.begin(at)
	for i := range 8 {
		if next, changed := v.share(at.Add(time.Duration(i+1)*time.Second), 1, 100); changed {
			t.Errorf("a steady miner was changed to %v", next)
		}
	}
}

// On a live pool: a miner too fast for its difficulty gets a higher one, with a
// job of its own, and a silent one a lower one.
func TestVardiffOnAPool(t *testing.T) {
	clock := newTestClock()
	p := startPool(t, Config{Vardiff: Vardiff{Start: "0.00001"}, Now: clock.now, JobInterval: time.Hour, BlockInterval: time.Hour, NBits: "1d00ffff"})
	m := connect(t, p)
	m.login("rig", "")
	start := m.job
	for range quickShares {
		clock.advance(50 * time.Millisecond)
		m.want(m.search("rig", CodeAccepted), CodeAccepted)
	}
	for m.job == start {
		m.read()
	}
	if m.jobTerms.Float64() < 0.0001 || m.job.Clean || m.job.prev != start.prev {
		t.Errorf("difficulty %s, clean %v", m.jobTerms, m.job.Clean)
	}
	high := m.jobTerms
	clock.advance(time.Minute)
	m.awaitJob()
	if m.jobTerms.Float64() >= high.Float64() {
		t.Errorf("silence led from %s to %s", high, m.jobTerms)
	}
	if rate := p.Stats().Hashrate; rate <= 0 {
		t.Errorf("hashrate %v", rate)
	}
}

func TestRate(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	var r rate
	r.start(at)
	for i := range 300 {
		r.add(at.Add(time.Duration(i)*time.Second), 0.01)
	}
	now := at.Add(300 * time.Second)
	if got, want := r.hashes(now), 0.01*hashesPerDifficulty; math.Abs(got/want-1) > 0.05 {
		t.Errorf("rate %v, want %v", got, want)
	}
	if got := r.hashes(now.Add(20 * time.Minute)); got > 1 {
		t.Errorf("rate after 20 silent minutes: %v", got)
	}
}

func TestDuplicatesAreBounded(t *testing.T) {
	var d duplicates
	var hash [32]byte
	for i := range 3 * maxRemembered {
		hash[0], hash[1], hash[2] = byte(i), byte(i>>8), byte(i>>16)
		if d.seen(hash) {
			t.Fatalf("hash %d was new", i)
		}
		if !d.seen(hash) {
			t.Fatalf("hash %d was forgotten at once", i)
		}
	}
	if len(d.now)+len(d.old) > 2*maxRemembered {
		t.Errorf("%d hashes remembered", len(d.now)+len(d.old))
	}
}
