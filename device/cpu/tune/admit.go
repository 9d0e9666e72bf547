package tune

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/bench/stats"
	"quarry/hashing"
	"quarry/internal/event"
	"quarry/telemetry"
)

// admit hands each kernel that passes its test to the workers, until all are tested.
func (t *Tuner) admit(ctx context.Context, s selector) {
	impatient := time.NewTimer(t.grace)
	defer impatient.Stop()
	joined := map[string]bool{}
	join := func(f Finding) {
		if f.Fault != "" {
			t.log.Error("kernel is not used", zap.String("kernel", f.Kernel), zap.String("error", f.Fault))
			return
		}
		i := slices.IndexFunc(t.kernels, func(k hashing.Kernel) bool { return k.Name == f.Kernel })
		if i < 0 || joined[f.Kernel] || f.Kernel == t.named {
			return
		}
		if joined[f.Kernel] = true; len(joined) == 1 && t.named == "" {
			t.log.Info("mining started", zap.String("kernel", f.Kernel), event.Of("reason", t.startReason(f.Kernel)))
		}
		s.Join(t.kernels[i])
		for _, rolling := range []bool{true, false} {
			s.Prefer(rolling, append([]string{t.named}, names(t.Kernels(rolling))...)...)
		}
	}
	for {
		select {
		case f, more := <-t.results:
			if !more {
				t.fallBack(ctx, join)
				return
			}
			join(f)
		case <-impatient.C:
			if t.named == "" && len(joined) == 0 {
				t.testHere(ctx, t.safe(), join)
			}
		case <-ctx.Done():
			return
		}
	}
}

// startReason returns why that kernel is the first one used.
func (t *Tuner) startReason(kernel string) event.Phrase {
	switch {
	case kernel != t.Kernels(true)[0].Name:
		return "first kernel to pass its self-test"
	case slices.ContainsFunc(t.expected(), measured):
		return "fastest kernel of the last run"
	}
	return "best guess for this CPU's features"
}

// fallBack handles a child process that does not work, as where the system allows
// none. As substitutes for a kernel that the user chose, perhaps because another
// one crashes although the CPU reports its features, only kernels that run
// everywhere are safe. Without such a choice CPUID is trusted, as in any program.
func (t *Tuner) fallBack(ctx context.Context, join func(Finding)) {
	switch {
	case t.failed == nil || ctx.Err() != nil:
	case t.named != "":
		t.log.Debug("kernels cannot be tested in a child process", zap.Error(t.failed))
		t.testHere(ctx, t.safe(), join)
	default:
		t.log.Warn("testing kernels in the miner's own process", zap.Error(t.failed))
		t.testHere(ctx, t.kernels, join)
	}
}

// safe returns the kernels that need no CPU feature.
func (t *Tuner) safe() []hashing.Kernel {
	return slices.DeleteFunc(slices.Clone(t.kernels), func(k hashing.Kernel) bool { return k.Missing != nil })
}

// testHere tests kernels in this process, until ctx ends.
func (t *Tuner) testHere(ctx context.Context, list []hashing.Kernel, report func(Finding)) {
	examiner := hashing.NewExaminer()
	for _, k := range list {
		if ctx.Err() != nil {
			return
		}
		report(testOne(examiner, k))
	}
}

// finish ends a heat, logs its result and saves it.
func (t *Tuner) finish(c *contest) {
	c.end(t.now())
	best := stats.Median(c.sums)
	if best == 0 && !c.changed { // no window ran
		return
	}
	line := []zap.Field{zap.Array("rates", c.rates(best*t.granted)), zap.Bool("rolled", c.rolling), zap.Duration("cost", t.budget.spent)}
	switch {
	case c.heats == 1:
		t.log.Info("kernels compared", line...)
	case c.changed:
		t.log.Info("switched to a faster kernel", line...)
	default:
		t.log.Debug("kernels compared again", line...)
	}
	if c.heats == 1 || c.changed {
		t.saveContest(c, best)
	}
}

// rates returns the rates of the kernels, fastest first.
func (c *contest) rates(best float64) rates {
	var all rates
	for _, r := range c.order() {
		all = append(all, rate{r.name, best * r.level, r.level})
	}
	return all
}

// rates are objects in JSON, and text for people.
type rates []rate

type rate struct {
	kernel          string
	hashesPerSecond float64
	level           float64 // of the fastest one's rate
}

// String returns text such as "shani-avx512 62.1 MH/s, avx512 44.0 MH/s (0.71)".
func (all rates) String() string {
	var text string
	for i, r := range all {
		if i > 0 {
			text += ", "
		}
		text += r.kernel + " " + telemetry.FormatRate(r.hashesPerSecond)
		if i > 0 {
			text += fmt.Sprintf(" (%.3g)", r.level)
		}
	}
	return text
}

// MarshalLogArray implements [zapcore.ArrayMarshaler].
func (all rates) MarshalLogArray(list zapcore.ArrayEncoder) error {
	for _, r := range all {
		if err := list.AppendObject(r); err != nil {
			return err
		}
	}
	return nil
}

// MarshalLogObject implements [zapcore.ObjectMarshaler].
func (r rate) MarshalLogObject(object zapcore.ObjectEncoder) error {
	object.AddString("kernel", r.kernel)
	object.AddFloat64("hashes_per_second", r.hashesPerSecond)
	object.AddFloat64("ratio", r.level)
	return nil
}
