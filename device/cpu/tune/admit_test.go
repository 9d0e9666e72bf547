package tune

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/affinity"
	"quarry/hashing"
)

// testTuner returns a tuner whose child has reported nothing yet.
func testTuner(t *testing.T, kernels []hashing.Kernel) (*Tuner, *observer.ObservedLogs) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	core, logs := observer.New(zap.DebugLevel)
	tuner := New(Options{Placements: []affinity.Placement{{CPU: -1}}, Log: zap.New(core)})
	tuner.kernels, tuner.results, tuner.grace = kernels, make(chan Finding, len(kernels)), time.Hour
	return tuner, logs
}

// needy are kernels that a CPU might not run, and the two that run everywhere.
func needy(t *testing.T, names ...string) []hashing.Kernel {
	t.Helper()
	list := kernelsNamed(names...)
	for i := range list {
		list[i].Missing = func() string { return "" }
		list[i].Scan = func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) { panic("it runs here") }
	}
	for _, name := range []string{"stdlib", "generic"} {
		k, err := hashing.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return list
}

// TestAdmitTakesTheBestThatPassed: in whatever order kernels pass, the fastest known
// is used; the faulty one stays out.
func TestAdmitTakesTheBestThatPassed(t *testing.T) {
	tuner, logs := testTuner(t, needy(t, "a", "b", "c"))
	tuner.known = []Finding{{Kernel: "b", Plain: 1, Rolled: 2}, {Kernel: "c", Plain: 2, Rolled: 1}}
	for _, f := range []Finding{{Kernel: "stdlib"}, {Kernel: "c"}, {Kernel: "a", Fault: "SIGILL"}, {Kernel: "b"}, {Kernel: "generic"}} {
		tuner.results <- f
	}
	close(tuner.results)
	m := newMachine(1, nil)
	tuner.admit(t.Context(), m)
	if got, want := names(m.Kernels(true)), []string{"b", "c", "stdlib", "generic"}; !slices.Equal(got, want) {
		t.Errorf("rolled %v, want %v", got, want)
	}
	if got, want := names(m.Kernels(false)), []string{"c", "b", "stdlib", "generic"}; !slices.Equal(got, want) {
		t.Errorf("plain %v, want %v", got, want)
	}
	begun := logs.FilterMessage("mining started").All()
	if len(begun) != 1 || begun[0].ContextMap()["kernel"] != "stdlib" || logs.FilterLevelExact(zap.ErrorLevel).Len() != 1 {
		t.Errorf("it says %v", logs.All())
	}
}

// TestAdmitDoesNotWaitForASlowChild: mining starts with a kernel that runs everywhere.
func TestAdmitDoesNotWaitForASlowChild(t *testing.T) {
	tuner, _ := testTuner(t, needy(t, "a"))
	tuner.grace = time.Millisecond
	joined := make(chan string, 8)
	m := &joining{machine: newMachine(1, nil), joined: joined}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tuner.admit(t.Context(), m)
	}()
	if first, second := <-joined, <-joined; first != "stdlib" || second != "generic" {
		t.Errorf("joined %s and %s", first, second)
	}
	for _, name := range []string{"a", "stdlib", "generic"} {
		tuner.results <- Finding{Kernel: name}
	}
	close(tuner.results)
	<-ended
	if got, want := names(m.Kernels(true)), []string{"a", "stdlib", "generic"}; !slices.Equal(got, want) {
		t.Errorf("kernels %v, want %v", got, want)
	}
}

// joining records who joins.
type joining struct {
	*machine
	joined chan<- string
}

func (j *joining) Join(k hashing.Kernel) {
	j.machine.Join(k)
	j.joined <- k.Name
}

// TestNoChild: where no child process can run, CPUID is trusted; as substitutes
// for a kernel that the user chose only those join that run everywhere.
func TestNoChild(t *testing.T) {
	blind := func(k hashing.Kernel) hashing.Kernel {
		k.Scan = func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) { return 0, count }
		return k
	}
	for named, want := range map[string][]string{"": {"good", "stdlib", "generic"}, "chosen": {"chosen", "stdlib", "generic"}} {
		kernels := needy(t, "chosen", "good")
		kernels[0] = blind(kernels[0])
		kernels[1].Scan = kernels[3].Scan
		tuner, _ := testTuner(t, kernels)
		tuner.named, tuner.failed = named, errors.New("no processes here")
		close(tuner.results)
		m := newMachine(1, nil)
		if named != "" {
			m.Join(kernels[0])
		}
		tuner.admit(t.Context(), m)
		if got := names(m.Kernels(true)); !slices.Equal(got, want) {
			t.Errorf("named %q: kernels %v, want %v", named, got, want)
		}
	}
}

// TestNamedIsKept: the others join as substitutes, and no contest runs.
func TestNamedIsKept(t *testing.T) {
	tuner, _ := testTuner(t, needy(t, "a", "b"))
	tuner.named = "b"
	for _, name := range []string{"a", "stdlib", "generic"} {
		tuner.results <- Finding{Kernel: name}
	}
	close(tuner.results)
	m := newMachine(1, nil)
	m.Join(tuner.kernels[1])
	tuner.run(t.Context(), m)
	if got, want := names(m.Kernels(false)), []string{"b", "a", "stdlib", "generic"}; !slices.Equal(got, want) || m.lost > 0 || m.elapsed() > 0 {
		t.Errorf("kernels %v, want %v; lost %v", got, want, m.lost)
	}
}

// TestCrowdedIsNotMeasured: where threads share CPUs, what is known by the core is used
// and not measured again.
func TestCrowdedIsNotMeasured(t *testing.T) {
	tuner, _ := testTuner(t, needy(t, "a"))
	tuner.crowded, tuner.guess = true, []Finding{{Kernel: "stdlib", Plain: 2, Rolled: 2}, {Kernel: "a", Plain: 1, Rolled: 1}}
	for _, name := range []string{"a", "stdlib", "generic"} {
		tuner.results <- Finding{Kernel: name}
	}
	close(tuner.results)
	m := newMachine(1, nil)
	tuner.run(t.Context(), m)
	if got := m.Kernels(true)[0].Name; got != "stdlib" || m.lost > 0 || m.elapsed() > 0 {
		t.Errorf("mines with %s, want stdlib; lost %v in %v", got, m.lost, m.elapsed())
	}
	if got := tuner.Rates(t.Context()); len(got) != 2 {
		t.Errorf("rates %v", got)
	}
}

// TestRatesUnderAQuota: they are what the quota leaves, and saved as those of whole CPUs,
// because the next run may have another one. Threads beyond the CPUs add nothing.
func TestRatesUnderAQuota(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, c := range []struct {
		cpus    []int
		quota   float64
		threads int
		want    float64 // of 12 by all threads
	}{{[]int{0, 1}, 0, 2, 12}, {[]int{0, 1}, 1.5, 2, 9}, {[]int{0, 1}, 0.5, 1, 6}, {[]int{0, 1}, 4, 2, 12}, {[]int{0, 1, 2}, 0, 6, 12}, {[]int{0, 1}, 1, 4, 6}} {
		tuner := New(Options{Set: affinity.CPUSet{CPUs: c.cpus, Quota: c.quota}, Placements: make([]affinity.Placement, c.threads), Log: zap.NewNop()})
		tuner.kernels, tuner.child = kernelsNamed("good", "generic"), *badProber() // which measures 2 and 1
		found, err := tuner.Measure(t.Context(), time.Millisecond)
		if err != nil || len(found) != 2 || found[0].Plain != c.want/6 || found[0].Rolled != c.want/12 {
			t.Errorf("%+v: %+v, %v", c, found, err)
		}
		if rates := tuner.Rates(t.Context()); len(rates) != 2 || rates[0].Plain != c.want/6 {
			t.Errorf("%+v: later %+v", c, rates)
		}
	}
}

// TestStartAndStop uses the real child, and one that is stopped early.
func TestStartAndStop(t *testing.T) {
	kernels := runnable()
	for _, ahead := range []bool{false, true} {
		tuner, _ := testTuner(t, kernels)
		tuner.grace = time.Hour
		if ahead {
			tuner.child.ready = Spawn(t.Context())
		}
		tuner.Start(t.Context(), "")
		m := newMachine(1, nil)
		tuner.admit(t.Context(), m)
		tuner.Stop()
		if got := names(m.Kernels(true)); !slices.Equal(got, names(kernels)) {
			t.Errorf("kernels %v, want %v", got, names(kernels))
		}
	}
	tuner, _ := testTuner(t, kernelsNamed("hangs"))
	tuner.child = *badProber()
	tuner.child.patience = time.Hour
	tuner.Start(t.Context(), "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tuner.admit(ctx, newMachine(1, nil))
	tuner.Stop()
}
