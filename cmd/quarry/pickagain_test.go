package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/benchmarks"
	"quarry/hashing"
	"quarry/miner"
)

// TestTakeTurnsOutlastsADisturbance: a kernel at half its rate for most of the
// time still comes out with its own, and the time is the contenders'.
func TestTakeTurnsOutlastsADisturbance(t *testing.T) {
	const disturbed = probeTime * 5 / 6
	rates := map[string]float64{"fast": 155, "near": 100, "slow": 40, "slower": 10, "wrong": 500}
	var turns []turn
	counts := map[string]int{}
	for _, name := range []string{"slow", "near", "fast", "wrong", "slower"} {
		s := &subject{kernel: hashing.Kernel{Name: name}}
		turns = append(turns, turn{s, nil, &s.plain})
	}
	subjects := slices.Clone(turns)
	clock := time.Unix(0, 0)
	err := takeTurns(turns, probeTime, func() time.Time { return clock }, func(now turn) error {
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
		now.rates.add(benchmarks.Sample{Threads: []benchmarks.ThreadSample{{Hashes: uint64(rate * 1e6), Elapsed: time.Second}}})
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
	if took := clock.Sub(time.Unix(0, 0)); took < probeTime || took > probeTime+5*probeTurn {
		t.Errorf("took %v, want %v and a round at most", took, probeTime)
	}
	for _, s := range subjects {
		s.fail(errors.New("wrong"))
	}
	if err := takeTurns(turns, time.Hour, time.Now, func(turn) error { panic("a wrong kernel runs") }); err != nil {
		t.Error(err)
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

func TestBetter(t *testing.T) {
	if p := better(nil); p.looks != 0 || len(p.Kernels) != 0 {
		t.Errorf("of none: %+v", p)
	}
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	looks := []pick{
		{Measured: day(3), Kernels: []finding{{Kernel: "a", Plain: 3, Rolled: 5}, {Kernel: "b", Plain: 9}, {Kernel: "c", Fault: "new"}}},
		{Measured: day(2), Kernels: []finding{{Kernel: "a", Plain: 4, Rolled: 1}, {Kernel: "b", Fault: "old"}, {Kernel: "c", Plain: 7}}},
		{Measured: day(1), Kernels: []finding{{Kernel: "a", Plain: 100}}},
	}
	p := better(looks)
	if p.looks != 2 || !p.Measured.Equal(day(3)) || p.rates()["a"] != (hashing.Rate{Plain: 4, Rolled: 5}) || p.faults()["b"] != "old" || p.faults()["c"] != "new" {
		t.Errorf("better is %+v", p)
	}
	if looks[0].Kernels[0].Plain != 3 {
		t.Error("it changed what it was made of")
	}
}

func TestDue(t *testing.T) {
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		looks int
		age   time.Duration
		why   string
	}{
		{0, 0, "measuring the kernels, for"},
		{1, 0, ""}, {1, secondLook - 1, ""}, {1, secondLook, "a second time"},
		{2, secondLook, ""}, {2, keptFor - 1, ""}, {2, keptFor, "again, for a second or so: the last time was 2026-11-25"},
		{2, -30 * time.Second, ""}, {2, -time.Hour, "again"}, // dated by a wrong clock
	} {
		p := &pick{Measured: at, looks: c.looks}
		if why := p.due(at.Add(c.age)); (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%d looks, the last %v ago: %q, want %q", c.looks, c.age, why, c.why)
		}
	}
}

// testPicker has the runnable kernels measured by the given function, with a
// cache folder of its own.
func testPicker(t *testing.T, measure func(d time.Duration) ([]finding, error)) (*picker, *observer.ObservedLogs) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	t.Setenv("HOME", folder)
	core, logs := observer.New(zap.InfoLevel)
	p := newPicker(miner.CPUSet{}, []miner.Placement{{CPU: -1}}, zap.New(core))
	p.measure = func(_ context.Context, d time.Duration) ([]finding, error) { return measure(d) }
	return p, logs
}

// ratedBy are findings with a rate by place in the list of runnable kernels.
func ratedBy(kernels []hashing.Kernel, rate func(i int) float64) (found []finding) {
	for i, k := range kernels {
		found = append(found, finding{Kernel: k.Name, Plain: rate(i)})
	}
	return found
}

// TestSecondLook: the first measurement of the fastest kernel was disturbed.
// Ten minutes later the miner says so, and the next start takes it.
func TestSecondLook(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	kernels := runnableKernels(hashing.Kernels())
	measured := 0
	p, logs := testPicker(t, func(time.Duration) ([]finding, error) {
		found := ratedBy(kernels, func(i int) float64 { return 100 - float64(i) })
		found[0].Plain = []float64{77, 155}[measured]
		measured++
		return found, nil
	})
	p.now = func() time.Time { return now }
	second := kernels[1].Name
	first, err := p.pick(t.Context(), hashing.Auto)
	if err != nil || first.rolled[0].Name != second || first.plain[0].Name != second {
		t.Fatalf("picked %+v, %v", first, err)
	}
	now = now.Add(secondLook)
	p.lookAgain(t.Context(), first)
	warned := logs.FilterLevelExact(zap.WarnLevel).All()
	if measured != 2 || len(warned) != 1 || !strings.Contains(warned[0].Message, "start quarry again") || warned[0].ContextMap()["kernel"] != kernels[0].Name {
		t.Errorf("measured %d times, said %v", measured, logs.All())
	}
	later, err := p.pick(t.Context(), hashing.Auto)
	if err != nil || later.rolled[0].Name != kernels[0].Name || later.plain[0].Name != kernels[0].Name {
		t.Errorf("then picked %+v, %v", later, err)
	}
	p.lookAgain(t.Context(), later) // has had its second look
	named, err := p.pick(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	p.lookAgain(t.Context(), named) // a choice of one's own
	if measured != 2 {
		t.Errorf("measured %d times, want 2", measured)
	}
}

// TestLookAgainEndsWithTheSession: it waits for its time, no longer.
func TestLookAgainEndsWithTheSession(t *testing.T) {
	p, _ := testPicker(t, func(time.Duration) ([]finding, error) { panic("it measures") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.lookAgain(ctx, &picked{measured: &pick{Measured: time.Now(), looks: 1}})
}

// TestMeasuringAgainFails: what was known stays.
func TestMeasuringAgainFails(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	kernels := runnableKernels(hashing.Kernels())
	fault := error(nil)
	p, _ := testPicker(t, func(time.Duration) ([]finding, error) {
		return ratedBy(kernels, func(i int) float64 { return 1 + float64(i) }), fault
	})
	p.now = func() time.Time { return now }
	p.known(t.Context())
	now, fault = now.Add(2*keptFor), errNoProbe
	if found := p.known(t.Context()); found.looks != 1 || !found.covers(kernels) {
		t.Errorf("known %+v", found)
	}
}

// TestNamedHasTheOthersBehind: in their measured order, in that of the list if
// none was measured, and only what a child process has run.
func TestNamedHasTheOthersBehind(t *testing.T) {
	kernels := runnableKernels(hashing.Kernels())
	if len(kernels) < 2 {
		t.Fatalf("kernels %v: stdlib and generic run everywhere", kernels)
	}
	name := kernels[len(kernels)-2].Name
	var fault error
	bad := ""
	p, _ := testPicker(t, func(d time.Duration) ([]finding, error) {
		if d != 0 {
			t.Error("it measures")
		}
		found := ratedBy(kernels, func(int) float64 { return 0 })
		for i := range found {
			if found[i].Kernel == bad {
				found[i].Fault = "SIGILL"
			}
		}
		return found, fault
	})
	check := func(what string, want []string) {
		t.Helper()
		got, err := p.pick(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]hashing.Kernel{got.rolled, got.plain} {
			if !slices.Equal(kernelNames(list), want) {
				t.Errorf("%s: %v, want %v", what, kernelNames(list), want)
			}
		}
	}
	others := kernelNames(only(kernels, func(k hashing.Kernel) bool { return k.Name != name }))
	last := others[len(others)-1]
	check("not measured", append([]string{name}, others...))
	bad = others[0]
	check("one dies", append([]string{name}, others[1:]...))
	fault = errNoProbe
	check("no child", []string{name, last})

	path, err := pickPath()
	if err != nil {
		t.Fatal(err)
	}
	measured := pick{pickKey: p.key, Measured: time.Now(), Kernels: ratedBy(kernels, func(i int) float64 { return 1 + float64(i) })}
	if err := keepPick(path, measured, 1); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(others)
	check("measured", append([]string{name}, others...))
}
