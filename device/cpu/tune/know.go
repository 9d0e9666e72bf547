package tune

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
)

// This file is for the commands that do not mine: they test and measure.

const (
	shortMeasure = 600 * time.Millisecond
	// LongMeasure is for when the user asks for it.
	LongMeasure = 3 * time.Second
)

// Test has all kernels tested, and adds what is known of their rates. The
// findings come in the order of [Tuner.Kernels] for jobs with versions to roll.
func (t *Tuner) Test(ctx context.Context) ([]Finding, error) {
	found, err := t.ask(ctx, 0)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		t.log.Warn("the kernels are tested in this process", zap.Error(err))
		found = nil
		t.testHere(ctx, t.Kernels(true), func(f Finding) { found = append(found, f) })
	}
	for i := range found {
		if f := t.about(found[i].Kernel); f != nil {
			found[i].Plain, found[i].Rolled = f.Plain, f.Rolled
		}
	}
	return found, nil
}

// Rates are the known rates of the kernels. Where there are none they are
// measured.
func (t *Tuner) Rates(ctx context.Context) []Finding {
	if len(t.kernels) < 2 || slices.ContainsFunc(t.known, func(f Finding) bool { return max(f.Plain, f.Rolled) > 0 }) {
		return t.known
	}
	t.log.Info("measuring the kernels, for a second or so: none has mined here", zap.Strings("kernels", names(t.kernels)))
	found, err := t.Measure(ctx, shortMeasure)
	if err != nil && ctx.Err() == nil {
		t.log.Warn("the kernels could not be measured", zap.Error(err))
	}
	return found
}

// Measure has all kernels tested and measured, in a child process, for d, and
// keeps the rates.
func (t *Tuner) Measure(ctx context.Context, d time.Duration) ([]Finding, error) {
	found, err := t.ask(ctx, d)
	if err != nil {
		return nil, err
	}
	t.keep(found)
	return found, nil
}

// ask has the kernels tested by a child process, and measured for d.
func (t *Tuner) ask(ctx context.Context, d time.Duration) (found []Finding, err error) {
	err = t.child.probe(ctx, t.Kernels(true), t.placements, d, func(f Finding) {
		if f.Fault != "" {
			t.log.Error("kernel is not used", zap.String("kernel", f.Kernel), zap.String("fault", f.Fault))
		}
		found = append(found, f)
	})
	return found, err
}

// about is what is known of the kernel; nil is nothing.
func (t *Tuner) about(kernel string) *Finding {
	i := slices.IndexFunc(t.known, func(f Finding) bool { return f.Kernel == kernel })
	if i < 0 {
		return nil
	}
	return &t.known[i]
}

// keepContest makes what a heat found known.
func (t *Tuner) keepContest(c *contest, best float64) {
	var found []Finding
	for _, r := range c.rivals {
		f := Finding{Kernel: r.name}
		if before := t.about(r.name); before != nil {
			f = *before
		}
		rate := best * r.level
		if r != c.best { // one that is as good is not the next first guess
			rate = best * min(r.level, 0.999)
		}
		if c.rolling {
			f.Rolled = rate
		} else {
			f.Plain = rate
		}
		found = append(found, f)
	}
	t.keep(found)
}

// keep makes the rates known, and keeps them for later starts.
func (t *Tuner) keep(found []Finding) {
	t.known = nil
	for _, f := range found {
		if f.Fault == "" {
			f.SelfTestSeconds = 0
			t.known = append(t.known, f)
		}
	}
	err := errors.New("there is no folder for it")
	if t.path != "" {
		err = keep(t.path, entry{Key: t.key, Measured: t.now().UTC().Round(time.Second), Kernels: t.known})
	}
	if err != nil && !t.toldUnkept {
		t.toldUnkept = true
		t.log.Info("the kernels' rates cannot be kept: the next start begins without them", zap.Error(err))
	}
}

// Best are the kernels by what was found, best first, without those at fault.
func (t *Tuner) Best(found []Finding, rolling bool) []hashing.Kernel {
	usable := slices.DeleteFunc(slices.Clone(t.kernels), func(k hashing.Kernel) bool {
		return slices.ContainsFunc(found, func(f Finding) bool { return f.Kernel == k.Name && f.Fault != "" })
	})
	return Order(usable, found, rolling)
}
