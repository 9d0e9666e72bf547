package bench

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/hashing"
	"quarry/telemetry"
)

// absent returns a kernel that no CPU can run.
func absent(t *testing.T) hashing.Kernel {
	k := generic(t)
	k.Name, k.Missing = "wide", func() string { return "AVX-1024" }
	k.Scan = func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) {
		t.Error("ran a kernel that cannot run")
		return 0, 0
	}
	return k
}

// lateFault passes the self-test and fails afterwards: in long searches.
func lateFault(t *testing.T) hashing.Kernel {
	return faulty(t, "late-fault", func(good scan) scan {
		return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
			found, done := good(p, start, count, hits)
			if p.Limit == Dense.limit() && count > 1 {
				return 0, done
			}
			return found, done
		}
	})
}

// calm returns a meter of an undisturbed core, with a simulated clock: every batch
// takes batchTime, from the first to the second reading of three.
func calm() meter {
	var now time.Time
	readings := 0
	return meter{
		now: func() time.Time {
			if readings++; readings%3 == 0 {
				now = now.Add(batchTime)
			}
			return now
		},
		look: func() look { return look{hertz: 4e9, load: 1} },
	}
}

func smallRings(versions int) rings { return rings{smallRing(versions), smallRing(versions)} }

func shortOptions(kernels ...hashing.Kernel) Options {
	return Options{
		Kernels: kernels, CPUs: affinity.CPUSet{CPUs: []int{0, 1, 2}}, Samples: 2, Duration: time.Millisecond, Seed: 3,
		Root: fstest.MapFS{}, work: smallRings, meters: calm,
	}
}

func TestRun(t *testing.T) {
	options := shortOptions(absent(t), generic(t))
	last := Progress{}
	options.Progress = func(p Progress) { last = p }
	got, err := Run(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Proven || got.Incomplete || got.Schema != report.Schema {
		t.Errorf("proven %v, incomplete %v, schema %d", got.Proven, got.Incomplete, got.Schema)
	}
	if len(got.Kernels) != 2 || got.Kernels[0].Versions != 1 || got.Kernels[1].Versions != generic(t).Versions {
		t.Fatalf("series %+v, want generic plain and with all its versions", got.Kernels)
	}
	if len(got.Skipped) != 1 || got.Skipped[0] != (report.Skipped{Kernel: "wide", Lacks: "AVX-1024"}) {
		t.Errorf("skipped %+v", got.Skipped)
	}
	var threads []int
	for _, s := range append(got.Scaling, got.Kernels...) {
		threads = append(threads, s.Threads)
		if len(s.Samples) != 2 || s.Median <= 0 || s.Min > s.Median || s.Max < s.Median || s.Low > s.Median || s.High < s.Median {
			t.Errorf("%+v", s)
		}
		if s.Proof.Planted == 0 || !s.Proof.Right() {
			t.Errorf("%s: proof %+v", s.Kernel, s.Proof)
		}
		if s.Threads == 1 && (s.Slices < 2*enoughSlices || s.Kept != s.Slices || s.Disturbed) {
			t.Errorf("%s: %d of %d slices kept, disturbed %v; nothing disturbs it", s.Kernel, s.Kept, s.Slices, s.Disturbed)
		}
	}
	if want := []int{1, 2, 3, 1, 1}; len(threads) != 5 || threads[1] != 2 || threads[2] != 3 {
		t.Errorf("threads %v, want %v", threads, want)
	}
	if e := got.Scaling[0].Efficiency; e.Value != 1 {
		t.Errorf("efficiency of one thread is %v", e)
	}
	if !got.Scaling[2].Efficiency.OK || got.Kernels[0].Efficiency.OK {
		t.Errorf("efficiency of three threads %v, of a kernel alone %v", got.Scaling[2].Efficiency, got.Kernels[0].Efficiency)
	}
	// By calm's clock batches of all sizes take as long, so some series need a
	// third sample for enough slices that are alike.
	if n := len(got.Timeline); n < 10 || n > 14 || last.Done < 9 || last.Done > 10 || last.Total != 10 {
		t.Errorf("%d points, last progress %+v", len(got.Timeline), last)
	}
	if got.Best.Kernel != "generic" || got.Best.Median <= 0 {
		t.Errorf("best %+v", got.Best)
	}
	if got.Environment.PowerUnavailableWhy == "" || got.Environment.Watts.OK {
		t.Errorf("power %+v", got.Environment)
	}
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), ":null,\"kernels\"") || !strings.Contains(string(text), `"throttled":[]`) {
		t.Errorf("%s, %v", text, err)
	}
	if !strings.Contains(strings.Join(got.Warnings, "\n"), "only 2 samples") {
		t.Errorf("warnings %q", got.Warnings)
	}
}

// TestRunWrongKernels: they get no figure, the others do, and the report is marked
// not proven.
func TestRunWrongKernels(t *testing.T) {
	options := shortOptions(append(faultyKernels(t), lateFault(t), generic(t))...)
	options.Threads = []int{1}
	got, err := Run(context.Background(), options)
	if err != nil || got.Proven {
		t.Fatalf("proven %v, error %v", got.Proven, err)
	}
	for _, s := range got.Kernels {
		if s.Kernel == "generic" {
			if s.Error != "" || s.Median <= 0 {
				t.Errorf("generic: %+v", s)
			}
			continue
		}
		if s.Error == "" || s.Median != 0 || s.High != 0 || len(s.Samples) != 0 {
			t.Errorf("%s: %+v, want no figure", s.Kernel, s)
		}
	}
	if got.Best.Kernel != "generic" || len(got.Scaling) != 0 {
		t.Errorf("best %+v, scaling %v", got.Best, got.Scaling)
	}

	got, err = Run(context.Background(), shortOptions(lateFault(t)))
	if err != nil || got.Proven || len(got.Scaling) != 0 || got.Best != (report.Best{}) {
		t.Errorf("with nothing right: %+v, %v", got, err)
	}
}

func TestRunInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	options := shortOptions(generic(t))
	options.Progress = func(p Progress) {
		if p.Done == 3 { // one of the two samples of one, both of the other
			interrupt()
		}
	}
	got, err := Run(ctx, options)
	if !errors.Is(err, context.Canceled) || !got.Incomplete {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := len(got.Kernels[0].Samples) + len(got.Kernels[1].Samples); n != 3 || !got.Proven || got.Best.Median <= 0 {
		t.Errorf("%d samples, proven %v, best %+v", n, got.Proven, got.Best)
	}
	for _, s := range got.Kernels {
		if s.Error != "" {
			t.Errorf("%+v", s)
		}
	}

	interrupted := options
	interrupted.Progress = nil
	got, err = Run(ctx, interrupted)
	if !errors.Is(err, context.Canceled) || got.Proven || got.Kernels[0].Error == "" {
		t.Errorf("before all: %+v, %v", got, err)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"samples": func(o *Options) { o.Samples = -1 },
		"threads": func(o *Options) { o.Threads = []int{1, 0} },
		"too many threads": func(o *Options) {
			o.Threads = []int{1 << 20}
		},
		"cpu": func(o *Options) { o.List = []int{77} },
	} {
		options := shortOptions(generic(t))
		change(&options)
		if _, err := Run(context.Background(), options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPowerAndThrottling(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	options := shortOptions(generic(t))
	options.Root = fstest.MapFS{
		"sys/class/powercap/intel-rapl:0/name":                             file("package-0\n"),
		"sys/class/powercap/intel-rapl:0/energy_uj":                        file("5\n"),
		"sys/class/powercap/intel-rapl:0/max_energy_range_uj":              file("9\n"),
		"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": file("2\n"),
	}
	got, err := Run(context.Background(), options)
	if err != nil || got.Environment.PowerUnavailableWhy != "" || len(got.Environment.Throttled) != 0 {
		t.Errorf("%+v, %v", got.Environment, err)
	}
	if got := throttledSince(telemetry.Throttles{Core: 1}, options.Root); !strings.Contains(got, "rose by 1 (cores)") {
		t.Errorf("throttled: %q", got)
	}

	c := newCandidate(generic(t), 1, []affinity.Placement{{CPU: -1}})
	for _, s := range []Sample{
		{Rate: 1e6, Hashes: 2e6, Elapsed: 2 * time.Second, Hertz: telemetry.Known(4e9), Threads: make([]ThreadSample, 1)},
		{Rate: 1e6, Hashes: 2e6, Elapsed: 2 * time.Second, Threads: make([]ThreadSample, 1)},
	} {
		c.add(new(gate), s, telemetry.Reading{Value: 100, OK: s.Hertz.OK}, 2)
	}
	b := &bench{Options: options, report: got}
	b.setEnvironment([]*candidate{c}, c)
	if w, j := got.Environment.Watts, got.Environment.JoulesPerTerahash; w != telemetry.Known(50) || j != telemetry.Known(5e7) {
		t.Errorf("%v W, %v J/TH; want 50 and 5e7", w, j)
	}
	if cycles := c.readings(figures.perHash); len(cycles) != 1 || cycles[0] != 4000 {
		t.Errorf("cycles %v, want one of 4000", cycles)
	}
}

func TestSunk(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want bool
	}{
		{[]float64{100, 100, 100, 100, 100, 100}, false},
		{[]float64{100, 100, 97, 97, 96, 96}, false},
		{[]float64{100, 101, 97, 97, 94, 93}, true},
		{[]float64{90, 90, 90, 100, 100, 100}, false},
		{[]float64{100, 90, 80}, false},
		{nil, false},
		{[]float64{0, 0, 0, 0, 0, 0}, false},
	} {
		if _, got := sunk(c.list); got != c.want {
			t.Errorf("sunk(%v) = %v", c.list, got)
		}
	}
}
