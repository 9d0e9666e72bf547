package tune

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/bench/stats"
	"quarry/hashing"
	"quarry/telemetry"
)

// admit lets the workers use each kernel that passes its test, until all are tested.
func (t *Tuner) admit(ctx context.Context, s selector) {
	impatient := time.NewTimer(t.grace)
	defer impatient.Stop()
	joined := map[string]bool{}
	join := func(f Finding) {
		if f.Fault != "" {
			t.log.Error("kernel failed its self-test and is not used", zap.String("kernel", f.Kernel), zap.String("fault", f.Fault))
			return
		}
		i := slices.IndexFunc(t.kernels, func(k hashing.Kernel) bool { return k.Name == f.Kernel })
		if i < 0 || joined[f.Kernel] || f.Kernel == t.named {
			return
		}
		if joined[f.Kernel] = true; len(joined) == 1 && t.named == "" {
			t.log.Info("hashing begins", zap.String("kernel", f.Kernel), zap.String("because", t.because(f.Kernel)))
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

// because says why that kernel is the first.
func (t *Tuner) because(kernel string) string {
	switch {
	case kernel != t.Kernels(true)[0].Name:
		return "it is the first that passes its self-test"
	case t.about(kernel) != nil:
		return "it was the best the last time"
	}
	return "the CPU's features suggest it"
}

// fallBack is for a child process that does not work, where the system allows
// none. Behind a kernel that the user chose, perhaps because another one cannot
// run in spite of what the CPU says, only those are safe that run everywhere.
// Without such a choice the CPU's word counts, as in any program.
func (t *Tuner) fallBack(ctx context.Context, join func(Finding)) {
	switch {
	case t.failed == nil || ctx.Err() != nil:
	case t.named != "":
		t.log.Debug("the kernels cannot be tested", zap.Error(t.failed))
		t.testHere(ctx, t.safe(), join)
	default:
		t.log.Warn("the kernels are tested in the miner's own process", zap.Error(t.failed))
		t.testHere(ctx, t.kernels, join)
	}
}

// safe are the kernels that need nothing of the CPU.
func (t *Tuner) safe() []hashing.Kernel {
	return slices.DeleteFunc(slices.Clone(t.kernels), func(k hashing.Kernel) bool { return k.Missing != nil })
}

// testHere tests kernels in this process, until ctx ends.
func (t *Tuner) testHere(ctx context.Context, list []hashing.Kernel, tell func(Finding)) {
	examiner := hashing.NewExaminer()
	for _, k := range list {
		if ctx.Err() != nil {
			return
		}
		tell(testOne(examiner, k))
	}
}

// finish ends a heat, and logs and keeps what it found.
func (t *Tuner) finish(c *contest) {
	c.end(t.now())
	best := stats.Median(c.sums)
	if best == 0 && !c.changed { // nothing was tried
		return
	}
	text := c.text(best)
	line := []zap.Field{zap.String("kernels", text), zap.Bool("rolled", c.rolling), zap.Duration("lost", t.budget.spent)}
	switch {
	case c.heats == 1:
		t.log.Info("kernels tried", line...)
	case c.changed:
		t.log.Info("another kernel is faster now", line...)
	default:
		t.log.Debug("kernels tried again", line...)
	}
	if c.heats == 1 || c.changed {
		t.keepContest(c, best)
	}
}

// text is "shani-avx512 62.1 MH/s, avx512 44.0 MH/s (0.71)".
func (c *contest) text(best float64) string {
	var text string
	for i, r := range c.order() {
		if i > 0 {
			text += ", "
		}
		text += r.name + " " + telemetry.FormatRate(best*r.level)
		if i > 0 {
			text += fmt.Sprintf(" (%.3g)", r.level)
		}
	}
	return text
}
