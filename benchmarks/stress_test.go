package benchmarks

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/telemetry"
)

// burn runs a burn-in until enough of a line is there.
func burn(t *testing.T, k hashing.Kernel, enough func(StressLine) bool) *StressReport {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	ticks := make(chan time.Time)
	stopped := make(chan struct{})
	go func() {
		for {
			select {
			case ticks <- time.Time{}:
			case <-stopped:
				return
			}
		}
	}()
	report, err := Stress(ctx, StressOptions{
		Kernel: k, Places: []affinity.Placement{{CPU: -1}, {CPU: -1}}, Duration: time.Hour, Root: fstest.MapFS{},
		work: smallRing, ticks: ticks,
		Line: func(l StressLine) {
			if enough(l) {
				end()
			}
		},
	})
	close(stopped)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestStressPasses(t *testing.T) {
	report := burn(t, generic(t), func(l StressLine) bool { return l.Hashes > 1<<20 })
	if !report.Passed || report.Errors != 0 || report.Hashes < 1<<20 || report.Rate <= 0 || !report.Incomplete {
		t.Errorf("%+v", report)
	}
	if len(report.Cores) != 2 || report.Cores[0].Hashes+report.Cores[1].Hashes != report.Hashes {
		t.Errorf("cores %+v of %d hashes", report.Cores, report.Hashes)
	}
}

// TestStressCountsFaults: it goes on after errors, and counts them.
func TestStressCountsFaults(t *testing.T) {
	for _, k := range faultyKernels(t) {
		if k.Name == "stops-at-the-last-nonce" {
			continue // wrong only once in a while
		}
		report := burn(t, k, func(l StressLine) bool { return l.Errors > 100 })
		if report.Passed || report.Errors <= 100 {
			t.Errorf("%s: %+v", k.Name, report)
		}
		var sum uint64
		for _, core := range report.Cores {
			sum += core.Errors
			if core.Errors > 0 && core.First == "" {
				t.Errorf("%s: no first error in %+v", k.Name, core)
			}
		}
		if sum != report.Errors {
			t.Errorf("%s: cores have %d errors, all %d", k.Name, sum, report.Errors)
		}
	}
}

func TestStressEndsByTheClock(t *testing.T) {
	report, err := Stress(context.Background(), StressOptions{
		Kernel: generic(t), Places: []affinity.Placement{{CPU: -1}}, Duration: 30 * time.Millisecond, Every: time.Hour,
		Root: fstest.MapFS{}, work: smallRing,
	})
	if err != nil || !report.Passed || report.Incomplete || report.Seconds < 0.03 {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := Stress(context.Background(), StressOptions{Kernel: generic(t), Every: time.Second}); err == nil {
		t.Error("no threads: no error")
	}
}

func TestStressThrottling(t *testing.T) {
	line := func(seconds, rate, hertz float64) StressLine {
		return StressLine{Seconds: seconds, Rate: rate, Hertz: telemetry.Some(hertz)}
	}
	steady := []StressLine{line(20, 100, 4e9), line(40, 104, 4e9), line(70, 98, 4e9), line(90, 99, 4e9)}
	hot := []StressLine{line(20, 100, 4e9), line(40, 104, 4e9), line(70, 90, 3.9e9), line(90, 99, 3.9e9), line(130, 98, 3.7e9)}
	for name, c := range map[string]struct {
		lines []StressLine
		want  []string
	}{
		"steady":     {steady, nil},
		"hot":        {hot, []string{"the clock sank by 7 %", "the rate sank by 7 %"}},
		"one minute": {hot[:2], nil},
		"short end":  {append(steady[:len(steady):len(steady)], line(120, 99, 4e9), line(120.1, 10, 4e9)), nil},
	} {
		b := &burnIn{StressOptions: StressOptions{Root: fstest.MapFS{}}, lines: c.lines}
		got := b.throttled()
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: %q, want %q", name, got[i], want)
			}
		}
	}
}
