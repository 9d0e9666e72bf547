package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/bench"
	"quarry/bench/report"
	"quarry/device/cpu/tune"
	"quarry/hashing"
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
	printer := &report.StressPrinter{Out: stdout, JSON: o.format == "json", Width: outputWidth(stdout)}
	printer.Begin(kernel.Name, kernel.Versions, len(places), placementText(places), o.stress)
	result, err := bench.Stress(ctx, bench.StressOptions{
		Kernel: kernel, Places: places, Duration: o.stress, Every: min(stressPeriod, o.stress), Seed: o.Seed, Line: printer.Line,
	})
	if err != nil {
		return err
	}
	printer.End(result)
	switch {
	case printer.Err != nil:
		return printer.Err
	case !result.Passed:
		return cli.Exit("the burn-in "+result.Verdict(), exitFailed)
	case result.Incomplete:
		return cli.Exit("interrupted", exitInterrupted)
	}
	return nil
}

// stressKernel returns the named kernel even if its self-test fails, because a
// burn-in is meant to find faults; otherwise the one that would mine there. One that
// crashes the process that tests it would end the burn-in at once.
func (o *benchOrder) stressKernel(ctx context.Context, places []affinity.Placement, stderr io.Writer) (kernel hashing.Kernel, err error) {
	log, err := newConsoleLogger("text", "info", stderr)
	if err != nil {
		return kernel, err
	}
	tuner, choice := newTuner(o.CPUs, places, nil, log), o.Kernels[:1]
	if !o.named {
		choice = tuner.Best(tuner.Rates(ctx), true)
	}
	err = errors.New("no kernel can be used on this machine: quarry kernels says why")
	for _, k := range choice {
		tested := tuner.Examine(ctx, []hashing.Kernel{k})[0]
		switch {
		case ctx.Err() != nil:
			return k, cli.Exit("interrupted", exitInterrupted)
		case !errors.Is(tested.Err, tune.ErrCrash):
			return k, nil
		}
		err = cli.Exit(fmt.Sprintf("kernel %q cannot be burnt in: %v", k.Name, tested.Err), exitFailed)
		if !o.named {
			log.Error("kernel is not used", zap.String("kernel", k.Name), zap.Error(tested.Err))
		}
	}
	return kernel, err
}
