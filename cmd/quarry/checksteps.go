package main

import (
	"context"
	"fmt"
	"math"

	"go.uber.org/zap"

	"quarry/config"
	"quarry/hashing"
	"quarry/stratum"
	"quarry/stratum/suggest"
	"quarry/telemetry"
)

// This file has the steps of quarry check that involve no connection to a pool.

func configSteps(loaded *config.Result) []stratum.Step {
	from := "no file"
	if loaded.File != "" {
		from = loaded.File
	}
	text := from + ", no pool: the practice pool is checked"
	if n := len(loaded.Config.Pools); n > 0 {
		text = from + ", " + telemetry.FormatItems(n, "pool")
	}
	if len(loaded.Config.Pools) > 1 {
		text += ", strategy " + loaded.Config.Strategy.Use
	}
	steps := []stratum.Step{{Name: "config", State: stratum.StateOK, Text: text, Facts: map[string]any{"file": loaded.File, "pools": len(loaded.Config.Pools)}}}
	for _, warning := range loaded.Warnings {
		steps = append(steps, stratum.Step{Name: "config", State: stratum.StateWarn, Text: warning})
	}
	return steps
}

// machine is the kernels and CPUs that this machine would mine with.
type machine struct {
	rolled, plain string // kernels, with and without version rolling
	rate          hashing.Rate
	workers       int
	cpus          string
}

func thisMachine(ctx context.Context, c config.CPU, log *zap.Logger) (*machine, error) {
	set, placements, err := choosePlacements(c)
	if err != nil {
		return nil, err
	}
	rolled, plain, found, err := likelyKernels(ctx, newTuner(set, placements, nil, log), c.Kernel)
	if err != nil {
		return nil, err
	}
	m := &machine{rolled: rolled.Name, plain: plain.Name, workers: len(placements), cpus: placementText(placements)}
	for _, f := range found {
		if f.Kernel == m.rolled {
			m.rate.Rolled = f.Rolled
		}
		if f.Kernel == m.plain {
			m.rate.Plain = f.Plain
		}
	}
	return m, nil
}

func (m *machine) step() stratum.Step {
	s := stratum.Step{Name: "kernel", State: stratum.StateOK, Facts: map[string]any{
		"kernel": m.rolled, "kernel_without_version_rolling": m.plain, "workers": m.workers, "cpus": m.cpus,
		"rolled_hashes_per_second": measuredRate(m.rate.Rolled), "plain_hashes_per_second": measuredRate(m.rate.Plain),
	}}
	where := fmt.Sprintf("%s on CPUs %s", telemetry.FormatItems(m.workers, "worker"), m.cpus)
	if m.rate.Rolled == 0 {
		s.State, s.Text, s.Advice = stratum.StateWarn, m.rolled+", "+where+", its speed is unknown", "quarry kernels --measure says why"
		return s
	}
	s.Text = fmt.Sprintf("%s, %s (%s without version rolling), %s", m.rolled, telemetry.FormatRate(m.rate.Rolled), telemetry.FormatRate(m.rate.Plain), where)
	return s
}

const (
	// idleLimit is the shortest time in seconds after which pools are known to
	// disconnect a miner without shares; others wait ten minutes, some forever.
	idleLimit = 300
	// rareDrop is the shortest interval in seconds between such disconnects that
	// needs no warning: reconnecting takes a second.
	rareDrop = 3600
	// fastest is a rate in shares a second that is useless to miner and pool.
	fastest = 10
)

// difficultyStep reports how often this machine finds a share at the pool's
// difficulty, and whether that is often enough for pools.
func difficultyStep(o *stratum.Offer, p stratum.Pool, m *machine) stratum.Step {
	d := o.Difficulty.Float64()
	s := stratum.Step{Name: "difficulty", State: stratum.StateOK, Text: telemetry.FormatDifficulty(d), Facts: map[string]any{"difficulty": d}}
	if o.Job.NetworkKnown {
		network := o.Job.NetworkTarget.Difficulty()
		s.Text += ", the network's is " + telemetry.FormatDifficulty(network)
		if d > network {
			s.State, s.Advice = stratum.StateWarn, "a share is harder to find than a block: fine for solo mining, otherwise ask the pool"
		}
	}
	rate := m.rate.Plain
	if o.Job.VersionMask != 0 {
		rate = m.rate.Rolled
	}
	if rate == 0 {
		s.Text += "; the speed of this machine is unknown"
		return s
	}
	each := telemetry.ExpectedHashes(d) / rate
	s.Facts["seconds_per_share"] = each
	s.Text += fmt.Sprintf(": one share in %s at %s", telemetry.FormatSeconds(each), telemetry.FormatRate(rate))
	better := suggest.Text(suggest.Good(rate))
	switch drop := timeToIdle(each, idleLimit); {
	case drop < rareDrop:
		s.State = stratum.StateWarn
		s.Text += fmt.Sprintf("; pools that disconnect after %s without a share would do so every %s", telemetry.FormatSeconds(idleLimit), telemetry.FormatSeconds(drop))
		s.Advice = lowerDifficulty(p, better)
	case each < 1.0/fastest:
		s.Text += ", until the pool raises it (--suggest-difficulty " + better + " asks for it at once)"
	}
	return s
}

func lowerDifficulty(p stratum.Pool, better string) string {
	ask := "ask for a lower difficulty (--suggest-difficulty " + better + ", or the password d=" + better + " where the pool supports it)"
	if p.SuggestDifficulty.Float64() > 0 || p.Rate != nil {
		ask = "the pool ignores the suggested difficulty: try the password d=" + better
	}
	return ask + ", or use a pool for small miners"
}

// timeToIdle returns the expected time in seconds until the first pause of that
// length between shares, where each is the mean seconds per share.
func timeToIdle(each, pause float64) float64 { return each * math.Expm1(pause/each) }
