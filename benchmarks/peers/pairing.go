package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"quarry/affinity"
	"quarry/bench"
	"quarry/bench/report"
	"quarry/bench/stats"
	"quarry/hashing"
	"quarry/telemetry"
)

// seed of the generated headers and of the bootstrap; any value works.
const seed = 1

// pairing is quarry against one peer.
type pairing struct {
	command []string
	timeout time.Duration
	sides   []*side
	places  []affinity.Placement
	rounds  int
	pieces  int           // measured for each side in a round
	piece   time.Duration // as long as a scan of the peer should be
	out     io.Writer
}

// side is one of quarry's kernels, and its results.
type side struct {
	kernel   hashing.Kernel
	versions int
	proofs   []*bench.Proof
	rates    []float64 // of the pieces of the current round
	medians  []float64 // of the rounds
	ratios   []float64 // to the peer, of the rounds
	proof    report.ProofCount
}

func (s *side) name() string {
	if s.versions == 1 {
		return s.kernel.Name
	}
	return fmt.Sprintf("%s x%d", s.kernel.Name, s.versions)
}

func (p *pairing) run(ctx context.Context) error {
	for _, s := range p.sides {
		if err := hashing.SelfTest(s.kernel); err != nil {
			return err
		}
		s.proofs = bench.Ring(seed, s.versions, bench.Rare)
	}
	p.header(ctx)
	var peers []float64
	for round := range p.rounds {
		rate, err := p.round(ctx, round)
		if err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		peers = append(peers, rate)
	}
	return p.table(peers)
}

// header prints what a reader elsewhere needs to judge the figures.
func (p *pairing) header(ctx context.Context) {
	h := telemetry.NewSensors(nil).Sample(ctx)
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if strings.HasPrefix(s.Key, "vcs.") {
				version = strings.TrimPrefix(version+" "+s.Key+"="+s.Value, "unknown ")
			}
		}
	}
	fmt.Fprintf(p.out, "quarry against a peer, %s\n", time.Now().UTC().Format(time.RFC3339))
	fmt.Fprintf(p.out, "machine: %s, %v physical and %v logical cores; %s, %s %s\n", h.CPUModel, h.PhysicalCores, h.LogicalCores, h.HostOS, h.HostPlatform, h.HostKernel)
	fmt.Fprintf(p.out, "quarry:  commit %s, %s\n", version, runtime.Version())
	fmt.Fprintf(p.out, "peer:    %q\n", p.command)
	fmt.Fprintf(p.out, "both on: %s; quarry's figure for a round is the median of %d pieces of %v, half of them before the peer and half after it\n\n",
		p.where(), p.pieces, p.piece)
}

func (p *pairing) where() string {
	var places []string
	for _, place := range p.places {
		if !place.Pinned {
			return fmt.Sprintf("%d threads, not pinned: %s", len(p.places), place.Reason)
		}
		places = append(places, fmt.Sprintf("cpu %d", place.CPU))
	}
	return strings.Join(places, ", ")
}

// round measures quarry, the peer, and quarry again. It returns the peer's rate.
func (p *pairing) round(ctx context.Context, round int) (float64, error) {
	order := slices.Clone(p.sides)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	half := p.pieces / 2
	if err := p.measure(ctx, order, half); err != nil {
		return 0, err
	}
	result, err := runPeer(ctx, p.command, p.cpus(), p.timeout)
	if err != nil {
		return 0, err
	}
	rate, from, err := result.output.rate()
	if err != nil {
		return 0, fmt.Errorf("%w; it printed:\n%s", err, strings.Join(result.last(20), "\n"))
	}
	slices.Reverse(order)
	if err := p.measure(ctx, order, p.pieces-half); err != nil {
		return 0, err
	}
	fmt.Fprintf(p.out, "round %d: peer %s (%s; %s)\n", round+1, telemetry.FormatRate(rate), from, result.conditions())
	for _, line := range result.worthKeeping(round == 0) {
		fmt.Fprintln(p.out, "  | "+line)
	}
	for _, warning := range result.unfair(p.cpus()) {
		fmt.Fprintln(p.out, "  warning: "+warning)
	}
	for _, s := range p.sides {
		median := stats.Median(s.rates)
		s.medians, s.ratios = append(s.medians, median), append(s.ratios, median/rate)
		fmt.Fprintf(p.out, "  %s: %s, ratio %.4f; pieces in MH/s:%s\n", s.name(), telemetry.FormatRate(median), median/rate, megahashes(s.rates))
		s.rates = nil
	}
	return rate, nil
}

func megahashes(rates []float64) string {
	var text strings.Builder
	for _, rate := range rates {
		fmt.Fprintf(&text, " %.2f", rate/1e6)
	}
	return text.String()
}

// measure measures that many pieces of every side, all their hits proven.
func (p *pairing) measure(ctx context.Context, sides []*side, pieces int) error {
	for _, s := range sides {
		for range pieces {
			sample, err := bench.Rate(ctx, s.kernel, s.proofs, p.places, p.piece)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", s.name(), err)
			}
			s.rates = append(s.rates, sample.Rate)
			s.proof.Add(sample.Proof)
		}
	}
	return nil
}

// cpus returns the CPUs that both sides are pinned to; none if they are not.
func (p *pairing) cpus() []int {
	var cpus []int
	for _, place := range p.places {
		if place.Pinned {
			cpus = append(cpus, place.CPU)
		}
	}
	return cpus
}

func (p *pairing) table(peers []float64) error {
	fmt.Fprintf(p.out, "\nmedians of %d rounds; the interval is of the median of the rounds' ratios (95 %%, bootstrap, widened by the drift seen)\n", p.rounds)
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "QUARRY\tRATE\tPEER\tRATIO\t95 % INTERVAL\tFROM\tTO\tPLANTED WINNERS FOUND")
	for _, s := range p.sides {
		interval := "none for one round"
		if p.rounds > 1 {
			low, high := stats.Interval(s.ratios, stats.Drift(s.ratios), seed)
			interval = fmt.Sprintf("%.3f to %.3f", low, high)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%.3f\t%s\t%.3f\t%.3f\t%d of %d\n", s.name(), telemetry.FormatRate(stats.Median(s.medians)),
			telemetry.FormatRate(stats.Median(peers)), stats.Median(s.ratios), interval,
			slices.Min(s.ratios), slices.Max(s.ratios), s.proof.Found, s.proof.Planted)
	}
	return table.Flush()
}
