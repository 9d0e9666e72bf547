package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/hashing"
	"quarry/telemetry"
)

// TestQuota: under a CPU quota the figure is that of whole samples, and the report
// says so. By undisturbed slices it would be that of a whole CPU.
func TestQuota(t *testing.T) {
	options := shortOptions(generic(t))
	options.CPUs.Quota, options.Threads = 0.5, []int{1}
	got, err := Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if got.Machine.Quota != telemetry.Known(0.5) || got.Settings.SampleSeconds < quotaSample.Seconds() {
		t.Errorf("quota %v, samples of %v s", got.Machine.Quota, got.Settings.SampleSeconds)
	}
	for _, s := range got.Kernels {
		if !s.Shared || s.Slices != 0 || s.Median <= 0 || s.CyclesPerHash.OK {
			t.Errorf("%+v", s)
		}
	}
	warnings := strings.Join(got.Warnings, "\n")
	for _, want := range []string{"figures are under a quota of 0.5 CPUs", "threads had less than a CPU each in 2 of 2 series"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no %q in %s", want, warnings)
		}
	}
	if !strings.Contains(got.Share(), "under a quota of 0.5 CPUs") {
		t.Errorf("to share: %s", got.Share())
	}
	for _, c := range []struct {
		quota   float64
		threads int
		want    bool
	}{{0, 3, false}, {0, 4, true}, {2.5, 2, false}, {2.5, 3, true}, {8, 3, false}} {
		b := &bench{Options: Options{CPUs: affinity.CPUSet{CPUs: []int{0, 1, 2}, Quota: c.quota}}}
		if got := b.shares(c.threads); got != c.want {
			t.Errorf("%d threads with a quota of %v share: %v", c.threads, c.quota, got)
		}
	}
}

// TestSharedRate: threads that take turns on a CPU have the rate of all together. Each
// one's own, by its own time, would add up to several times that.
func TestSharedRate(t *testing.T) {
	turn := make(chan struct{}, 1)
	k := generic(t)
	k.Scan = func(scan scan) scan {
		return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
			turn <- struct{}{} // one at a time
			defer func() { <-turn }()
			return scan(p, start, count, hits)
		}
	}(k.Scan)
	places := make([]affinity.Placement, 8)
	for i := range places {
		places[i].CPU = -1
	}
	began := time.Now()
	sample, err := rate(t.Context(), k, smallRing(1), places, stint{d: 20 * time.Millisecond, winners: 1, meters: unlooked, shared: true})
	took := time.Since(began)
	if err != nil || !sample.shared || sample.Elapsed > took || sample.Elapsed < 20*time.Millisecond {
		t.Fatalf("%+v, %v", sample, err)
	}
	if want := float64(sample.Hashes) / sample.Elapsed.Seconds(); sample.Rate != want || whole(sample).rate != want || whole(sample).cycles.OK {
		t.Errorf("rate %v, want %v", sample.Rate, want)
	}
}

// TestFewerSamples: a time too short for all samples gets fewer of them; a number of
// samples that the user gave is kept.
func TestFewerSamples(t *testing.T) {
	for samples, want := range map[int]int{0: 1, 2: 2} {
		options := shortOptions(generic(t))
		options.Samples, options.Threads = samples, []int{1}
		got, err := Run(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.Kernels {
			if len(s.Samples) != want || s.Median <= 0 || s.Low > s.Median || s.High < s.Median {
				t.Errorf("samples %d: %+v", samples, s)
			}
		}
		if text := "only " + telemetry.FormatItems(want, "sample") + " of each series"; got.Settings.Samples != want || strings.Count(strings.Join(got.Warnings, "\n"), text) != 1 {
			t.Errorf("settings %+v, warnings %q", got.Settings, got.Warnings)
		}
	}
}

// TestOneLineAboutThrottling: however many series it concerns, each counts once.
func TestOneLineAboutThrottling(t *testing.T) {
	series := func(name string, rates, clocks []float64) *candidate {
		k := generic(t)
		k.Name = name
		c := newCandidate(k, 1, []affinity.Placement{{CPU: -1}})
		for i, rate := range rates {
			c.tally.samples = append(c.tally.samples, measured{whole: figures{rate: rate, hertz: telemetry.Known(clocks[i])}})
		}
		return c
	}
	still, falling := []float64{100, 100, 100, 100, 100, 100}, []float64{100, 100, 90, 90, 70, 70}
	b := &bench{Options: Options{Root: fstest.MapFS{}}, report: &report.Report{}}
	var all []*candidate
	for i := range 8 {
		all = append(all, series(fmt.Sprint("hot", i), falling, falling), series(fmt.Sprint("disturbed", i), falling, still), series(fmt.Sprint("still", i), still, still))
	}
	b.noticeThrottling(all)
	want := "the clock fell in 8 of 24 series, by up to 30 % (hot0), the rate fell in 8 of 24 series, by up to 30 % (disturbed0), because of heat or other load"
	if got := b.report.Environment.Throttled; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	b.report.Environment.Throttled = nil
	if b.noticeThrottling(all[2:3]); len(b.report.Environment.Throttled) != 0 {
		t.Errorf("a still one: %q", b.report.Environment.Throttled)
	}
}

// TestTestedElsewhere: the function that tests kernels is the caller's, and one that
// crashed there is not run.
func TestTestedElsewhere(t *testing.T) {
	options := shortOptions(generic(t), absent(t))
	options.Kernels[1].Missing = nil
	options.Threads = []int{1}
	options.Examine = func(_ context.Context, list []hashing.Kernel) []hashing.Report {
		return []hashing.Report{{Kernel: list[0]}, {Kernel: list[1], Err: fmt.Errorf("it crashed")}}
	}
	got, err := Run(t.Context(), options)
	if err != nil || got.Proven || len(got.Kernels) != 3 || got.Kernels[2].Error != "it crashed" {
		t.Errorf("%+v, %v", got, err)
	}
}
