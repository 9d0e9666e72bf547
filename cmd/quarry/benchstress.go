package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/affinity"
	"quarry/benchmarks"
	"quarry/hashing"
	"quarry/telemetry"
)

// stressPeriod is the time between two lines of a burn-in.
const stressPeriod = 10 * time.Second

// burnIn is "quarry bench --stress".
func (o *benchOrder) burnIn(ctx context.Context, stdout, stderr io.Writer) error {
	threads := 0
	if len(o.Threads) == 1 {
		threads = o.Threads[0]
	}
	places, err := affinity.ChooseCPUs(o.CPUs, threads, o.List)
	if err != nil {
		return usageFault("%v", err)
	}
	kernel, err := o.stressKernel(ctx, places, stderr)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(len(places) + spareProcs)
	say := &stressVoice{out: stdout, json: o.format == "json"}
	say.begin(kernel, places, o.stress)
	report, err := benchmarks.Stress(ctx, benchmarks.StressOptions{
		Kernel: kernel, Places: places, Duration: o.stress, Every: min(stressPeriod, o.stress), Seed: o.Seed, Line: say.line,
	})
	if err != nil {
		return err
	}
	say.end(report)
	switch {
	case say.failed != nil:
		return say.failed
	case !report.Passed:
		return cli.Exit("the burn-in "+verdict(report), exitFailed)
	case report.Incomplete:
		return cli.Exit("interrupted", exitInterrupted)
	}
	return nil
}

// stressKernel is the one named, whatever its self-test says: finding faults
// is what a burn-in is for. Otherwise it is the one that would mine there.
func (o *benchOrder) stressKernel(ctx context.Context, places []affinity.Placement, stderr io.Writer) (hashing.Kernel, error) {
	if o.named {
		return o.Kernels[0], nil
	}
	log, err := newConsoleLogger("text", "info", stderr)
	if err != nil {
		return hashing.Kernel{}, err
	}
	kernel, _, _, err := likelyKernels(ctx, newTuner(o.CPUs, places, nil, log), hashing.Auto, log)
	switch {
	case err != nil:
		return hashing.Kernel{}, err
	case ctx.Err() != nil:
		return hashing.Kernel{}, cli.Exit("interrupted", exitInterrupted)
	}
	return kernel, nil
}

// verdict is "passed: 1.2T hashes verified, 0 errors" or
// "FAILED: core 3: 2 errors".
func verdict(r *benchmarks.StressReport) string {
	if r.Passed {
		text := "passed"
		if r.Incomplete {
			text = "was ended early, without a fault until then"
		}
		return fmt.Sprintf("%s: %s hashes verified, 0 errors", text, telemetry.FormatCount(r.Hashes))
	}
	var bad []string
	for _, core := range r.Cores {
		switch {
		case core.Errors > 0:
			bad = append(bad, fmt.Sprintf("%s: %s (%s)", coreName(core), count(int(core.Errors), "error"), core.First))
		case core.Hashes == 0:
			bad = append(bad, coreName(core)+": it hashed nothing")
		}
	}
	return "FAILED: " + strings.Join(bad, "; ")
}

func coreName(core benchmarks.StressCore) string {
	if core.CPU >= 0 {
		return fmt.Sprintf("core %d", core.CPU)
	}
	return fmt.Sprintf("thread %d (not pinned)", core.Thread)
}

// stressVoice tells of a burn-in, as text or JSON lines.
type stressVoice struct {
	out    io.Writer
	json   bool
	failed error // the first failure to write
}

func (s *stressVoice) begin(kernel hashing.Kernel, places []affinity.Placement, d time.Duration) {
	if s.json {
		s.object("burn-in", struct {
			Kernel   string  `json:"kernel"`
			Versions int     `json:"versions"`
			Threads  int     `json:"threads"`
			Seconds  float64 `json:"seconds"`
		}{kernel.Name, kernel.Versions, len(places), d.Seconds()})
		return
	}
	s.printf("burn-in: %s with %s on %s (CPUs %s)\n", telemetry.FormatDuration(d), kernelText(kernel.Name, kernel.Versions),
		count(len(places), "thread"), placementText(places))
}

func (s *stressVoice) line(l benchmarks.StressLine) {
	if s.json {
		s.object("status", l)
		return
	}
	s.printf("%6s  %s  %s hashes verified  %s  temp %s  clock %s\n", telemetry.FormatSeconds(l.Seconds), telemetry.FormatRate(l.Rate),
		telemetry.FormatCount(l.Hashes), errorsText(l.Errors), l.Celsius.Format(telemetry.FormatCelsius), l.Hertz.Format(telemetry.FormatHertz))
}

func errorsText(n uint64) string {
	if n == 0 {
		return "0 errors"
	}
	return "ERRORS " + fmt.Sprint(n)
}

func (s *stressVoice) end(r *benchmarks.StressReport) {
	if s.json {
		s.object("verdict", r)
		return
	}
	var text strings.Builder
	for _, core := range r.Cores {
		fmt.Fprintf(&text, "%s: %s hashes verified, %s\n", coreName(core), telemetry.FormatCount(core.Hashes), errorsText(core.Errors))
	}
	fmt.Fprintf(&text, "rate: %s on average; temperature at the hottest %s; clock at the slowest %s\n", telemetry.FormatRate(r.Rate),
		r.Hottest.Format(telemetry.FormatCelsius), r.Slowest.Format(telemetry.FormatHertz))
	if r.Watts.OK {
		fmt.Fprintf(&text, "power: %.1f W, %.3g J/TH\n", r.Watts.Value, r.JoulesPerTerahash.Value)
	}
	writeThrottled(&text, r.Throttled)
	for _, warning := range r.Warnings {
		fmt.Fprintf(&text, "note: %s\n", warning)
	}
	s.printf("%s%s\n", text.String(), verdict(r))
}

// object writes one JSON line: kind and the value's fields.
func (s *stressVoice) object(kind string, value any) {
	fields, err := json.Marshal(value)
	if err != nil {
		s.failed = cmp.Or(s.failed, err)
		return
	}
	s.printf("{\"msg\":%q,%s\n", kind, fields[1:])
}

func (s *stressVoice) printf(format string, args ...any) {
	_, err := fmt.Fprintf(s.out, format, args...)
	s.failed = cmp.Or(s.failed, err)
}
