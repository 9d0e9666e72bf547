package report

import (
	"context"
	"math"
	"quarry/bench/stats"
	"slices"
	"strings"
	"testing"
)

func mustCompare(t *testing.T, a, b *Report) *Comparison {
	t.Helper()
	c, err := Compare(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompareVerdicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		a, b    []float64
		ratio   float64
		verdict string
	}{
		{"much faster", []float64{40e6, 41e6, 39e6}, []float64{60e6, 61e6, 62e6}, 61.0 / 40, Faster},
		{"much slower", []float64{60e6, 61e6, 62e6}, []float64{40e6, 41e6, 39e6}, 40.0 / 61, Slower},
		{"overlapping", []float64{40e6, 41e6, 42e6, 43e6}, []float64{40e6, 41.5e6, 42e6, 43e6}, 41.75 / 41.5, NoDifferenceShown},
		{"the same", []float64{40e6, 41e6}, []float64{40e6, 41e6}, 1, NoDifferenceShown},
		{"one sample of A", []float64{40e6}, []float64{60e6, 60e6}, 1.5, TooFewSamples},
		{"no sample of B", []float64{40e6, 40e6}, nil, 1.25, TooFewSamples}, // its median is used
	} {
		a, b := sampleReport(), sampleReport()
		a.Kernels[0].Samples, b.Kernels[0].Samples = c.a, c.b
		b.Kernels[0].Median = 50e6
		got := mustCompare(t, a, b).Series[0]
		if got.Verdict != c.verdict || math.Abs(got.Ratio.Value-c.ratio) > 1e-12 {
			t.Errorf("%s: %v, ratio %v; want %v, %v", c.name, got.Verdict, got.Ratio, c.verdict, c.ratio)
		}
		if interval := c.verdict != TooFewSamples; got.Low.OK != interval || got.High.OK != interval {
			t.Errorf("%s: interval %v to %v, want one: %v", c.name, got.Low, got.High, interval)
		} else if interval && !(got.Low.Value <= got.Ratio.Value && got.Ratio.Value <= got.High.Value) {
			t.Errorf("%s: ratio %v outside %v to %v", c.name, got.Ratio, got.Low, got.High)
		}
	}
}

func TestCompareNamesWhatOnlyOneHas(t *testing.T) {
	a, b := sampleReport(), sampleReport()
	a.Kernels = a.Kernels[:2]
	b.Scaling[1].Threads = 4
	c := mustCompare(t, a, b)
	if want := []SeriesKey{{"shani", 32, 2}}; !slices.Equal(c.OnlyA, want) {
		t.Errorf("only in A: %v, want %v", c.OnlyA, want)
	}
	if want := []SeriesKey{{"generic", 1, 1}, {"shani", 32, 4}}; !slices.Equal(c.OnlyB, want) {
		t.Errorf("only in B: %v, want %v", c.OnlyB, want)
	}
	// shani x32 on one thread is in both lists of both: the kernels' one counts.
	if len(c.Series) != 2 || c.Series[1].A.Value != 51e6 {
		t.Errorf("compared are %+v", c.Series)
	}
}

func TestCompareWarnsOfOtherConditions(t *testing.T) {
	a, b := sampleReport(), sampleReport()
	if c := mustCompare(t, a, b); len(c.Differences) != 0 {
		t.Errorf("differences of a report to itself: %v", c.Differences)
	}
	b.Settings.Seed, b.Settings.WarmupSeconds = 99, 1.001 // do not matter
	b.Machine.CPU, b.Machine.Governor, b.Machine.OS = "Intel\x1b[2J Xeon", "", "linux 6.2"
	b.Build.Version, b.Settings.SampleSeconds = "0.3.0", 0.5
	b.Warnings, b.Incomplete = []string{"the CPU was throttled\r"}, true
	c := mustCompare(t, a, b)
	want := []Difference{
		{"CPU", "AMD EPYC", "Intel?[2J Xeon"}, {"governor", "unavailable", "none"}, {"system", "linux 6.1", "linux 6.2"},
		{"quarry version", "0.2.0", "0.3.0"}, {"seconds of a sample", "1", "0.5"},
	}
	if !slices.Equal(c.Differences, want) {
		t.Errorf("differences are %v, want %v", c.Differences, want)
	}
	if len(c.WarningsA) != 0 || !slices.Equal(c.WarningsB, []string{"the run ended before everything was measured", "the CPU was throttled?"}) {
		t.Errorf("warnings are %q and %q", c.WarningsA, c.WarningsB)
	}
}

func TestCompareGivesNoFigureForAFaultySeries(t *testing.T) {
	a, b := sampleReport(), sampleReport()
	b.Kernels[0] = Series{Kernel: "shani", Versions: 1, Threads: 1, Error: "killed"}
	got := mustCompare(t, a, b).Series[0]
	if got.Verdict != NoFigure || got.Ratio.OK || got.B.OK || got.Note != "B: killed" || got.A.Value != 41e6 {
		t.Errorf("got %+v", got)
	}
}

func TestCompareRefuses(t *testing.T) {
	unproven := sampleReport()
	unproven.Proven = false
	other := sampleReport()
	other.Kernels, other.Scaling = other.Kernels[:1], nil
	other.Kernels[0].Kernel = "sha2"
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		name string
		ctx  context.Context
		a, b *Report
		want string
	}{
		{"A unproven", t.Context(), unproven, sampleReport(), "A is not proven"},
		{"B unproven", t.Context(), sampleReport(), unproven, "B is not proven"},
		{"nothing in common", t.Context(), sampleReport(), other, "B has sha2, 1 thread"},
		{"nothing at all", t.Context(), sampleReport(), &Report{Proven: true}, "B has none"},
		{"ended", ended, sampleReport(), sampleReport(), "canceled"},
	} {
		if _, err := Compare(c.ctx, c.a, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.name, err, c.want)
		}
	}
}

// TestCompareDisturbed: the side that neighbors disturbed may be up to twice
// as fast as it seems, so it is not called slower for less than that; and its
// unsteady samples do not widen the intervals of the others.
func TestCompareDisturbed(t *testing.T) {
	report := func(factor float64, disturbed bool) *Report {
		r := &Report{Schema: Schema, Proven: true}
		for _, s := range []Series{{Kernel: "steady"}, {Kernel: "other", Disturbed: disturbed}} {
			s.Versions, s.Threads = 1, 1
			for i := range 9 {
				rate := 1e6 + float64(i%3)
				if s.Disturbed {
					rate *= factor * (1 + 0.03*float64(i))
				}
				s.Samples = append(s.Samples, rate)
			}
			s.Summarize(stats.Drift(s.Samples), 1)
			r.Kernels = append(r.Kernels, s)
		}
		return r
	}
	for _, c := range []struct {
		factor float64
		want   string
	}{{0.6, NoDifferenceShown}, {0.3, Slower}} {
		found, err := Compare(t.Context(), report(1, false), report(c.factor, true))
		if err != nil || found.Series[1].Verdict != c.want {
			t.Errorf("disturbed, %v times the rate: %+v, %v", c.factor, found, err)
		}
		if steady := found.Series[0]; steady.High.Value > 1.001 {
			t.Errorf("the steady series: %+v", steady)
		}
		found, err = Compare(t.Context(), report(c.factor, true), report(1, false))
		if err != nil || (found.Series[1].Verdict == Faster) != (c.want == Slower) {
			t.Errorf("against a disturbed one, %v times the rate: %+v, %v", c.factor, found, err)
		}
	}
}
