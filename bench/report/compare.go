package report

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"quarry/bench/stats"
	"quarry/telemetry"
)

// Verdicts of a ComparedSeries.
const (
	Faster            = "faster" // B than A
	Slower            = "slower"
	NoDifferenceShown = "no difference shown"
	TooFewSamples     = "too few samples" // a ratio, but no interval
	NoFigure          = "no figure"
)

// Comparison is report B against report A.
type Comparison struct {
	// Series has those in both reports, in B's order.
	Series []ComparedSeries `json:"series"`
	// OnlyA and OnlyB have those in one report.
	OnlyA []SeriesKey `json:"only_a"`
	OnlyB []SeriesKey `json:"only_b"`
	// Differences lists differing conditions.
	Differences []Difference `json:"differences"`
	// WarningsA and WarningsB are the reports' own.
	WarningsA []string `json:"warnings_a"`
	WarningsB []string `json:"warnings_b"`
}

// ComparedSeries is one series of both reports. Rates are hashes a second.
type ComparedSeries struct {
	SeriesKey
	A     telemetry.Reading `json:"a_median_hashes_per_second"`
	B     telemetry.Reading `json:"b_median_hashes_per_second"`
	Ratio telemetry.Reading `json:"ratio"` // of the medians, B/A
	// Low and High are the 95 % interval of the ratio by the samples of both
	// (bootstrap), widened by the drift within the runs. It does not cover
	// changes between them.
	Low     telemetry.Reading `json:"low"`
	High    telemetry.Reading `json:"high"`
	Verdict string            `json:"verdict"`
	Note    string            `json:"note,omitempty"` // why there is no figure or no interval
}

// Difference is a condition in which the measurements differ.
type Difference struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Compare compares B with A. It fails if one of them is not proven, if they have
// nothing in common, or if ctx ends.
func Compare(ctx context.Context, a, b *Report) (*Comparison, error) {
	for _, side := range []struct {
		name   string
		report *Report
	}{{"A", a}, {"B", b}} {
		if !side.report.Proven {
			return nil, fmt.Errorf("%s is not proven: a kernel was wrong, or none was measured, so its rates mean nothing; measure again", side.name)
		}
	}
	c := &Comparison{
		OnlyA: []SeriesKey{}, OnlyB: []SeriesKey{}, Differences: differences(a, b),
		WarningsA: a.doubts(), WarningsB: b.doubts(),
	}
	inA, inB := a.series(), b.series()
	for _, s := range inA {
		if find(inB, s.Key()) == nil {
			c.OnlyA = append(c.OnlyA, s.Key())
		}
	}
	for _, s := range inB {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if other := find(inA, s.Key()); other != nil {
			drift := math.Hypot(a.drift(other.Disturbed), b.drift(s.Disturbed))
			c.Series = append(c.Series, compareSeries(other, &s, drift))
		} else {
			c.OnlyB = append(c.OnlyB, s.Key())
		}
	}
	if len(c.Series) == 0 {
		return nil, fmt.Errorf("the reports have no series in common (kernel, versions and threads): A has %s; B has %s", names(inA), names(inB))
	}
	return c, nil
}

// series returns all of the report, each key once. If the best kernel on one
// thread is in both lists, the first one counts.
func (r *Report) series() []Series {
	var all []Series
	for _, s := range slices.Concat(r.Kernels, r.Scaling) {
		if find(all, s.Key()) == nil {
			all = append(all, s)
		}
	}
	return all
}

func find(list []Series, key SeriesKey) *Series {
	for i := range list {
		if list[i].Key() == key {
			return &list[i]
		}
	}
	return nil
}

func names(list []Series) string {
	if len(list) == 0 {
		return "none"
	}
	var all []string
	for _, s := range list {
		all = append(all, s.Key().String())
	}
	return strings.Join(all, "; ")
}

// drift returns the drift over all series of the report, either the disturbed or the
// undisturbed ones.
func (r *Report) drift(disturbed bool) float64 {
	var runs [][]float64
	for _, s := range slices.Concat(r.Kernels, r.Scaling) {
		if s.Disturbed == disturbed {
			runs = append(runs, s.Samples)
		}
	}
	return stats.Drift(runs...)
}

func compareSeries(a, b *Series, drift float64) ComparedSeries {
	row := ComparedSeries{SeriesKey: b.Key(), Verdict: NoFigure}
	for _, side := range []struct {
		name   string
		series *Series
		median *telemetry.Reading
	}{{"A", a, &row.A}, {"B", b, &row.B}} {
		if side.series.Error != "" {
			row.Note += fmt.Sprintf("%s: %s. ", side.name, Printable(side.series.Error))
			continue
		}
		*side.median = telemetry.Known(side.series.figure())
	}
	row.Note = strings.TrimSuffix(row.Note, ". ")
	if !row.A.OK || !row.B.OK {
		return row
	}
	row.Ratio = telemetry.Known(row.B.Value / row.A.Value)
	if fewest := min(len(a.Samples), len(b.Samples)); fewest < 2 {
		row.Verdict, row.Note = TooFewSamples, "an interval needs at least 2 samples of both"
		return row
	}
	low, high := stats.RatioInterval(a.Samples, b.Samples, drift)
	if a.Disturbed {
		low /= halved
	}
	if b.Disturbed {
		high *= halved
	}
	row.Low, row.High = telemetry.Known(low), telemetry.Known(high)
	switch {
	case low > 1:
		row.Verdict = Faster
	case high < 1:
		row.Verdict = Slower
	default:
		row.Verdict = NoDifferenceShown
	}
	return row
}

// figure returns the median of the samples, because the interval comes from them and
// must contain its ratio; without samples, the report's median.
func (s *Series) figure() float64 {
	if len(s.Samples) == 0 {
		return s.Median
	}
	return stats.Median(s.Samples)
}

// differences returns the conditions that differ. The seed does not count, because
// every header costs the same.
func differences(a, b *Report) []Difference {
	list := []Difference{}
	for _, d := range []struct {
		what string
		a, b any
	}{
		{"CPU", a.Machine.CPU, b.Machine.CPU},
		{"CPU family, model, stepping",
			[]int{a.Machine.Family, a.Machine.Model, a.Machine.Stepping}, []int{b.Machine.Family, b.Machine.Model, b.Machine.Stepping}},
		{"microcode", a.Machine.Microcode, b.Machine.Microcode},
		{"CPU features", a.Machine.Features, b.Machine.Features},
		{"usable CPUs", a.Machine.UsableCPUs, b.Machine.UsableCPUs},
		{"CPU quota", a.Machine.Quota.String(), b.Machine.Quota.String()},
		{"governor", a.Machine.Governor, b.Machine.Governor},
		{"hypervisor", a.Machine.Hypervisor, b.Machine.Hypervisor},
		{"system", a.Machine.OS, b.Machine.OS},
		{"quarry version", a.Build.Version, b.Build.Version},
		{"Go", a.Build.Go, b.Build.Go},
		{"target", a.Build.Target, b.Build.Target},
		{"build tags", a.Build.Tags, b.Build.Tags},
		{"samples", a.Settings.Samples, b.Settings.Samples},
		{"seconds of a sample", roughly(a.Settings.SampleSeconds), roughly(b.Settings.SampleSeconds)},
		{"seconds of warm-up", roughly(a.Settings.WarmupSeconds), roughly(b.Settings.WarmupSeconds)},
		{"priority", a.Settings.Priority, b.Settings.Priority},
	} {
		if !reflect.DeepEqual(d.a, d.b) {
			list = append(list, Difference{What: d.what, A: Printable(fmt.Sprint(d.a)), B: Printable(fmt.Sprint(d.b))})
		}
	}
	return list
}

// roughly returns seconds with two digits: --duration fits samples to the machine,
// so no two runs agree to the microsecond.
func roughly(seconds float64) string { return fmt.Sprintf("%.2g", seconds) }

// Printable returns text of a foreign file made safe for a terminal: no control
// characters, limited in length, not empty.
func Printable(text string) string {
	const longest = 200
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "..."
	}
	if text == "" {
		return "none"
	}
	return text
}

// doubts returns the report's own warnings.
func (r *Report) doubts() []string {
	doubts := []string{}
	if r.Incomplete {
		doubts = append(doubts, "the run ended before everything was measured")
	}
	for _, warning := range r.Warnings {
		doubts = append(doubts, Printable(warning))
	}
	return doubts
}
