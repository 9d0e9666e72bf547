package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/config"
	"quarry/device/cpu/tune"
	"quarry/hashing"
	"quarry/internal/typed"
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

// kernelOptions returns the named kernel, tested; others replace it if it goes
// wrong. For "auto" it returns none: kernels are tested and chosen while mining. In
// both cases the tuner must be run or stopped, unless there is an error.
func kernelOptions(ctx context.Context, t *tune.Tuner, name string) (kernels []hashing.Kernel, err error) {
	if name == hashing.Auto || name == "" {
		t.Start(ctx, "")
		return nil, nil
	}
	kernel, err := namedKernel(ctx, t, name)
	if err != nil {
		return nil, err
	}
	t.Start(ctx, name)
	return []hashing.Kernel{kernel}, nil
}

// namedKernel returns the kernel of that name if it passes its test, in a child
// process: its name may have been given because CPUID is wrong here.
func namedKernel(ctx context.Context, t *tune.Tuner, name string) (hashing.Kernel, error) {
	kernel, err := hashing.Lookup(name)
	if err != nil {
		return kernel, usageFault("%v", err)
	}
	switch r := t.Examine(ctx, []hashing.Kernel{kernel})[0]; {
	case r.Missing != "":
		return kernel, usageFault("kernel %q cannot run here: this CPU lacks %s; use %q", name, r.Missing, hashing.Auto)
	case ctx.Err() != nil:
		return kernel, ctx.Err()
	case r.Err != nil:
		return kernel, usageFault("kernel %q cannot be used here: %v; use %q", name, r.Err, hashing.Auto)
	}
	return kernel, nil
}

// likelyKernels returns the kernels that quarry mine would end up with, for jobs
// with and without version rolling, and the known rates.
func likelyKernels(ctx context.Context, t *tune.Tuner, name string) (rolled, plain hashing.Kernel, found []tune.Finding, err error) {
	found = t.Rates(ctx)
	if name != hashing.Auto && name != "" {
		rolled, err = namedKernel(ctx, t, name)
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

// unknownKernel returns the fault of a name that is none of these.
func unknownKernel(name string, known []string) error {
	if name == "sha2" && runtime.GOARCH != "arm64" {
		return fmt.Errorf("kernel %q is for arm64, and this is %s: want one of %s", name, runtime.GOARCH, strings.Join(known, ", "))
	}
	fault := fmt.Errorf("unknown kernel %.40q: want one of %s", name, strings.Join(known, ", "))
	if likely := typed.Nearest(name, known); likely != "" {
		fault = fmt.Errorf("%w; did you mean %q?", fault, likely)
	}
	return fault
}
