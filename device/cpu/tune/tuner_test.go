package tune

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/affinity"
	"quarry/hashing"
)

// machine is a selector with a simulated clock, on which only windows and rests
// take time.
type machine struct {
	began, now, end time.Time
	stop            context.CancelFunc
	rng             *rand.Rand
	rate            func(name string, rolling bool, at time.Duration) float64 // of a worker, undisturbed
	noise           float64                                                   // standard deviation of a window's rate
	disturbed       float64                                                   // part of the windows in which a neighbor takes half
	silent          func(at time.Duration) bool                               // windows give no result
	rolling         func(at time.Duration) bool                               // the job at hand

	lists  map[bool][]hashing.Kernel
	wrong  string // found wrong when it runs
	lost   time.Duration
	stints []stint
}

// stint is the start of a period with one kernel as the best.
type stint struct {
	at   time.Duration
	name string
}

func newMachine(seed uint64, rates map[string]float64) *machine {
	m := &machine{rng: rand.New(rand.NewPCG(seed, 12)), noise: 0.01, disturbed: 0.1, lists: map[bool][]hashing.Kernel{}}
	m.began = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	m.now = m.began
	m.rate = func(name string, _ bool, _ time.Duration) float64 { return rates[name] }
	m.silent = func(time.Duration) bool { return false }
	m.rolling = func(time.Duration) bool { return true }
	return m
}

func (m *machine) elapsed() time.Duration { return m.now.Sub(m.began) }

func (m *machine) Join(k hashing.Kernel) {
	m.lists[true], m.lists[false] = append(m.lists[true], k), append(m.lists[false], k)
}

func (m *machine) Prefer(rolling bool, names ...string) {
	place := func(k hashing.Kernel) int { return (slices.Index(names, k.Name) + len(names) + 1) % (len(names) + 1) }
	slices.SortStableFunc(m.lists[rolling], func(a, b hashing.Kernel) int { return place(a) - place(b) })
	if rolling == m.rolling(m.elapsed()) {
		m.stints = append(m.stints, stint{m.elapsed(), m.lists[rolling][0].Name})
	}
}

func (m *machine) Kernels(rolling bool) []hashing.Kernel { return slices.Clone(m.lists[rolling]) }

func (m *machine) Job(ctx context.Context) (bool, error) {
	return m.rolling(m.elapsed()), ctx.Err()
}

func (m *machine) Rest(_ context.Context, d time.Duration) {
	if m.now = m.now.Add(d); m.now.After(m.end) {
		m.stop()
	}
}

func (m *machine) Try(ctx context.Context, name string, rolling bool, d time.Duration) []float64 {
	m.Rest(ctx, d)
	if name == m.wrong {
		for rolling, list := range m.lists {
			m.lists[rolling] = slices.DeleteFunc(list, func(k hashing.Kernel) bool { return k.Name == name })
		}
		return nil
	}
	best := m.rate(m.lists[rolling][0].Name, rolling, m.elapsed())
	m.lost += time.Duration(float64(d) * (1 - m.rate(name, rolling, m.elapsed())/best))
	rates := make([]float64, 4)
	if m.silent(m.elapsed()) {
		return rates
	}
	// The clock of the machine swings by a tenth within seconds.
	pace := 1 + 0.1*math.Sin(m.elapsed().Seconds()*3)
	if m.rng.Float64() < m.disturbed {
		pace /= 2
	}
	for i := range rates {
		rates[i] = m.rate(name, rolling, m.elapsed()) * pace * (1 + m.noise*m.rng.NormFloat64())
	}
	return rates
}

// mine runs a tuner on the machine for that long, starting with the kernels in the
// given order, and returns what it logged.
func (m *machine) mine(t *testing.T, d time.Duration, names ...string) (*Tuner, *observer.ObservedLogs) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	core, logs := observer.New(zap.InfoLevel)
	tuner := New(Options{Placements: []affinity.Placement{{CPU: -1}}, Log: zap.New(core)})
	tuner.now, tuner.kernels = func() time.Time { return m.now }, kernelsNamed(names...)
	tuner.results = make(chan Finding, len(names))
	for _, name := range names {
		tuner.results <- Finding{Kernel: name}
	}
	close(tuner.results)
	ctx, cancel := context.WithCancel(t.Context())
	m.stop, m.end = cancel, m.began.Add(d)
	tuner.run(ctx, m)
	return tuner, logs
}

// last returns the kernel in use at that time.
func (m *machine) last(at time.Duration) (name string) {
	for _, s := range m.stints {
		if s.at <= at {
			name = s.name
		}
	}
	return name
}

// zen4 are the rates of one worker, MH/s, and the order of the list on a CPU
// where the first guess is not the best.
var zen4 = map[string]float64{"avx512": 42, "shani-avx512": 61, "shani-avx2": 40, "shani": 45, "avx2": 20, "sse2": 8, "stdlib": 9, "generic": 4}

func zen4Names() []string {
	return []string{"avx512", "shani-avx512", "shani-avx2", "shani", "avx2", "sse2", "stdlib", "generic"}
}

// TestFindsTheBest: within a second of mining, and within the budget by the
// machine's account as well as the tuner's.
func TestFindsTheBest(t *testing.T) {
	for seed := range uint64(40) {
		m := newMachine(seed, zen4)
		tuner, logs := m.mine(t, time.Minute, zen4Names()...)
		if m.last(time.Second) != "shani-avx512" || m.last(time.Minute) != "shani-avx512" {
			t.Fatalf("seed %d: used %v", seed, m.stints)
		}
		if most := 120 * time.Millisecond; m.lost > most || tuner.budget.spent > most || tuner.budget.spent < m.lost {
			t.Errorf("seed %d: a minute has lost %v, by its own book %v; %v is 0.2 %%", seed, m.lost, tuner.budget.spent, most)
		}
		lines := logs.FilterMessage("kernels compared").All()
		if len(lines) != 1 || !strings.HasPrefix(fmt.Sprint(lines[0].Context[0].Interface), "shani-avx512 2") {
			t.Errorf("seed %d: it says %v", seed, logs.All())
		} else if first := lines[0].ContextMap()["rates"].([]any)[0].(map[string]any); first["kernel"] != "shani-avx512" || first["ratio"] != 1.0 || first["hashes_per_second"].(float64) < 200 {
			t.Errorf("seed %d: for programs it says %v", seed, first)
		}
		for _, f := range tuner.known {
			// Those far behind had one window, which may have been disturbed.
			if want := 4e6 * zen4[f.Kernel]; zen4[f.Kernel] > 36 && math.Abs(f.Rolled*1e6/want-1) > 0.5 {
				t.Errorf("seed %d: %s has %v, want about %v", seed, f.Kernel, f.Rolled*1e6, want)
			}
		}
	}
}

// TestLaterTrialsCostLittle: they cost less than 0.01 % of ten hours.
func TestLaterTrialsCostLittle(t *testing.T) {
	rates := map[string]float64{"a": 100, "b": 98, "c": 93, "d": 91, "e": 60, "f": 5}
	m := newMachine(1, rates)
	m.mine(t, time.Minute, "a", "b", "c", "d", "e", "f")
	first := m.lost
	m = newMachine(1, rates)
	const hours = 10 * time.Hour
	tuner, logs := m.mine(t, hours, "a", "b", "c", "d", "e", "f")
	if later := m.lost - first; later > hours/10000 || later < time.Millisecond {
		t.Errorf("lost %v of %v after the first minute", later, hours)
	}
	if tuner.budget.spent-first > hours/10000 || len(m.stints) == 0 || m.last(hours) != "a" {
		t.Errorf("spent %v, used %v", tuner.budget.spent, m.stints)
	}
	if logs.Len() > 3 {
		t.Errorf("it says %v", logs.All())
	}
}

// TestChangeIsFound: a kernel that was slower becomes the fastest, as when a
// neighbor leaves. One line reports it, and the next run starts with it.
func TestChangeIsFound(t *testing.T) {
	m := newMachine(3, nil)
	m.rate = func(name string, _ bool, at time.Duration) float64 {
		if name == "b" && at > 30*time.Minute {
			return 110
		}
		return map[string]float64{"a": 100, "b": 70, "c": 95}[name]
	}
	tuner, logs := m.mine(t, 3*time.Hour, "a", "b", "c")
	if m.last(30*time.Minute) != "a" || m.last(95*time.Minute) != "b" {
		t.Errorf("used %v", m.stints)
	}
	if n := logs.FilterMessage("switched to a faster kernel").Len(); n != 1 {
		t.Errorf("it says %v", logs.All())
	}
	if again := New(Options{Placements: tuner.placements, Log: zap.NewNop()}); names(Order(tuner.kernels, again.known, true))[0] != "b" {
		t.Errorf("the next start knows %+v", again.known)
	}
}

// TestTiesStay: equally fast kernels do not replace each other forever.
func TestTiesStay(t *testing.T) {
	changes := 0
	for seed := range uint64(20) {
		m := newMachine(seed, map[string]float64{"a": 100, "b": 100, "c": 99.9})
		m.mine(t, 2*time.Hour, "a", "b", "c")
		changes += len(m.stints)
	}
	if changes > 20*(6+2) { // 6 for the joining, and hardly more
		t.Errorf("%d changes in 20 runs", changes)
	}
}

// TestKindsAreApart: jobs with and without version rolling have a best kernel each,
// compared while such a job is active.
func TestKindsAreApart(t *testing.T) {
	m := newMachine(5, nil)
	m.rate = func(name string, rolling bool, _ time.Duration) float64 {
		if (name == "b") == rolling {
			return 100
		}
		return 80
	}
	m.rolling = func(at time.Duration) bool { return at < 10*time.Second }
	tuner, _ := m.mine(t, 5*time.Minute, "a", "b", "c")
	if got := names(m.Kernels(true))[0] + names(m.Kernels(false))[0]; got != "ba" && got != "bc" {
		t.Errorf("best are %s", got)
	}
	for _, f := range tuner.known {
		if f.Plain == 0 || f.Rolled == 0 {
			t.Errorf("known is %+v", f)
		}
	}
}

// TestWrongKernelLeavesTheContest: a kernel may be found wrong in its own window.
func TestWrongKernelLeavesTheContest(t *testing.T) {
	for _, wrong := range []string{"a", "b", "c"} {
		m := newMachine(6, map[string]float64{"a": 90, "b": 100, "c": 70})
		m.wrong = wrong
		m.mine(t, time.Minute, "a", "b", "c")
		want := map[string]string{"a": "b", "b": "a", "c": "b"}[wrong]
		if got := names(m.Kernels(true)); len(got) != 2 || got[0] != want {
			t.Errorf("without %s: %v", wrong, got)
		}
	}
}

// TestBusyMachine: windows without a result cost no more than others, and the best
// kernel is found once windows work again.
func TestBusyMachine(t *testing.T) {
	m := newMachine(7, zen4)
	m.silent = func(at time.Duration) bool { return at < 5*time.Second }
	tuner, _ := m.mine(t, time.Hour, zen4Names()...)
	if m.last(time.Hour) != "shani-avx512" {
		t.Errorf("used %v", m.stints)
	}
	if most := 120*time.Millisecond + time.Hour/10000; m.lost > most || tuner.budget.spent > most {
		t.Errorf("lost %v, by its own book %v", m.lost, tuner.budget.spent)
	}
}
