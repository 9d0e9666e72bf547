package bench

import (
	"context"
	"errors"
	"slices"
	"time"

	"quarry/bench/report"
	"quarry/telemetry"
)

// measure warms up and then takes the samples, the candidates in turn and every
// other time in reverse, so that drift affects all alike. Samples that neighbors
// disturbed are repeated while time is left: a third of what the samples take, and
// what other series did not use. Past the deadline every series has to do with the
// samples that it has, one at least.
func (b *bench) measure(ctx context.Context, candidates []*candidate, deadline time.Time) error {
	warmup := time.Duration(b.report.Settings.WarmupSeconds * float64(time.Second) / float64(max(len(candidates), 1)))
	for _, c := range candidates {
		if err := b.once(ctx, c, warmup, "warming up"); err != nil {
			return err
		}
	}
	order := slices.Clone(candidates)
	for round := 0; len(order) > 0; round++ {
		if round == b.Samples {
			b.spare += time.Duration(b.Samples*len(candidates)) * b.sample / 3
		}
		if round >= b.Samples {
			order = slices.DeleteFunc(order, func(c *candidate) bool {
				return c.tally.quiet() >= min(enoughSamples, b.Samples) || c.series.Error != ""
			})
		}
		for _, c := range order {
			if round > 0 && !deadline.IsZero() && time.Now().After(deadline) {
				return nil
			}
			if round >= b.Samples {
				if b.spare < b.sample {
					return nil
				}
				b.spare -= b.sample
			}
			if err := b.once(ctx, c, b.sample, "measuring"); err != nil {
				return err
			}
		}
		slices.Reverse(order)
	}
	return nil
}

// once takes one sample. A wrong kernel is not an error; it is excluded.
func (b *bench) once(ctx context.Context, c *candidate, d time.Duration, what string) error {
	warming := what != "measuring"
	if c.series.Error != "" {
		return nil
	}
	b.Progress(Progress{Done: min(b.taken, b.planned), Total: b.planned, Now: what + " " + c.String()})
	sample, used, err := b.rate(ctx, c, d, warming)
	var wrong *WrongKernel
	switch {
	case errors.As(err, &wrong):
		c.drop(wrong.Error(), sample.Proof)
		return nil
	case err != nil:
		return err
	}
	for _, t := range sample.Threads {
		b.gate.learn(t.slices)
	}
	c.series.Proof.Add(sample.Proof)
	if warming {
		if !b.first.OK {
			b.first = b.hertz(sample.Hertz)
		}
		return nil
	}
	b.taken++
	f, quiet := c.add(&b.gate, sample, used, b.Samples)
	if now := time.Now(); now.Sub(b.hardware.SampledAt) > sensorQuiet {
		b.hardware = b.sensors.Sample(ctx)
	}
	b.report.Timeline = append(b.report.Timeline, report.Point{
		Seconds: time.Since(b.began).Seconds(), Kernel: c.kernel.Name, Versions: c.versions, Threads: len(c.places),
		Rate: f.rate, Celsius: b.hardware.CPUCelsius, Hertz: b.hertz(f.hertz), Disturbed: !quiet,
	})
	return nil
}

// rate runs [Rate] with looks and the energy used. A warm-up meets at least one
// winner, and many; a sample those in its time. Threads that share cores disturb
// each other, and a quota stops them, which is part of the machine's speed: then it
// takes no looks.
func (b *bench) rate(ctx context.Context, c *candidate, d time.Duration, warming bool) (Sample, telemetry.Reading, error) {
	ring, how := b.ring(c.versions).samples, stint{d: d, meters: b.meters}
	if warming {
		ring, how.winners = b.ring(c.versions).warmup, 1
	}
	how.shared = c.series.Shared
	if how.shared || b.cores > 0 && len(c.places) > b.cores {
		how.meters = unlooked
	}
	at := b.taken % len(ring)
	ring = append(ring[at:len(ring):len(ring)], ring[:at]...)
	before, errBefore := telemetry.ReadEnergy(b.Root)
	sample, err := rate(ctx, c.kernel, ring, c.places, how)
	after, errAfter := telemetry.ReadEnergy(b.Root)
	if errors.Join(errBefore, errAfter) != nil {
		return sample, telemetry.Reading{}, err
	}
	return sample, after.Since(before), err
}

// ring returns the work for that many versions, made at the first call.
func (b *bench) ring(versions int) rings {
	made, ok := b.rings[versions]
	if !ok {
		b.Progress(Progress{Now: "planting winners"})
		made = b.work(versions)
		b.rings[versions] = made
	}
	return made
}

// hertz returns the clock as the threads measured it; where that is not
// possible, the system's mean over all CPUs.
func (b *bench) hertz(threads telemetry.Reading) telemetry.Reading {
	if clockKnown() {
		return threads
	}
	return b.hardware.FrequencyHertz
}
