package bench

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/hashing"
	"quarry/telemetry"
)

// burn runs a burn-in until its lines satisfy enough.
func burn(t *testing.T, k hashing.Kernel, enough func(report.StressLine) bool) *report.Stress {
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
	got, err := Stress(ctx, StressOptions{
		Kernel: k, Places: []affinity.Placement{{CPU: -1}, {CPU: -1}}, Duration: time.Hour, Root: fstest.MapFS{},
		work: smallRing, ticks: ticks,
		Line: func(l report.StressLine) {
			if enough(l) {
				end()
			}
		},
	})
	close(stopped)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestStressPasses(t *testing.T) {
	got := burn(t, generic(t), func(l report.StressLine) bool { return l.Hashes > 1<<20 })
	if !got.Passed || got.Errors != 0 || got.Hashes < 1<<20 || got.Rate <= 0 || !got.Incomplete {
		t.Errorf("%+v", got)
	}
	if len(got.Cores) != 2 || got.Cores[0].Hashes+got.Cores[1].Hashes != got.Hashes {
		t.Errorf("cores %+v of %d hashes", got.Cores, got.Hashes)
	}
}

// TestStressCountsFaults: it goes on after errors, and counts them.
func TestStressCountsFaults(t *testing.T) {
	for _, k := range faultyKernels(t) {
		if k.Name == "stops-at-the-last-nonce" {
			continue // wrong only now and then
		}
		got := burn(t, k, func(l report.StressLine) bool { return l.Errors > 100 })
		if got.Passed || got.Errors <= 100 {
			t.Errorf("%s: %+v", k.Name, got)
		}
		var sum uint64
		for _, core := range got.Cores {
			sum += core.Errors
			if core.Errors > 0 && core.First == "" {
				t.Errorf("%s: no first error in %+v", k.Name, core)
			}
		}
		if sum != got.Errors {
			t.Errorf("%s: cores have %d errors, all %d", k.Name, sum, got.Errors)
		}
	}
}

func TestStressEndsByTheClock(t *testing.T) {
	got, err := Stress(context.Background(), StressOptions{
		Kernel: generic(t), Places: []affinity.Placement{{CPU: -1}}, Duration: 30 * time.Millisecond, Every: time.Hour,
		Root: fstest.MapFS{}, work: smallRing,
	})
	if err != nil || !got.Passed || got.Incomplete || got.Seconds < 0.03 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Stress(context.Background(), StressOptions{Kernel: generic(t), Every: time.Second}); err == nil {
		t.Error("no threads: no error")
	}
}

func TestStressThrottling(t *testing.T) {
	line := func(seconds, rate, hertz float64) report.StressLine {
		return report.StressLine{Seconds: seconds, Rate: rate, Hertz: telemetry.Known(hertz)}
	}
	steady := []report.StressLine{line(20, 100, 4e9), line(40, 104, 4e9), line(70, 98, 4e9), line(90, 99, 4e9)}
	hot := []report.StressLine{line(20, 100, 4e9), line(40, 104, 4e9), line(70, 90, 3.9e9), line(90, 99, 3.9e9), line(130, 98, 3.7e9)}
	for name, c := range map[string]struct {
		lines []report.StressLine
		want  []string
	}{
		"steady":     {steady, nil},
		"hot":        {hot, []string{"the clock fell by up to 7 % and the rate fell by up to 7 % below the first minute's"}},
		"one minute": {hot[:2], nil},
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

// TestStressWithoutAShortLine: the end comes right after a line, and a rate over some
// milliseconds says nothing. The result has what was hashed in them all the same.
func TestStressWithoutAShortLine(t *testing.T) {
	var printed []report.StressLine
	r := &burner{}
	b := &burnIn{
		StressOptions: StressOptions{Every: 10 * time.Second, Root: fstest.MapFS{}, Line: func(l report.StressLine) { printed = append(printed, l) }},
		burners:       []*burner{r}, sensors: telemetry.NewSensors(nil), began: time.Now().Add(-10 * time.Second),
	}
	r.hashes.Store(100e6)
	b.line(t.Context())
	b.began = b.began.Add(-999 * time.Millisecond)
	r.hashes.Add(5e6)
	b.lines[0].Seconds = time.Since(b.began).Seconds() - 0.5 // however long this took
	b.line(t.Context())
	if len(printed) != 1 || printed[0].Rate < 5e6 || printed[0].Rate > 10e6 {
		t.Errorf("printed %+v, want one line of 10 MH/s", printed)
	}
	if got := b.report(false); got.Hashes != 105e6 || got.Seconds <= b.lines[0].Seconds {
		t.Errorf("the result is %+v", got)
	}
	b.began = b.began.Add(-2 * time.Second)
	b.line(t.Context())
	if len(printed) != 2 || printed[1].Hashes != 105e6 || printed[1].Rate <= 0 || printed[1].Rate > 2.5e6 {
		t.Errorf("printed %+v, want a second line of at most 2.5 MH/s", printed)
	}
}
