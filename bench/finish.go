package bench

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"quarry/bench/report"
	"quarry/bench/stats"
	"quarry/telemetry"
)

const (
	// sinks is the fall of a rate or clock during a run from which on it is
	// reported as throttling: 5 %.
	sinks = 0.05
	// busyLoad is the load average above which other programs are assumed to run.
	busyLoad = 0.5
)

// warnBefore warns of what makes figures doubtful from the start.
func (b *bench) warnBefore() {
	m := b.report.Machine
	if m.Hypervisor != "" && m.Hypervisor != unavailable {
		b.warn("a virtual machine (%s): its neighbors change its speed", m.Hypervisor)
	}
	if m.Governor != unavailable && m.Governor != "performance" {
		b.warn("the frequency governor is %s, not performance", m.Governor)
	}
	if part := m.Part(); part != "" {
		b.warn("figures are %s: what this process may use, not the whole machine", part)
	}
	if load := b.hardware.LoadAverage1; load.OK && load.Value > busyLoad {
		b.warn("other programs are running, or were just now: the load average is %.2f", load.Value)
	}
}

// finish turns the candidates into the report.
func (b *bench) finish(candidates, scaling []*candidate) {
	r := b.report
	all := slices.Concat(candidates, scaling)
	runs := map[bool][][]float64{} // by whether they are disturbed: neighbors drift more than machines
	for _, c := range all {
		c.tally.discardEarly(b.gate.level())
		_, disturbed := c.tally.figures()
		runs[disturbed] = append(runs[disturbed], c.rates())
	}
	for _, c := range all {
		_, disturbed := c.tally.figures()
		c.summarize(stats.Drift(runs[disturbed]...), b.Seed)
		c.series.PortBound = portBound(r.Machine, c.series.Key())
	}
	b.warnAfter(all)
	setEfficiency(candidates, scaling)
	for _, c := range candidates {
		r.Kernels = append(r.Kernels, c.series)
	}
	for _, c := range scaling {
		r.Scaling = append(r.Scaling, c.series)
	}
	best := fastest(all)
	if best != nil {
		r.Best = report.Best{Kernel: best.kernel.Name, Versions: best.versions, Threads: best.series.Threads, Median: best.series.Median}
	}
	r.Proven = best != nil && !slices.ContainsFunc(all, (*candidate).wrong)
	b.setEnvironment(all, best)
	r.Seconds = time.Since(b.began).Seconds()
}

// warnAfter warns of what makes figures doubtful, of each kind once.
func (b *bench) warnAfter(all []*candidate) {
	var disturbed, shared []string
	samples := b.Samples
	for _, c := range all {
		if c.series.Error != "" {
			continue
		}
		samples = min(samples, len(c.series.Samples))
		if c.series.Disturbed {
			disturbed = append(disturbed, c.String())
		}
		if c.series.Shared {
			shared = append(shared, c.String())
		}
	}
	if b.elastic {
		b.report.Settings.Samples = samples
	}
	if n := b.report.Settings.Samples; n < stats.FewSamples {
		b.warn("only %s of each series: intervals need at least %d to mean much", telemetry.FormatItems(n, "sample"), stats.FewSamples)
	}
	if len(disturbed) > 0 {
		b.warn("neighbors disturbed %s: the machine's own rate may be up to twice the figure", someOf(disturbed, len(all)))
	}
	if len(shared) > 0 {
		b.warn("threads had less than a CPU each in %s: the figure is that of all together", someOf(shared, len(all)))
	}
}

// someOf returns text such as "3 of 18 series (shani, avx2, ...)".
func someOf(names []string, all int) string {
	const most = 3
	text := strings.Join(names[:min(len(names), most)], "; ")
	if len(names) > most {
		text += "; ..."
	}
	return fmt.Sprintf("%d of %d series (%s)", len(names), all, text)
}

// wrong reports whether the series has no figure although it was measured.
func (c *candidate) wrong() bool { return c.series.Error != "" && !c.unmeasured }

// setEfficiency compares with the same kernel on one thread: from the scaling curve
// if it has one thread, otherwise from the kernels' own series.
func setEfficiency(candidates, scaling []*candidate) {
	for _, c := range scaling {
		for _, one := range slices.Concat(scaling, candidates) {
			same := one.series.Threads == 1 && one.kernel.Name == c.kernel.Name && one.versions == c.versions
			if same && one.series.Median > 0 && c.series.Median > 0 {
				c.series.Efficiency = telemetry.Known(c.series.Median / (float64(c.series.Threads) * one.series.Median))
				break
			}
		}
	}
}

func (b *bench) setEnvironment(all []*candidate, best *candidate) {
	env := &b.report.Environment
	env.Before.Hertz = b.first
	env.Hottest = env.Before.Celsius
	for _, p := range b.report.Timeline {
		env.Hottest = larger(env.Hottest, p.Celsius)
		env.Slowest = smaller(env.Slowest, p.Hertz)
		env.After = report.Conditions{Celsius: p.Celsius, Hertz: p.Hertz}
	}
	b.noticeThrottling(all)
	if best != nil && best.joules > 0 {
		env.Watts = telemetry.Known(best.joules / best.seconds)
		env.JoulesPerTerahash = telemetry.Known(best.joules / float64(best.hashes) * 1e12)
	} else if _, err := telemetry.ReadEnergy(b.Root); err != nil {
		env.PowerUnavailableWhy = err.Error()
	}
}

func larger(a, b telemetry.Reading) telemetry.Reading {
	if !a.OK || b.OK && b.Value > a.Value {
		return b
	}
	return a
}

func smaller(a, b telemetry.Reading) telemetry.Reading {
	if !a.OK || b.OK && b.Value < a.Value {
		return b
	}
	return a
}

// noticeThrottling checks the counters, and for every series whether its clock, or
// else its rate, fell by more than 5 % from its first to its last samples.
func (b *bench) noticeThrottling(all []*candidate) {
	env := &b.report.Environment
	if text := throttledSince(b.throttles, b.Root); text != "" {
		env.Throttled = append(env.Throttled, text)
	}
	clocks, rates := fall{what: "the clock"}, fall{what: "the rate"}
	for _, c := range all {
		if drop, ok := sunk(c.readings(figures.clock)); ok {
			clocks.add(c, drop)
		} else if drop, ok := sunk(c.rates()); ok {
			rates.add(c, drop)
		}
	}
	var falls []string
	for _, f := range []fall{clocks, rates} {
		if f.series > 0 {
			falls = append(falls, fmt.Sprintf("%s fell in %d of %d series, by up to %.0f %% (%s)", f.what, f.series, len(all), 100*f.most, f.worst))
		}
	}
	if len(falls) > 0 {
		env.Throttled = append(env.Throttled, strings.Join(falls, ", ")+", because of heat or other load")
	}
}

// fall is what fell during the run.
type fall struct {
	what   string
	series int
	most   float64
	worst  string // series
}

func (f *fall) add(c *candidate, drop float64) {
	if f.series++; drop > f.most {
		f.most, f.worst = drop, c.String()
	}
}

// sunk compares the median of the last third with that of the first; it needs six
// values.
func sunk(list []float64) (drop float64, ok bool) {
	third := len(list) / 3
	if third < 2 {
		return 0, false
	}
	first, last := stats.Median(list[:third]), stats.Median(list[len(list)-third:])
	if first <= 0 {
		return 0, false
	}
	drop = 1 - last/first
	return drop, drop > sinks
}

// throttledSince reports whether the CPU's own throttle counters rose, in words.
func throttledSince(before telemetry.Throttles, root fs.FS) string {
	now, ok := telemetry.ReadThrottles(root)
	if !ok || now.Core <= before.Core && now.Package <= before.Package {
		return ""
	}
	return fmt.Sprintf("the CPU throttled for heat: its counters rose by %d (cores) and %d (packages)",
		now.Core-before.Core, now.Package-before.Package)
}
