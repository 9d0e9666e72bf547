package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry/affinity"
	"quarry/bench/report"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"quarry/bench"
	"quarry/bench/plot"
	"quarry/bench/stats"
	"quarry/config"
	"quarry/device/cpu/tune"
	"quarry/hashing"
	"quarry/internal/cmdline"
)

const benchDescription = `Measures every kernel that this CPU can run on one thread, each plain and with
rolled versions, then the best on more and more threads. The work is proven:
winners planted at known nonces must all be found, and nothing else. A kernel
that fails gets no figure.

  quarry bench                                  a minute or so
  quarry bench --duration 10m                   longer samples: steadier figures
  quarry bench --kernel shani,generic --threads 1,2
  quarry bench --out a.json                     save the whole report
  quarry bench --format benchstat > new.txt     for benchstat
  quarry bench --stress 30m                     burn-in: errors by core

Every figure is the median of its samples, with an interval that should contain
the median of another run right afterwards (95 %: bootstrap, widened by the
observed drift). Only slices of 0.4 ms count during which no other program
disturbed the core, as shown by a short loop before and after each slice. KEPT
is how many did. If too few did, the figures come from disturbed samples, and the
interval extends to twice the figure. Under a CPU quota, and with more threads
than CPUs, the figure is what all threads did together. Tables leave out columns
that do not fit the terminal, or 80 columns (COLUMNS=200 for all); the other
formats have everything. The last line is to share: CPU, kernel, threads, rate and
proof. Ctrl-C prints what was measured so far.

Exit codes: 0 measured, all kernels correct; 1 failed, a kernel is wrong or the
burn-in found errors; 2 bad usage; 130 interrupted.`

// exitInterrupted is the shell's exit code for a program ended by SIGINT.
const exitInterrupted = 130

// maxThreads is the miner's limit.
const maxThreads = 4096

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:        "bench",
		Usage:       "measure the hashing kernels, or burn in the machine",
		Description: benchDescription,
		Flags:       benchFlags(),
		Action:      benchAction,
		Subcommands: []*cli.Command{benchCompareCommand(), benchPlotCommand()},
	}
}

func benchFlags() []cli.Flag {
	const what, how, reporting = "What", "How", "Reporting"
	return []cli.Flag{
		&cmdline.Choice{Words: kernelNames(), Loose: true, Flag: &cli.StringFlag{Category: what, Name: "kernel", Usage: "measure only these `NAMES`, separated by commas"}},
		&cli.StringFlag{Category: what, Name: "threads", Usage: "`LIST` of thread counts for the best kernel, such as 1,2,4", DefaultText: "1, 2, 4 ... all CPUs"},
		&cli.StringFlag{Category: what, Name: "cpus", Usage: "use only these CPUs, a `LIST` such as 0-3,8", DefaultText: "all"},
		&cli.DurationFlag{Category: what, Name: "stress", Usage: "burn in all CPUs (or --threads, --cpus) for this `TIME` with verified hashes", DefaultText: "no"},
		&cli.DurationFlag{Category: how, Name: "duration", Usage: "`TIME` for the whole run; samples are sized by it, and disturbed ones repeated in the last quarter", DefaultText: "0.3 s for each sample"},
		&cli.IntFlag{Category: how, Name: "samples", Value: bench.DefaultSamples, Usage: fmt.Sprintf("`COUNT` of each series; under %d intervals say little", stats.FewSamples)},
		&cli.Uint64Flag{Category: how, Name: "seed", Value: 1, Usage: "`NUMBER` from which the test headers are generated"},
		cmdline.Formats(reporting, report.Formats()...),
		&cli.StringFlag{Category: reporting, Name: "out", TakesFile: true, Usage: "write the JSON report to `FILE` as well"},
		&cli.StringFlag{Category: reporting, Name: "plot", TakesFile: true, Usage: "draw the report into `FILE`, .svg or .png"},
	}
}

// benchOrder is what the flags request.
type benchOrder struct {
	bench.Options
	format    string
	out, plot string // file names; empty for none
	stress    time.Duration
	named     bool // kernels were named
}

func benchAction(c *cli.Context) error {
	order, err := readBenchOrder(c)
	if err != nil {
		return err
	}
	order.Examine = func(ctx context.Context, list []hashing.Kernel) []hashing.Report {
		return tune.Examine(ctx, list, zap.NewNop())
	}
	ctx, release := untilInterrupted(c.Context)
	defer release()
	if order.stress > 0 {
		return order.burnIn(ctx, c.App.Writer, c.App.ErrWriter)
	}
	return order.measure(ctx, c.App.Writer, c.App.ErrWriter)
}

func (o *benchOrder) measure(ctx context.Context, stdout, stderr io.Writer) error {
	if o.plot != "" {
		if err := plot.CheckFile(o.plot); err != nil {
			return usageFault("--plot: %v", err)
		}
	}
	out, err := openOut(o.out)
	if err != nil {
		return err
	}
	defer out.close()
	bar := newBenchBar(stderr)
	o.Progress = bar.show
	threads := slices.Max(append([]int{1, len(o.CPUs.CPUs)}, o.Threads...))
	runtime.GOMAXPROCS(threads + spareProcs)
	measured, err := bench.Run(ctx, o.Options)
	bar.clear()
	if measured == nil {
		return err
	}
	written := errors.Join(measured.Write(stdout, o.format, outputWidth(stdout)), out.write(measured))
	if o.plot != "" && measured.Best.Median > 0 {
		written = errors.Join(written, plot.Write(measured, o.plot))
	}
	switch {
	case written != nil:
		return written
	case errors.Is(err, context.Canceled):
		return cli.Exit("interrupted: the results so far are above", exitInterrupted)
	case err != nil:
		return err
	case !measured.Proven:
		return cli.Exit(wrongKernels(measured), exitFailed)
	}
	return nil
}

// wrongKernels returns a line that names the kernels without a result.
func wrongKernels(r *report.Report) string {
	var faults []string
	for _, s := range slices.Concat(r.Kernels, r.Scaling) {
		fault := s.Error
		if !strings.Contains(fault, s.Kernel) {
			fault = fmt.Sprintf("kernel %q: %s", s.Kernel, fault)
		}
		if s.Error != "" && !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
	}
	if len(faults) == 0 {
		return "no kernel was measured"
	}
	return strings.Join(faults, "; ")
}

// readBenchOrder checks the flags before anything is started.
func readBenchOrder(c *cli.Context) (*benchOrder, error) {
	o := &benchOrder{
		format: c.String("format"), out: c.String("out"), plot: c.String("plot"), stress: c.Duration("stress"), named: c.IsSet("kernel"),
		Options: bench.Options{
			Samples: c.Int("samples"), Duration: c.Duration("duration"), Seed: c.Uint64("seed"), Build: thisBuild(),
		},
	}
	var err error
	if o.Kernels, err = benchKernels(c.String("kernel")); err != nil {
		return nil, usageFault("--kernel: %v", err)
	}
	if o.Threads, err = parseThreads(c.String("threads")); err != nil {
		return nil, usageFault("--threads: %v", err)
	}
	list, err := config.ParseCPUList(c.String("cpus"))
	if err != nil {
		return nil, usageFault("--cpus: %v", err)
	}
	if o.List = list; c.IsSet("cpus") && strings.TrimSpace(c.String("cpus")) == "" {
		return nil, usageFault("--cpus: the list is empty")
	}
	if o.CPUs, err = affinity.UsableCPUs(); err != nil {
		return nil, fmt.Errorf("finding the CPUs: %w", err)
	}
	if _, err := affinity.ChooseCPUs(o.CPUs, 0, o.List); err != nil {
		return nil, usageFault("--cpus: %v", err)
	}
	if err := o.check(c); err != nil || c.IsSet("samples") {
		return o, err
	}
	o.Samples = 0 // as many as fit
	return o, nil
}

// check rejects flags that do not work together.
func (o *benchOrder) check(c *cli.Context) error {
	if c.IsSet("stress") {
		for _, name := range []string{"duration", "samples", "out", "plot"} {
			if c.IsSet(name) {
				return usageFault("--%s cannot be used with --stress", name)
			}
		}
		if len(o.Threads) > 1 {
			return usageFault("--threads: a burn-in takes one thread count, not %d", len(o.Threads))
		}
		if o.named && len(o.Kernels) != 1 {
			return usageFault("--kernel: a burn-in runs one kernel, not %d", len(o.Kernels))
		}
	}
	for _, name := range []string{"kernel", "threads", "out", "plot"} {
		if c.IsSet(name) && c.String(name) == "" {
			return usageFault("--%s: the value is empty", name)
		}
	}
	switch {
	case c.IsSet("stress") && o.format != "table" && o.format != "json":
		return usageFault("--format %s: a burn-in prints table or json", o.format)
	case c.IsSet("stress") && o.stress <= 0:
		return usageFault("--stress %v: want a time above 0, such as 30m", o.stress)
	case c.IsSet("duration") && o.Duration <= 0:
		return usageFault("--duration %v: want a time above 0, such as 1m", o.Duration)
	case o.Samples < 1 || o.Samples > 10000:
		return usageFault("--samples %d: want 1 to 10000", o.Samples)
	}
	return nil
}

// benchKernels returns the kernels of the list, or all if it is empty. Named ones
// must be able to run here.
func benchKernels(list string) ([]hashing.Kernel, error) {
	all := hashing.Kernels()
	if list == "" {
		return all, nil
	}
	var chosen []hashing.Kernel
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(all, func(k hashing.Kernel) bool { return k.Name == name })
		if i < 0 {
			return nil, unknownKernel(name, kernelNames())
		}
		if lacks := all[i].MissingHere(); lacks != "" {
			return nil, fmt.Errorf("kernel %q cannot run here: this CPU lacks %s", name, lacks)
		}
		if !slices.ContainsFunc(chosen, func(k hashing.Kernel) bool { return k.Name == name }) {
			chosen = append(chosen, all[i])
		}
	}
	return chosen, nil
}

// parseThreads reads "1,2,4"; empty text gives none.
func parseThreads(list string) (threads []int, err error) {
	if list == "" {
		return nil, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > maxThreads {
			return nil, fmt.Errorf("%.40q is not a number from 1 to %d: write it like 1,2,4", text, maxThreads)
		}
		threads = append(threads, n)
	}
	return threads, nil
}
