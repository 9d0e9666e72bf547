package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/config"
	"quarry/hashing"
	"quarry/miner"
	"quarry/telemetry"
)

// This file decides which kernels to mine with.

// picked are kernels in the miner's two orders, best first.
type picked struct {
	rolled, plain []hashing.Kernel
	measured      *pick // what the orders were made by; empty if by nothing
}

// picker is what picking needs to know.
type picker struct {
	kernels []hashing.Kernel // that this CPU can run
	key     pickKey
	log     *zap.Logger
	now     func() time.Time
	measure func(ctx context.Context, d time.Duration) ([]finding, error) // for that long; 0: self-test only
}

// newPicker is for mining on the placements, which are of the set.
func newPicker(set miner.CPUSet, placements []miner.Placement, log *zap.Logger) *picker {
	p := &picker{kernels: runnableKernels(hashing.Kernels()), key: newPickKey(set, placements), log: log, now: time.Now}
	p.measure = func(ctx context.Context, d time.Duration) ([]finding, error) {
		child := prober{command: ownProgram, patience: probePatience, cpu: p.key.cpuKey, excluded: func(kernel, fault string) {
			log.Error("kernel ended the process that measures", zap.String("kernel", kernel), zap.String("fault", fault))
		}}
		return child.probe(ctx, p.kernels, placements, d)
	}
	return p
}

// pick is the kernel of that name with the others behind it, or for "auto" all
// that run here, in the order of their measured rates. All have passed their
// self-test in this process.
func (p *picker) pick(ctx context.Context, name string) (*picked, error) {
	if name != hashing.Auto && name != "" {
		return p.named(ctx, name)
	}
	began := p.now()
	measured := p.known(ctx)
	usable, err := passing(p.without(measured.faults()), p.log)
	if err != nil {
		return nil, err
	}
	p.log.Debug("kernels tested", zap.Duration("took", p.now().Sub(began)))
	return rank(usable, measured), nil
}

func rank(usable []hashing.Kernel, measured *pick) *picked {
	rolled, plain := hashing.Rank(usable, measured.rates())
	return &picked{rolled: rolled, plain: plain, measured: measured}
}

// without are the kernels that have no fault, by name.
func (p *picker) without(faults map[string]string) (usable []hashing.Kernel) {
	for _, k := range p.kernels {
		if fault := faults[k.Name]; fault != "" {
			p.log.Warn("kernel is not used: it failed when the kernels were measured; quarry kernels --measure tries again",
				zap.String("kernel", k.Name), zap.String("fault", fault))
			continue
		}
		usable = append(usable, k)
	}
	return usable
}

// named does not measure. What was measured before orders the kernels behind
// the one that is named.
func (p *picker) named(ctx context.Context, name string) (*picked, error) {
	kernel, reports, err := hashing.ChooseFrom(hashing.Kernels(), name)
	for _, r := range reports {
		tellFailed(r, p.log)
	}
	if err != nil {
		return nil, usageFault("%v", err)
	}
	kept, others := p.others(ctx, name)
	order := rank(append(others, kernel), kept)
	first := func(k hashing.Kernel) int {
		if k.Name == name {
			return 0
		}
		return 1
	}
	for _, list := range [][]hashing.Kernel{order.rolled, order.plain} {
		slices.SortStableFunc(list, func(a, b hashing.Kernel) int { return first(a) - first(b) })
	}
	order.measured = &pick{} // not what the choice was made by
	return order, nil
}

// others are the kernels that may take the place of the one named, and what
// is known of their rates. It may be chosen because another kernel cannot run
// in spite of what the CPU says: what no child process has run so far is first
// run by one. Where there are none, only the kernel that runs everywhere is safe.
func (p *picker) others(ctx context.Context, name string) (kept *pick, others []hashing.Kernel) {
	var looks []pick
	path, err := pickPath()
	if err == nil {
		looks, err = findPicks(path, p.key, p.kernels)
	}
	if err != nil {
		p.log.Debug("the kernels' rates are not known", zap.Error(err))
	}
	if kept = better(looks); kept.looks == 0 {
		found, err := p.measure(ctx, 0)
		if err != nil {
			p.log.Debug("the kernels cannot be tested", zap.Error(err))
			return kept, only(p.kernels[len(p.kernels)-1:], func(k hashing.Kernel) bool { return k.Name != name })
		}
		kept.Kernels = found
	}
	faults := kept.faults()
	others, err = passing(only(p.kernels, func(k hashing.Kernel) bool { return k.Name != name && faults[k.Name] == "" }), p.log)
	if err != nil {
		p.log.Debug("no other kernel can be used", zap.Error(err))
	}
	return kept, others
}

func only(list []hashing.Kernel, wanted func(hashing.Kernel) bool) []hashing.Kernel {
	return slices.DeleteFunc(slices.Clone(list), func(k hashing.Kernel) bool { return !wanted(k) })
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
func (p *picker) known(ctx context.Context) *pick {
	if len(p.kernels) < 2 {
		return &pick{} // nothing to choose
	}
	var looks []pick
	path, err := pickPath()
	where := zap.String("kept_in", path)
	if err != nil {
		where = zap.String("not_kept", err.Error())
	} else if looks, err = findPicks(path, p.key, p.kernels); err != nil {
		p.log.Warn("the kernels' kept rates cannot be used and are measured anew", zap.String("file", path), zap.Error(err))
	}
	kept := better(looks)
	why := kept.due(p.now())
	if why == "" {
		p.log.Debug("kernels were measured before", zap.String("rates", ratesText(kept)), zap.Time("measured", kept.Measured))
		return kept
	}
	p.log.Info(why, zap.Strings("kernels", kernelNames(p.kernels)), where)
	looked, err := p.look(ctx, probeTime)
	if err != nil {
		if ctx.Err() == nil {
			p.log.Warn("the kernels could not be measured: they are taken as they were known, or in the order that is best on most CPUs", zap.Error(err))
		}
		return kept
	}
	measured := better(append([]pick{*looked}, looks...))
	p.log.Info("kernels measured", zap.String("rates", ratesText(measured)))
	if path != "" {
		if err := keepPick(path, *looked, mostLooks); err != nil {
			p.log.Info("the kernels' rates cannot be kept: they are measured at every start", zap.Error(err))
		}
	}
	return measured
}

// look has a child process measure the kernels for about that long.
func (p *picker) look(ctx context.Context, d time.Duration) (*pick, error) {
	found, err := p.measure(ctx, d)
	if err != nil {
		return nil, err
	}
	return &pick{pickKey: p.key, Measured: p.now().UTC().Round(time.Second), Kernels: found}, nil
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
