package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/bench/stats"
	"quarry/hashing"
	"quarry/telemetry"
)

// StressOptions configures Stress.
type StressOptions struct {
	Kernel   hashing.Kernel
	Places   []affinity.Placement // one for each thread
	Duration time.Duration
	Every    time.Duration // between two lines
	Seed     uint64        // of the made-up headers
	// Line is called with each progress line; may be nil.
	Line func(report.StressLine)
	// Root is where to look for sensors; nil for this machine's files.
	Root fs.FS

	work  func(versions int) []*Proof // for tests; nil for a Ring
	ticks <-chan time.Time            // for tests; nil for every Every
}

// burner is one thread of a burn-in. Its counters are read while it runs.
type burner struct {
	kernel hashing.Kernel
	place  affinity.Placement
	hashes atomic.Uint64
	errors atomic.Uint64
	hertz  atomic.Uint64 // bits of a float, 0 for none
	first  string        // for other goroutines once it has ended
}

// burnIn is a burn-in in progress.
type burnIn struct {
	StressOptions
	burners   []*burner
	sensors   *telemetry.Sensors
	began     time.Time
	lines     []report.StressLine
	newest    report.StressLine // the last readings, which may have no line
	energy    telemetry.Energy
	joules    telemetry.Reading
	throttles telemetry.Throttles
	warnings  []string
}

// Stress hashes on all placements at once until the duration is over or ctx
// ends, proves every batch, counts what is wrong and continues. The error is not
// about wrong hashes; those are in the report.
func Stress(ctx context.Context, options StressOptions) (*report.Stress, error) {
	b := &burnIn{StressOptions: options, sensors: telemetry.NewSensors(nil)}
	if len(b.Places) == 0 || b.Every <= 0 && b.ticks == nil {
		return nil, errors.New("a burn-in without threads or lines")
	}
	if b.Root == nil {
		b.Root = os.DirFS("/")
	}
	if b.work == nil {
		b.work = func(versions int) []*Proof { return Ring(b.Seed, versions, Dense) }
	}
	b.throttles, _ = telemetry.ReadThrottles(b.Root)
	b.energy, _ = telemetry.ReadEnergy(b.Root)
	b.joules = telemetry.Known(0)
	b.Places = slices.Clone(b.Places)
	for i, place := range b.Places {
		if err := tryPinning(place); err != nil {
			b.Places[i] = affinity.Placement{CPU: -1, Reason: err.Error()}
			if text := "threads are not pinned: " + err.Error(); !slices.Contains(b.warnings, text) {
				b.warnings = append(b.warnings, text)
			}
		}
	}
	proofs := b.work(b.Kernel.Versions)
	if b.ticks == nil {
		ticker := time.NewTicker(b.Every)
		defer ticker.Stop()
		b.ticks = ticker.C
	}
	incomplete := b.burn(ctx, proofs)
	return b.report(incomplete), nil
}

// burn runs the threads, and reports a line at every tick.
func (b *burnIn) burn(ctx context.Context, proofs []*Proof) (incomplete bool) {
	var stop atomic.Bool
	var running sync.WaitGroup
	b.began = time.Now()
	for i, place := range b.Places {
		burner := &burner{kernel: b.Kernel, place: place}
		b.burners = append(b.burners, burner)
		running.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread dies, and its pinning with it
			burner.run(newScanner(burner.kernel, proofs, i), &stop)
		})
	}
	end := time.NewTimer(b.Duration)
	defer end.Stop()
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over, incomplete = true, true
		case <-end.C:
			over = true
		case <-b.ticks:
			b.line(ctx)
		}
	}
	stop.Store(true)
	running.Wait()
	b.line(context.WithoutCancel(ctx))
	return incomplete
}

// run hashes until stop is set, one batch at least.
func (r *burner) run(s *scanner, stop *atomic.Bool) {
	if err := pinThread(r.place); err != nil { // although it worked a moment ago
		r.blame(1, err.Error())
	}
	var looked time.Time
	for more := true; more; more = !stop.Load() {
		if time.Since(looked) > sensorQuiet {
			looked = time.Now()
			r.hertz.Store(math.Float64bits(clock().Value))
		}
		count, err := s.next()
		switch {
		case err != nil:
			r.blame(1, err.Error())
		case !count.Right():
			r.blame(count.Errors(), count.String())
		default:
			r.hashes.Add(count.Hashes)
		}
	}
}

func (r *burner) blame(errors uint64, why string) {
	if r.errors.Add(errors) == errors {
		r.first = why
	}
}

// leastLine is the shortest time between two lines: the closing one may come right
// after another, and a rate over some milliseconds is a matter of chance.
const leastLine = time.Second

// line takes all readings and reports them, unless the last line was just now.
func (b *burnIn) line(ctx context.Context) {
	last := report.StressLine{}
	if n := len(b.lines); n > 0 {
		last = b.lines[n-1]
	}
	line := b.readings(ctx)
	took := line.Seconds - last.Seconds
	if least := min(leastLine, b.Every/2); len(b.lines) > 0 && took < least.Seconds() {
		return
	}
	if took > 0 {
		line.Rate = float64(line.Hashes-last.Hashes) / took
	}
	b.lines = append(b.lines, line)
	if b.Line != nil {
		b.Line(line)
	}
}

// readings returns a line without its rate, and keeps it as the newest.
func (b *burnIn) readings(ctx context.Context) report.StressLine {
	if now, err := telemetry.ReadEnergy(b.Root); err == nil {
		used := now.Since(b.energy)
		b.joules = telemetry.Reading{Value: b.joules.Value + used.Value, OK: b.joules.OK && used.OK}
		b.energy = now
	} else {
		b.joules = telemetry.Reading{}
	}
	line := report.StressLine{Celsius: b.sensors.Sample(ctx).CPUCelsius}
	var clocks []float64
	for _, r := range b.burners {
		line.Hashes += r.hashes.Load()
		line.Errors += r.errors.Load()
		if hertz := math.Float64frombits(r.hertz.Load()); hertz > 0 {
			clocks = append(clocks, hertz)
		}
	}
	if len(clocks) == len(b.burners) {
		line.Hertz = telemetry.Known(stats.Median(clocks))
	}
	line.Seconds = time.Since(b.began).Seconds()
	b.newest = line
	return line
}

func (b *burnIn) report(incomplete bool) *report.Stress {
	last := b.newest
	r := &report.Stress{
		Kernel: b.Kernel.Name, Versions: b.Kernel.Versions, Seconds: last.Seconds, Hashes: last.Hashes, Errors: last.Errors,
		Passed: last.Errors == 0, Incomplete: incomplete, Throttled: b.throttled(), Warnings: append([]string{}, b.warnings...),
	}
	if last.Seconds > 0 {
		r.Rate = float64(last.Hashes) / last.Seconds
	}
	for i, burner := range b.burners {
		core := report.StressCore{Thread: i, CPU: burner.place.CPU, Hashes: burner.hashes.Load(), Errors: burner.errors.Load(), First: burner.first}
		r.Passed = r.Passed && core.Hashes > 0
		r.Cores = append(r.Cores, core)
	}
	for _, line := range append(b.lines[:len(b.lines):len(b.lines)], b.newest) {
		r.Hottest = larger(r.Hottest, line.Celsius)
		r.Slowest = smaller(r.Slowest, line.Hertz)
	}
	if b.joules.OK && last.Seconds > 0 && last.Hashes > 0 {
		r.Watts = telemetry.Known(b.joules.Value / last.Seconds)
		r.JoulesPerTerahash = telemetry.Known(b.joules.Value / float64(last.Hashes) * 1e12)
	}
	return r
}

// throttled compares the counters with those at the beginning, and the median
// rate and clock of each minute with those of the first.
func (b *burnIn) throttled() []string {
	noticed := []string{}
	if text := throttledSince(b.throttles, b.Root); text != "" {
		noticed = append(noticed, text)
	}
	rates := perMinute(b.lines, func(l report.StressLine) telemetry.Reading { return telemetry.Known(l.Rate) })
	clocks := perMinute(b.lines, func(l report.StressLine) telemetry.Reading { return l.Hertz })
	var falls []string
	for _, kind := range []struct {
		name    string
		minutes []float64
	}{{"clock", clocks}, {"rate", rates}} {
		if len(kind.minutes) < 2 || kind.minutes[0] <= 0 {
			continue
		}
		if drop := 1 - slices.Min(kind.minutes)/kind.minutes[0]; drop > sinks {
			falls = append(falls, fmt.Sprintf("the %s fell by up to %.0f %%", kind.name, drop*100))
		}
	}
	if len(falls) > 0 {
		noticed = append(noticed, strings.Join(falls, " and ")+" below the first minute's")
	}
	return noticed
}

// perMinute returns the medians of each minute that has lines with a value.
func perMinute(lines []report.StressLine, value func(report.StressLine) telemetry.Reading) (medians []float64) {
	var minute []float64
	for i, line := range lines {
		if v := value(line); v.OK {
			minute = append(minute, v.Value)
		}
		ends := i+1 == len(lines) || int(lines[i+1].Seconds/60) > int(line.Seconds/60)
		if ends && len(minute) > 0 {
			medians = append(medians, stats.Median(minute))
			minute = nil
		}
	}
	return medians
}
