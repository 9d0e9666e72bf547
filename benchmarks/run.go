package benchmarks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"quarry/hashing"
	"quarry/miner"
	"quarry/telemetry"
)

const (
	// DefaultSamples of each series; odd, so that the median is one of them.
	DefaultSamples = 9
	defaultSample  = 300 * time.Millisecond
	defaultWarmup  = time.Second
	shortestSample = 2 * time.Millisecond
	// shortSample is the length below which single interrupts begin to count.
	shortSample = 50 * time.Millisecond
	// sensorQuiet is the least time between two looks at the sensors: they take
	// some milliseconds, between samples.
	sensorQuiet = time.Second
)

// Options are what Run measures.
type Options struct {
	Kernels []hashing.Kernel // those that this CPU lacks something for are only listed
	CPUs    miner.CPUSet
	List    []int // of CPUs to use; empty for all
	Threads []int // of the scaling curve; empty for 1, 2, 4 and so on to all CPUs
	Samples int   // of each series; 0 for DefaultSamples
	// Duration is about how long all takes: samples are sized by it. 0 makes
	// them 300 ms long.
	Duration time.Duration
	Seed     uint64 // of the made-up headers
	Build    Build
	// Progress is told before each step; done may be less than total at the
	// end. May be nil.
	Progress func(Progress)
	// Root is where to look for sensors; nil for this machine's files.
	Root fs.FS

	work func(versions int) []*Proof // for tests; nil for a Ring
}

// Progress is how far a run is.
type Progress struct {
	Done, Total int // samples
	Now         string
}

// bench is a run under way.
type bench struct {
	Options
	report  *Report
	began   time.Time
	sensors *telemetry.Sensors
	weather telemetry.Hardware // newest
	sample  time.Duration
	rings   map[int][]*Proof // by versions
	taken   int              // samples, for Progress and for taking proofs in turn
	planned int

	throttles telemetry.Throttles // before
	first     telemetry.Reading   // clock of the first warm-up
}

// Run measures the kernels on one thread, then the best on more and more.
// Kernels that are wrong get no figure, and the report says that it is not
// proven. When ctx ends, what was measured until then comes with ctx's error.
// GOMAXPROCS must leave room for the threads, and some more.
func Run(ctx context.Context, options Options) (*Report, error) {
	b, err := prepare(ctx, options)
	if err != nil {
		return nil, err
	}
	contenders, err := b.contenders()
	if err != nil {
		return nil, err
	}
	threads, err := b.threads()
	if err != nil {
		return nil, err
	}
	for _, c := range contenders {
		b.ring(c.versions)
	}
	b.plan(contenders, len(threads))
	err = b.measure(ctx, contenders)
	var scaling []*contender
	if best := fastest(contenders); err == nil && best != nil {
		if scaling, err = b.scaled(best, threads); err == nil {
			err = b.measure(ctx, scaling)
		}
	}
	b.finish(contenders, scaling)
	if err != nil {
		b.report.Incomplete = true
	}
	return b.report, err
}

func prepare(ctx context.Context, options Options) (*bench, error) {
	if options.Samples < 0 || options.Duration < 0 {
		return nil, errors.New("a benchmark with less than no samples or time")
	}
	b := &bench{Options: options, began: time.Now(), sensors: telemetry.NewSensors(nil), rings: map[int][]*Proof{}}
	b.Samples = cmp.Or(b.Samples, DefaultSamples)
	if b.Root == nil {
		b.Root = os.DirFS("/")
	}
	if b.work == nil {
		b.work = func(versions int) []*Proof { return Ring(b.Seed, versions, Sparse) }
	}
	if b.Progress == nil {
		b.Progress = func(Progress) {}
	}
	b.Progress(Progress{Now: "looking at the machine"})
	b.weather = b.sensors.Sample(ctx)
	b.throttles, _ = telemetry.ReadThrottles(b.Root)
	b.report = &Report{
		Schema: ReportSchema, Began: b.began, Build: b.Build, Machine: describeMachine(b.Root, b.weather, b.CPUs.CPUs),
		Kernels: []Series{}, Scaling: []Series{}, Skipped: []Skipped{}, Timeline: []Point{}, Warnings: []string{},
	}
	b.report.Climate.Throttled = []string{}
	b.report.Climate.Before.Celsius = b.weather.CPUCelsius
	b.warnBefore()
	return b, nil
}

// threads are the thread counts of the scaling curve; none if it would only
// repeat the kernels' own series.
func (b *bench) threads() ([]int, error) {
	list := b.Threads
	if len(list) == 0 {
		all, err := miner.ChooseCPUs(b.CPUs, 0, b.List)
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

// plan sizes the samples.
func (b *bench) plan(contenders []*contender, scaled int) {
	series := scaled
	for _, c := range contenders {
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
		b.sample = max(left/time.Duration(b.planned), shortestSample)
	}
	b.report.Settings = Settings{
		Samples: b.Samples, SampleSeconds: b.sample.Seconds(), WarmupSeconds: warmup.Seconds(), Seed: b.Seed,
		Priority: miner.PriorityNormal.String(),
	}
	if b.Samples < FewSamples {
		b.warn("only %d samples of each series: the intervals say little (%d are the least that do)", b.Samples, FewSamples)
	}
	if b.sample < shortSample {
		b.warn("samples of %.0f ms are short: give a longer --duration", b.sample.Seconds()*1e3)
	}
}

// measure warms up and then takes the samples, the contenders in turn and
// every other time in reverse, so that a drift of the machine meets them all.
func (b *bench) measure(ctx context.Context, contenders []*contender) error {
	warmup := time.Duration(b.report.Settings.WarmupSeconds * float64(time.Second) / float64(max(len(contenders), 1)))
	for _, c := range contenders {
		if err := b.once(ctx, c, warmup, "warming up"); err != nil {
			return err
		}
	}
	order := slices.Clone(contenders)
	for range b.Samples {
		for _, c := range order {
			if err := b.once(ctx, c, b.sample, "measuring"); err != nil {
				return err
			}
		}
		slices.Reverse(order)
	}
	return nil
}

// once takes one sample. A wrong kernel is no error: it is out.
func (b *bench) once(ctx context.Context, c *contender, d time.Duration, what string) error {
	warming := what != "measuring"
	if c.series.Error != "" {
		return nil
	}
	b.Progress(Progress{Done: b.taken, Total: b.planned, Now: what + " " + c.String()})
	sample, used, err := b.rate(ctx, c, d)
	var wrong *WrongKernel
	switch {
	case errors.As(err, &wrong):
		c.drop(wrong.Error(), sample.Proof)
		return nil
	case err != nil:
		return err
	}
	if warming {
		if !b.first.OK {
			b.first = b.hertz(sample)
		}
		return nil
	}
	b.taken++
	c.take(sample, used)
	if now := time.Now(); now.Sub(b.weather.SampledAt) > sensorQuiet {
		b.weather = b.sensors.Sample(ctx)
	}
	b.report.Timeline = append(b.report.Timeline, Point{
		Seconds: time.Since(b.began).Seconds(), Kernel: c.kernel.Name, Versions: c.versions, Threads: len(c.places),
		Rate: sample.Rate, Celsius: b.weather.CPUCelsius, Hertz: b.hertz(sample),
	})
	return nil
}

// rate is Rate with the energy that it took.
func (b *bench) rate(ctx context.Context, c *contender, d time.Duration) (Sample, telemetry.Reading, error) {
	ring := b.ring(c.versions)
	at := b.taken % len(ring)
	ring = append(ring[at:len(ring):len(ring)], ring[:at]...)
	before, errBefore := telemetry.ReadEnergy(b.Root)
	sample, err := Rate(ctx, c.kernel, ring, c.places, d)
	after, errAfter := telemetry.ReadEnergy(b.Root)
	if errors.Join(errBefore, errAfter) != nil {
		return sample, telemetry.Reading{}, err
	}
	return sample, after.Since(before), err
}

// ring makes the work for so many versions when it is first wanted.
func (b *bench) ring(versions int) []*Proof {
	if b.rings[versions] == nil {
		b.Progress(Progress{Now: "planting winners"})
		b.rings[versions] = b.work(versions)
	}
	return b.rings[versions]
}

// hertz is the clock as the threads measured it; where nobody knows how to,
// the system's mean over all CPUs.
func (b *bench) hertz(s Sample) telemetry.Reading {
	if clockKnown() {
		return s.Hertz
	}
	return b.weather.FrequencyHertz
}

func (b *bench) warn(format string, args ...any) {
	b.report.Warnings = append(b.report.Warnings, fmt.Sprintf(format, args...))
}
