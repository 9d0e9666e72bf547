package watch

import (
	"fmt"
	"quarry/hashing"
	"quarry/work"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestHastyPool: the newest is logged, if not all that came before it.
func TestHastyPool(t *testing.T) {
	{
		core, logs := observer.New(zap.InfoLevel)
		l := jobLogger{log: zap.New(core), history: &History{}, pace: Limiter{Burst: burst}}
		now := time.Now()
		for i := range 100 {
			d, err := hashing.ParseDifficulty(fmt.Sprint(i + 1))
			if err != nil {
				t.Fatal(err)
			}
			l.note(&work.Job{PrevHash: hashing.Hash{byte(i)}, Difficulty: d, Received: now})
		}
		if n := logs.FilterMessage("difficulty").Len(); n != burst {
			t.Errorf("%d lines at once, want %d", n, burst)
		}
		l.catchUp()
		l.catchUp() // once
		lines := logs.FilterMessage("difficulty").All()
		if len(lines) != burst+1 || lines[burst].ContextMap()["difficulty"] != 100.0 || logs.FilterMessage("new block").Len() != burst+1 {
			t.Errorf("told %v, want the last difficulty and block at the check", lines)
		}
	}
}

func TestLimiter(t *testing.T) {
	for size, want := range map[int]int{0: 10, 1: 10, 5: 14} {
		l := Limiter{Burst: size}
		start := time.Now()
		allowed := 0
		for ms := range 10_000 {
			if l.Allow(start.Add(time.Duration(ms) * time.Millisecond)) {
				allowed++
			}
		}
		if allowed != want {
			t.Errorf("burst %d: %d allowed in 10 s, want %d", size, allowed, want)
		}
	}
}

// TestSuspendDetector: a process that was stopped sees it by the monotonic clock.
func TestSuspendDetector(t *testing.T) {
	d := SuspendDetector{Clock: func() time.Duration { return 0 }}
	now := time.Now()
	for i, step := range []time.Duration{0, time.Second, 31 * time.Second, time.Second} {
		if gap, want := d.Gap(now.Add(step)), step; i > 0 && gap != want {
			t.Errorf("gap of %v, want %v", gap, want)
		}
		now = now.Add(step)
	}
}

// TestRealTime: it goes on, and by the second.
func TestRealTime(t *testing.T) {
	before, begun := RealTime(), time.Now()
	time.Sleep(10 * time.Millisecond)
	if passed, want := RealTime()-before, time.Since(begun); passed < 10*time.Millisecond || passed > want+time.Second {
		t.Errorf("%v passed, by the other clock %v", passed, want)
	}
}

// TestAudit: a share that is wrong does not pass.
func TestAudit(t *testing.T) {
	parse := func(text string) hashing.Difficulty {
		d, err := hashing.ParseDifficulty(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	job := &work.Job{Difficulty: parse("2e-10"), Extranonce2Size: 4}
	s := &work.Share{Job: job, Extranonce2: make([]byte, 4)}
	for ; ; s.Nonce++ {
		header := job.Header(s.Extranonce2, s.Version, s.NTime, s.Nonce)
		if s.Hash = header.Hash(); job.Bound().MetBy(s.Hash) {
			break
		}
	}
	if result, details := audit(s); result != "passed" {
		t.Error(result, details)
	}
	s.Nonce++
	if result, details := audit(s); result != "failed: another hash" {
		t.Error(result, details)
	}
	s.Nonce--
	job.Difficulty = parse("1000")
	if result, details := audit(s); result != "failed: too weak" {
		t.Error(result, details)
	}
}

func TestAddressOf(t *testing.T) {
	for user, want := range map[string]string{"bc1abc.rig": "bc1abc", "1abc": "1abc", "1abc_rig": "1abc", "1abc+100": "1abc", ".x": "", "": ""} {
		if got := addressOf(user); got != want {
			t.Errorf("%q: %q, want %q", user, got, want)
		}
	}
}

// TestWeakBlocksAreNoRejects: a pool that rejects blocks which are no shares works.
func TestWeakBlocksAreNoRejects(t *testing.T) {
	one, none := hashing.DifficultyOne(), hashing.Hash{}
	weak := none
	for i := range weak {
		weak[i] = 0x7f
	}
	for hash, want := range map[hashing.Hash]int{weak: 0, none: 1} {
		reports := 0
		w := New(Config{Log: zap.NewNop(), History: &History{}, Printable: strings.Clone, Health: func(error) { reports++ }, Refused: time.Minute})
		job := &work.Job{Difficulty: one, NetworkTarget: hashing.MaxTarget(), NetworkKnown: true, Extranonce2Size: 4}
		for i := range 20 {
			w.Verdict(&work.Share{Job: job, Hash: hash}, work.Verdict{Kind: work.Rejected, Reason: work.ReasonLowDifficulty, Sent: true}, time.Unix(1e9+int64(i)*60, 0))
		}
		if reports != want {
			t.Errorf("hash %v: %d reports, want %d", hash, reports, want)
		}
	}
}
