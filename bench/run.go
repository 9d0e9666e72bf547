package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/hashing"
	"quarry/telemetry"
)

const (
	// DefaultSamples of each series; odd, so that the median is one of them.
	DefaultSamples = 9
	defaultSample  = 300 * time.Millisecond
	defaultWarmup  = time.Second
	shortestSample = 20 * time.Millisecond
	// quotaSample is the shortest sample under a CPU quota: within a period of it,
	// usually 0.1 s, threads run at full speed and then not at all.
	quotaSample = 100 * time.Millisecond
	// shortSample is the length below which single interrupts begin to count.
	shortSample = 50 * time.Millisecond
	// sensorQuiet is the least time between two readings of the sensors: a reading
	// takes a few milliseconds, between samples.
	sensorQuiet = time.Second
)

// Options configures Run.
type Options struct {
	Kernels []hashing.Kernel // those that cannot run on this CPU are only listed
	CPUs    affinity.CPUSet
	List    []int // of CPUs to use; empty for all
	Threads []int // of the scaling curve; empty for 1, 2, 4 and so on to all CPUs
	Samples int   // of each series; 0 for DefaultSamples
	// Duration is how long the run takes, approximately: samples are sized by it,
	// down to 20 ms, and a quarter of it is for repeating those that neighbors
	// disturbed. Where it is too short for that, and Samples is 0, fewer are taken.
	// 0 makes samples 300 ms long.
	Duration time.Duration
	Seed     uint64 // of the made-up headers
	Build    report.Build
	// Progress is called before each step; Done may be less than Total at the end.
	// May be nil.
	Progress func(Progress)
	// Root is where to look for sensors; nil for this machine's files.
	Root fs.FS
	// Examine tests the kernels; nil for [hashing.Examine], in this process.
	Examine func(context.Context, []hashing.Kernel) []hashing.Report

	work   func(versions int) rings // for tests; nil for Rings
	meters func() meter             // for tests; nil for this machine's
}

// rings are the work for a number of versions.
type rings struct {
	warmup, samples []*Proof
}

// thinned returns a ring with many winners for the warm-up, which exposes wrong
// kernels, and one with few for the samples.
func thinned(seed uint64, versions int) rings {
	r := rings{warmup: Ring(seed, versions, Sparse)}
	for _, p := range r.warmup {
		r.samples = append(r.samples, p.Thin(Rare))
	}
	return r
}

// Progress is how far a run has come.
type Progress struct {
	Done, Total int // samples
	Now         string
}

// bench is a run in progress.
type bench struct {
	Options
	report   *report.Report
	began    time.Time
	sensors  *telemetry.Sensors
	hardware telemetry.Hardware // newest
	sample   time.Duration
	spare    time.Duration // for repeating samples
	rings    map[int]rings // by versions
	gate     gate
	cores    int // for threads of their own, 0 if unknown
	taken    int // samples, for Progress and for taking proofs in turn
	planned  int
	elastic  bool // fewer samples may be taken

	throttles telemetry.Throttles // before
	first     telemetry.Reading   // clock of the first warm-up
}

// Run measures the kernels on one thread, then the best on more and more.
// Wrong kernels get no figure, and the report is marked not proven. When ctx ends,
// it returns the results so far with ctx's error.
// GOMAXPROCS must leave room for the threads, and some more.
func Run(ctx context.Context, options Options) (*report.Report, error) {
	b, err := prepare(ctx, options)
	if err != nil {
		return nil, err
	}
	candidates, err := b.candidates(ctx)
	if err != nil {
		return nil, err
	}
	threads, err := b.threads()
	if err != nil {
		return nil, err
	}
	for _, c := range candidates {
		b.ring(c.versions)
	}
	b.plan(candidates, len(threads))
	err = b.measure(ctx, candidates, b.deadline(float64(len(candidates))/float64(len(candidates)+len(threads))))
	var scaling []*candidate
	if best := fastest(candidates); err == nil && best != nil {
		if scaling, err = b.scaled(best, threads); err == nil {
			err = b.measure(ctx, scaling, b.deadline(1))
		}
	}
	b.finish(candidates, scaling)
	if err != nil {
		b.report.Incomplete = true
	}
	return b.report, err
}

func prepare(ctx context.Context, options Options) (*bench, error) {
	if options.Samples < 0 || options.Duration < 0 {
		return nil, errors.New("a benchmark with a negative number of samples or time")
	}
	b := &bench{Options: options, began: time.Now(), sensors: telemetry.NewSensors(nil), rings: map[int]rings{}}
	b.elastic = b.Samples == 0 && b.Duration > 0
	b.Samples = cmp.Or(b.Samples, DefaultSamples)
	if b.Root == nil {
		b.Root = os.DirFS("/")
	}
	if b.work == nil {
		b.work = func(versions int) rings { return thinned(b.Seed, versions) }
	}
	if b.meters == nil {
		b.meters = looking
	}
	if b.Examine == nil {
		b.Examine = func(_ context.Context, list []hashing.Kernel) []hashing.Report { return hashing.Examine(list) }
	}
	if b.Progress == nil {
		b.Progress = func(Progress) {}
	}
	b.Progress(Progress{Now: "examining the machine"})
	b.hardware = b.sensors.Sample(ctx)
	b.throttles, _ = telemetry.ReadThrottles(b.Root)
	b.report = &report.Report{
		Schema: report.Schema, Began: b.began, Build: b.Build, Machine: describeMachine(b.Root, b.hardware, b.CPUs.CPUs),
		Kernels: []report.Series{}, Scaling: []report.Series{}, Skipped: []report.Skipped{}, Timeline: []report.Point{}, Warnings: []string{},
	}
	if quota := b.CPUs.Quota; quota > 0 && quota < float64(len(b.CPUs.CPUs)) {
		b.report.Machine.Quota = telemetry.Known(quota)
	}
	b.gate.known = knownLoad(b.report.Machine)
	if b.hardware.PhysicalCores.OK {
		b.cores = int(b.hardware.PhysicalCores.Value)
	}
	b.report.Environment.Throttled = []string{}
	b.report.Environment.Before.Celsius = b.hardware.CPUCelsius
	b.warnBefore()
	return b, nil
}

// deadline returns when that part of the whole is over; zero if its time is not
// limited.
func (b *bench) deadline(part float64) time.Time {
	if !b.elastic {
		return time.Time{}
	}
	return b.began.Add(time.Duration(part * float64(b.Duration)))
}

// threads returns the thread counts of the scaling curve; none if it would only
// repeat the kernels' own series.
func (b *bench) threads() ([]int, error) {
	list := b.Threads
	if len(list) == 0 {
		all, err := affinity.ChooseCPUs(b.CPUs, 0, b.List)
		if err != nil {
			return nil, err
		}
		for n := 1; n < len(all); n *= 2 {
			list = append(list, n)
		}
		list = append(list, len(all))
	}
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	if list[0] < 1 {
		return nil, fmt.Errorf("%d threads cannot hash", list[0])
	}
	if len(list) == 1 && list[0] == 1 {
		return nil, nil
	}
	return list, nil
}

// plan chooses the samples' length.
func (b *bench) plan(candidates []*candidate, scaled int) {
	series := scaled
	for _, c := range candidates {
		if c.series.Error == "" {
			series++
		}
	}
	b.planned = series * b.Samples
	b.sample = defaultSample
	warmup := defaultWarmup
	if b.Duration > 0 && b.planned > 0 {
		warmup = min(warmup, b.Duration/20)
		left := b.Duration - time.Since(b.began) - warmup
		if scaled > 0 {
			left -= warmup // once more
		}
		shortest := shortestSample
		if b.CPUs.Quota > 0 {
			shortest = quotaSample
		}
		if fit := int(left * 3 / 4 / (time.Duration(series) * shortest)); b.elastic && fit < b.Samples {
			b.Samples = max(fit, 1)
			b.planned = series * b.Samples
		}
		b.sample = max(left*3/4/time.Duration(b.planned), shortest)
	}
	b.report.Settings = report.Settings{
		SliceSeconds: batchTime.Seconds(),
		Samples:      b.Samples, SampleSeconds: b.sample.Seconds(), WarmupSeconds: warmup.Seconds(), Seed: b.Seed,
		Priority: affinity.PriorityNormal.String(),
	}
	if b.sample < shortSample {
		b.warn("samples of %.0f ms are short: give a longer --duration", b.sample.Seconds()*1e3)
	}
}

func (b *bench) warn(format string, args ...any) {
	b.report.Warnings = append(b.report.Warnings, fmt.Sprintf(format, args...))
}
