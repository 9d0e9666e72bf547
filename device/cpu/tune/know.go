package tune

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
)

// This file serves the commands that test and measure without mining.

const (
	shortMeasure = 600 * time.Millisecond
	// LongMeasure is used when the user asks for a measurement.
	LongMeasure = 3 * time.Second
)

// Test tests all kernels, and adds their known rates. The findings are in the order
// of [Tuner.Kernels] for jobs with version rolling.
func (t *Tuner) Test(ctx context.Context) ([]Finding, error) {
	found, err := t.ask(ctx, 0)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		t.log.Warn("testing kernels in this process", zap.Error(err))
		found = nil
		t.testHere(ctx, t.Kernels(true), func(f Finding) { found = append(found, f) })
	}
	for i := range found {
		if f := t.about(found[i].Kernel); f != nil {
			found[i].Plain, found[i].Rolled = f.Plain, f.Rolled
		}
	}
	return t.grant(found), nil
}

// Rates returns the known rates of the kernels, or those expected by runs on another
// number of CPUs. If there are none it measures them.
func (t *Tuner) Rates(ctx context.Context) []Finding {
	if rates := t.expected(); len(t.kernels) < 2 || slices.ContainsFunc(rates, measured) {
		return t.grant(rates)
	}
	t.log.Info("measuring kernels for about a second", event.Of("reason", "no rates from earlier runs"), zap.Strings("kernels", names(t.kernels)))
	found, err := t.measure(ctx, shortMeasure)
	if err != nil && ctx.Err() == nil {
		t.log.Warn("kernels could not be measured", zap.Error(err))
	}
	return found
}

// Measure tests all kernels and measures them for d, in a child process, and saves
// the rates.
func (t *Tuner) Measure(ctx context.Context, d time.Duration) ([]Finding, error) {
	t.log.Info("measuring kernels", zap.Duration("duration", d), zap.Int("threads", min(len(t.placements), t.cpus)))
	return t.measure(ctx, d)
}

func (t *Tuner) measure(ctx context.Context, d time.Duration) ([]Finding, error) {
	found, err := t.ask(ctx, d)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Fault == "" && !measured(f) }) {
		t.log.Warn("kernels measured in part", event.Of("reason", "the machine is too busy"), event.Consequence("the rates are not saved"))
	} else {
		t.save(found)
	}
	return t.grant(found), nil
}

// grant returns the rates that the cgroup's quota leaves.
func (t *Tuner) grant(found []Finding) []Finding {
	if t.granted < 1 && slices.ContainsFunc(found, measured) {
		t.log.Info("kernel rates under a cpu quota", zap.Float64("part_of_the_cpus", t.granted))
	}
	return scaled(found, t.granted)
}

func measured(f Finding) bool { return max(f.Plain, f.Rolled) > 0 }

// ask tests the kernels in a child process, and measures them for d: of more threads
// than CPUs on as many as there are CPUs, because all together are no faster.
func (t *Tuner) ask(ctx context.Context, d time.Duration) (found []Finding, err error) {
	err = t.child.probe(ctx, t.Kernels(true), t.placements[:min(len(t.placements), t.cpus)], d, func(f Finding) {
		if f.Fault != "" {
			t.log.Error("kernel is not used", zap.String("kernel", f.Kernel), zap.String("error", f.Fault))
		}
		found = append(found, f)
	})
	return found, err
}

// about returns what is known about the kernel, or nil.
func (t *Tuner) about(kernel string) *Finding {
	i := slices.IndexFunc(t.known, func(f Finding) bool { return f.Kernel == kernel })
	if i < 0 {
		return nil
	}
	return &t.known[i]
}

// saveContest saves the result of a heat.
func (t *Tuner) saveContest(c *contest, best float64) {
	var found []Finding
	for _, r := range c.rivals {
		f := Finding{Kernel: r.name}
		if before := t.about(r.name); before != nil {
			f = *before
		}
		rate := best * r.level
		if r != c.best { // an equally fast one does not become the next first guess
			rate = best * min(r.level, 0.999)
		}
		if c.rolling {
			f.Rolled = rate
		} else {
			f.Plain = rate
		}
		found = append(found, f)
	}
	t.save(found)
}

// save adds the rates to the known ones, and saves them for later runs.
func (t *Tuner) save(found []Finding) {
	t.known = nil
	for _, f := range found {
		if f.Fault == "" {
			f.SelfTestSeconds = 0
			t.known = append(t.known, f)
		}
	}
	err := errors.New("there is no cache directory")
	if t.path != "" {
		err = save(t.path, entry{Key: t.key, Measured: t.now().UTC().Round(time.Second), Kernels: t.known})
	}
	if err != nil && !t.warnedUnsaved {
		t.warnedUnsaved = true
		t.log.Info("kernel rates cannot be saved", zap.Error(err), event.Consequence("the next run guesses again"),
			event.Advice("set XDG_CACHE_HOME to a folder that can be written, or choose with --kernel NAME"))
	}
}

// Best returns the kernels without the faulty ones, fastest first.
func (t *Tuner) Best(found []Finding, rolling bool) []hashing.Kernel {
	usable := slices.DeleteFunc(slices.Clone(t.kernels), func(k hashing.Kernel) bool {
		return slices.ContainsFunc(found, func(f Finding) bool { return f.Kernel == k.Name && f.Fault != "" })
	})
	return Order(usable, found, rolling)
}

// Expected returns the rate of the named kernel, or of the best, in hashes a second
// on all threads, that earlier runs lead to expect; 0 if there were none. It must not
// be called once the tuner runs.
func (t *Tuner) Expected(named string) (rate float64) {
	for _, f := range t.expected() {
		if f.Fault == "" && (named == hashing.Auto || named == "" || named == f.Kernel) {
			rate = max(rate, f.Rolled, f.Plain)
		}
	}
	return rate
}
