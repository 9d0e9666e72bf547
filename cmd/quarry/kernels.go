package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/config"
	"quarry/device/cpu/tune"
	"quarry/hashing"
)

// This file connects package tune to the commands.

// probe runs the child process that tests kernels, started by [tune.Spawn]. It is
// not a command of the app, because building that takes a millisecond, which would
// delay the first hash.
func probe(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	err := tune.Serve(ctx, stdin, stdout)
	if errors.Is(err, tune.ErrNoOrder) {
		return usageFault("%s is for quarry's own use: see quarry kernels --measure (%v)", tune.Command, err)
	}
	return err
}

func newTuner(set affinity.CPUSet, placements []affinity.Placement, child *tune.Child, log *zap.Logger) *tune.Tuner {
	return tune.New(tune.Options{Set: set, Placements: placements, Version: versionText(), Child: child, Log: log})
}

// kernelOptions returns the named kernel, tested here; others replace it if it goes
// wrong. For "auto" it returns none: kernels are tested and chosen while mining. In
// both cases the tuner must be run or stopped.
func kernelOptions(ctx context.Context, t *tune.Tuner, name string, log *zap.Logger) (kernels []hashing.Kernel, err error) {
	if name == hashing.Auto || name == "" {
		t.Start(ctx, "")
		return nil, nil
	}
	kernel, err := namedKernel(name, log)
	if err != nil {
		return nil, err
	}
	t.Start(ctx, name)
	return []hashing.Kernel{kernel}, nil
}

// namedKernel returns the kernel of that name if it passes its self-test.
func namedKernel(name string, log *zap.Logger) (hashing.Kernel, error) {
	kernel, reports, err := hashing.ChooseFrom(hashing.Kernels(), name)
	for _, r := range reports {
		if r.Err != nil {
			log.Error("kernel failed its self-test and is not used", zap.String("kernel", r.Kernel.Name), zap.Error(r.Err))
		}
	}
	if err != nil {
		return hashing.Kernel{}, usageFault("%v", err)
	}
	return kernel, nil
}

// likelyKernels returns the kernels that quarry mine would end up with, for jobs
// with and without version rolling, and the known rates.
func likelyKernels(ctx context.Context, t *tune.Tuner, name string, log *zap.Logger) (rolled, plain hashing.Kernel, found []tune.Finding, err error) {
	found = t.Rates(ctx)
	if name != hashing.Auto && name != "" {
		rolled, err = namedKernel(name, log)
		return rolled, rolled, found, err
	}
	usable, usablePlain := t.Best(found, true), t.Best(found, false)
	if len(usable) == 0 {
		return rolled, plain, found, errors.New("no kernel can be used on this machine: quarry kernels says why")
	}
	return usable[0], usablePlain[0], found, nil
}

// choosePlacements decides which CPUs to hash on.
func choosePlacements(c config.CPU) (affinity.CPUSet, []affinity.Placement, error) {
	set, err := affinity.UsableCPUs()
	if err != nil {
		return set, nil, fmt.Errorf("finding the CPUs: %w", err)
	}
	placements, err := affinity.ChooseCPUs(set, c.Threads, c.CPUs)
	if err != nil {
		return set, nil, usageFault("%v", err)
	}
	return set, placements, nil
}
