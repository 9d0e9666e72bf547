package tune

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"quarry/bench"
	"quarry/hashing"
)

// TestTakeTurnsOutlastsADisturbance: a kernel at half its rate for most of the
// time is still measured right, and the contenders get the time.
func TestTakeTurnsOutlastsADisturbance(t *testing.T) {
	const disturbed = shortMeasure * 5 / 6
	rates := map[string]float64{"fast": 155, "near": 100, "slow": 40, "slower": 10, "wrong": 500}
	var turns []turn
	counts := map[string]int{}
	for _, name := range []string{"slow", "near", "fast", "wrong", "slower"} {
		s := &subject{kernel: hashing.Kernel{Name: name}}
		turns = append(turns, turn{s, nil, &s.plain})
	}
	subjects := slices.Clone(turns)
	clock := time.Unix(0, 0)
	err := takeTurns(turns, shortMeasure, func() time.Time { return clock }, func(now turn) error {
		name := now.kernel.Name
		counts[name]++
		rate := rates[name]
		if name == "fast" && clock.Sub(time.Unix(0, 0)) < disturbed {
			rate /= 2
		}
		if clock = clock.Add(probeTurn); name == "wrong" && counts[name] == 2 {
			now.fail(errors.New("it misses"))
			return nil
		}
		now.rates.add(bench.Sample{Threads: []bench.ThreadSample{{Hashes: uint64(rate * 1e6), Elapsed: time.Second}}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects {
		if name := s.kernel.Name; name != "wrong" && s.plain.rate() != rates[name]*1e6 {
			t.Errorf("%s has %v, want %v MH/s", name, s.plain.rate(), rates[name])
		}
	}
	if counts["wrong"] != 2 || counts["slower"] != leastRounds || counts["fast"] < 4*leastRounds || counts["fast"] != counts["near"] {
		t.Errorf("turns %v", counts)
	}
	if took := clock.Sub(time.Unix(0, 0)); took < shortMeasure || took > shortMeasure+5*probeTurn {
		t.Errorf("took %v, want %v and a round at most", took, shortMeasure)
	}
	for _, s := range subjects {
		s.fail(errors.New("wrong"))
	}
	if err := takeTurns(turns, time.Hour, time.Now, func(turn) error { panic("a wrong kernel runs") }); err != nil {
		t.Error(err)
	}
}

// TestTakeTurnsEnds: on a busy machine, a turn may take a thousand times as long.
func TestTakeTurnsEnds(t *testing.T) {
	var turns []turn
	for _, name := range []string{"a", "b", "c"} {
		s := &subject{kernel: hashing.Kernel{Name: name}}
		turns = append(turns, turn{s, nil, &s.plain})
	}
	clock, ran := time.Unix(0, 0), 0
	err := takeTurns(turns, shortMeasure, func() time.Time { return clock }, func(now turn) error {
		clock = clock.Add(time.Second)
		ran++
		now.rates.add(bench.Sample{Threads: []bench.ThreadSample{{Hashes: 1, Elapsed: time.Second}}})
		return nil
	})
	if err != nil || ran != 6 || turns[0].plain.rate() == 0 || turns[2].plain.rate() == 0 {
		t.Errorf("%d turns of a second, %v; want 6, with a rate for each kernel", ran, err)
	}
}

func TestTurnLength(t *testing.T) {
	for step, want := range map[time.Duration]time.Duration{50: probeTurn, time.Millisecond / 4: 5 * time.Millisecond, 15 * time.Millisecond: longestTurn} {
		if got := turnLength(step); got != want {
			t.Errorf("%v with a clock of %v, want %v", got, step, want)
		}
	}
	if step := clockStep(); step <= 0 {
		t.Errorf("clock step %v", step)
	}
}

// TestSeriesRate: other programs slow threads in some rounds; each thread's second
// best counts.
func TestSeriesRate(t *testing.T) {
	var s series
	if s.rate() != 0 {
		t.Error("a rate of nothing")
	}
	for _, hashes := range [][2]uint64{{10, 100}, {50, 90}, {40, 20}} {
		s.add(bench.Sample{Threads: []bench.ThreadSample{
			{Hashes: hashes[0], Elapsed: time.Second}, {Hashes: hashes[1], Elapsed: 2 * time.Second},
		}})
	}
	if got := s.rate(); got != 40+45 {
		t.Errorf("rate %v, want 85", got)
	}
}

// TestArmNames: where CPUID has no name, part numbers distinguish CPUs.
func TestArmNames(t *testing.T) {
	const info = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\nCPU revision\t: 0\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd0a\n"
	if got := cpuParts(fstest.MapFS{"proc/cpuinfo": {Data: []byte(info)}}); got != "0x41 0xd05 0 0xd0a" {
		t.Errorf("parts %q", got)
	}
	if got := cpuParts(fstest.MapFS{}); got != "" {
		t.Errorf("parts %q of nothing", got)
	}
}
