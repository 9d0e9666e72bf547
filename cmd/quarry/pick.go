package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/config"
	"quarry/hashing"
	"quarry/miner"
	"quarry/telemetry"
)

// This file decides which kernels to mine with.

// picked are kernels in the miner's two orders.
type picked struct {
	rolled, plain []hashing.Kernel
}

// pickKernels is the kernel of that name, with the one that runs everywhere
// behind it, or for "auto" all that run here, in the order of their measured
// rates. All have passed their self-test in this process.
func pickKernels(ctx context.Context, name string, set miner.CPUSet, placements []miner.Placement, log *zap.Logger) (picked, error) {
	list := hashing.Kernels()
	if name != hashing.Auto && name != "" {
		return pickNamed(list, name, log)
	}
	began := time.Now()
	runnable := runnableKernels(list)
	measured := known(ctx, runnable, newPickKey(set, placements), placements, log)
	faults := measured.faults()
	var usable []hashing.Kernel
	for _, k := range runnable {
		if fault := faults[k.Name]; fault != "" {
			log.Warn("kernel is not used: it failed when the kernels were measured; quarry kernels --measure tries again",
				zap.String("kernel", k.Name), zap.String("fault", fault))
			continue
		}
		usable = append(usable, k)
	}
	usable, err := passing(usable, log)
	if err != nil {
		return picked{}, err
	}
	log.Debug("kernels tested", zap.Duration("took", time.Since(began)))
	var p picked
	p.rolled, p.plain = hashing.Rank(usable, measured.rates())
	return p, nil
}

func pickNamed(list []hashing.Kernel, name string, log *zap.Logger) (picked, error) {
	kernel, reports, err := hashing.ChooseFrom(list, name)
	for _, r := range reports {
		tellFailed(r, log)
	}
	if err != nil {
		return picked{}, usageFault("%v", err)
	}
	kernels := []hashing.Kernel{kernel}
	if last := list[len(list)-1]; last.Name != name && hashing.SelfTest(last) == nil {
		kernels = append(kernels, last)
	}
	return picked{rolled: kernels, plain: kernels}, nil
}

func runnableKernels(list []hashing.Kernel) (runnable []hashing.Kernel) {
	for _, k := range list {
		if k.MissingHere() == "" {
			runnable = append(runnable, k)
		}
	}
	return runnable
}

// passing are the kernels that pass their self-test.
func passing(list []hashing.Kernel, log *zap.Logger) (good []hashing.Kernel, err error) {
	var faults []error
	for _, r := range hashing.Examine(list) {
		tellFailed(r, log)
		if r.Usable() {
			good = append(good, r.Kernel)
		}
		faults = append(faults, r.Err)
	}
	if len(good) == 0 {
		return nil, fmt.Errorf("no kernel can be used on this machine: %w", errors.Join(faults...))
	}
	return good, nil
}

func tellFailed(r hashing.Report, log *zap.Logger) {
	if r.Err != nil {
		log.Error("kernel failed its self-test and is not used", zap.String("kernel", r.Kernel.Name), zap.Error(r.Err))
	}
}

// known is what was measured of the kernels, at an earlier start or now; an
// empty pick if that cannot be had.
func known(ctx context.Context, runnable []hashing.Kernel, key pickKey, placements []miner.Placement, log *zap.Logger) *pick {
	if len(runnable) < 2 {
		return &pick{} // nothing to choose
	}
	path, err := pickPath()
	what, kept := "measuring the kernels once, for a second or so", zap.String("kept_in", path)
	if err != nil {
		what, kept = "measuring the kernels, for a second or so", zap.String("not_kept", err.Error())
	} else {
		found, err := findPick(path, key, runnable)
		if err != nil {
			log.Warn("the kernels' kept rates cannot be used and are measured anew", zap.String("file", path), zap.Error(err))
		}
		if found != nil {
			log.Debug("kernels were measured before", zap.String("rates", ratesText(found)), zap.Time("measured", found.Measured))
			return found
		}
	}
	log.Info(what, zap.Strings("kernels", kernelNames(runnable)), kept)
	measured, err := measureKernels(ctx, runnable, key, placements, log)
	switch {
	case ctx.Err() != nil:
		return &pick{}
	case err != nil:
		log.Warn("the kernels could not be measured: they are taken in the order that is best on most CPUs", zap.Error(err))
		return &pick{}
	}
	log.Info("kernels measured", zap.String("rates", ratesText(measured)))
	if path != "" {
		if err := keepPick(path, *measured); err != nil {
			log.Info("the kernels' rates cannot be kept: they are measured at every start", zap.Error(err))
		}
	}
	return measured
}

// measureKernels has a child process do it.
func measureKernels(ctx context.Context, kernels []hashing.Kernel, key pickKey, placements []miner.Placement, log *zap.Logger) (*pick, error) {
	p := prober{command: ownProgram, patience: probePatience, cpu: key.cpuKey, excluded: func(kernel, fault string) {
		log.Error("kernel ended the process that measures", zap.String("kernel", kernel), zap.String("fault", fault))
	}}
	found, err := p.probe(ctx, kernels, placements)
	if err != nil {
		return nil, err
	}
	return &pick{pickKey: key, Measured: time.Now().UTC().Round(time.Second), Kernels: found}, nil
}

// ratesText is "shani 65.2 MH/s (66.1 MH/s rolled), generic 7.61 MH/s", in
// the order of rank.
func ratesText(p *pick) string {
	rates := p.rates()
	var list []hashing.Kernel
	for _, f := range p.Kernels {
		if rates[f.Kernel].Plain > 0 {
			list = append(list, hashing.Kernel{Name: f.Kernel})
		}
	}
	list, _ = hashing.Rank(list, rates)
	var parts []string
	for _, k := range list {
		text := k.Name + " " + telemetry.FormatRate(rates[k.Name].Plain)
		if rolled := rates[k.Name].Rolled; rolled > 0 {
			text += " (" + telemetry.FormatRate(rolled) + " with rolled versions)"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func kernelNames(list []hashing.Kernel) (names []string) {
	for _, k := range list {
		names = append(names, k.Name)
	}
	return names
}

// choosePlacements decides on what CPUs to hash.
func choosePlacements(c config.CPU) (miner.CPUSet, []miner.Placement, error) {
	set, err := miner.UsableCPUs()
	if err != nil {
		return set, nil, fmt.Errorf("finding the CPUs: %w", err)
	}
	placements, err := miner.ChooseCPUs(set, c.Threads, c.CPUs)
	if err != nil {
		return set, nil, usageFault("%v", err)
	}
	return set, placements, nil
}
