package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/telemetry"
)

// reporter prints the periodic status line and the summary at the end.
type reporter struct {
	log       *logging
	telemetry *telemetry.Telemetry
	practice  bool // the pool is our own
	interval  time.Duration
}

// run prints a status line every interval until ctx ends.
func (r *reporter) run(ctx context.Context) {
	tick, once := time.NewTicker(r.interval), time.After(machineDelay)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-once:
			r.machine(r.telemetry.Snapshot().Hardware)
		case <-tick.C:
			r.status(r.telemetry.Snapshot())
		}
	}
}

// machineDelay is when the sensors have been read for the first time.
const machineDelay = time.Second

// machine says once what it runs on.
func (r *reporter) machine(h telemetry.Hardware) {
	if r.log.json {
		r.log.Info("machine", zap.Reflect("hardware", h))
		return
	}
	r.log.Info("machine",
		zap.Stringer("cpu", h.CPUModel),
		zap.Stringer("logical_cores", h.LogicalCores),
		zap.String("frequency", h.FrequencyHertz.Format(telemetry.FormatHertz)),
		zap.String("temperature", h.CPUCelsius.Format(telemetry.FormatCelsius)),
		zap.String("memory_used", h.MemoryUsedBytes.Format(telemetry.FormatBytes)),
		zap.String("memory", h.MemoryTotalBytes.Format(telemetry.FormatBytes)),
		zap.Stringer("load_average", h.LoadAverage1))
}

func (r *reporter) status(s telemetry.Snapshot) {
	if r.log.json {
		r.log.always.Info("status", zap.Any("snapshot", s))
		return
	}
	r.log.always.Info(statusLine(s, r.practice))
}

// statusLine is the status at one glance.
func statusLine(s telemetry.Snapshot, practice bool) string {
	parts := []string{
		fmt.Sprintf("%s (1m %s)", telemetry.FormatRate(s.Hashrate.TenSeconds), telemetry.FormatRate(s.Hashrate.Minute)),
		sharesText(s.Shares),
		"diff " + s.Difficulty.Format(telemetry.FormatDifficulty) + ", one in " + s.ExpectedShareSeconds.Format(telemetry.FormatSeconds),
		"best " + telemetry.FormatDifficulty(s.Shares.BestDifficulty),
		"temp " + s.Hardware.CPUCelsius.Format(telemetry.FormatCelsius),
		poolText(s.Pool(), practice),
		"up " + telemetry.FormatSeconds(s.Seconds),
	}
	if s.HardwareErrors > 0 {
		parts = slices.Insert(parts, 2, fmt.Sprintf("HARDWARE ERRORS %d, kernel now %s", s.HardwareErrors, s.Kernel()))
	}
	return strings.Join(parts, " | ")
}

// sharesText is "12 accepted", with what went wrong only if something did.
func sharesText(s telemetry.Shares) string {
	text := fmt.Sprintf("%d accepted", s.Accepted)
	if s.BlocksFound > 0 {
		text += fmt.Sprintf(", %d found a block", s.BlocksFound)
	}
	for _, bad := range []struct {
		name string
		n    uint64
	}{{"rejected", s.Rejected}, {"stale", s.Stale}, {"lost", s.Lost}} {
		if bad.n > 0 {
			text += fmt.Sprintf(", %d %s", bad.n, bad.name)
		}
	}
	return text
}

// poolText says where the miner stands with its pools.
func poolText(p *telemetry.Pool, practice bool) string {
	if p == nil {
		return "no pool"
	}
	text := p.URL
	if practice {
		text = "practice " + text
	}
	if !p.Connected {
		text += " (not connected)"
	}
	return text
}

// summary prints how the session went: the last line of the output.
func (r *reporter) summary(s telemetry.Snapshot) {
	if r.log.json {
		r.log.always.Info("summary", zap.Any("snapshot", s))
		return
	}
	for _, line := range summaryLines(s) {
		r.log.always.Info(line)
	}
}

func summaryLines(s telemetry.Snapshot) []string {
	lines := []string{
		fmt.Sprintf("session: %s, %s hashes, %s on average, %d hardware errors%s",
			telemetry.FormatSeconds(s.Seconds), telemetry.FormatCount(s.Hashes),
			telemetry.FormatRate(s.Hashrate.Session), s.HardwareErrors, lastKernel(s)),
		fmt.Sprintf("shares: %d accepted, %d rejected%s, %d stale%s, %d lost%s, best difficulty %s",
			s.Shares.Accepted, s.Shares.Rejected, reasonsText(s.Shares.RejectedBy), s.Shares.Stale, unsentText(s.Shares),
			s.Shares.Lost, reasonsText(s.Shares.LostBy), telemetry.FormatDifficulty(s.Shares.BestDifficulty)),
	}
	if s.Shares.BlocksFound > 0 {
		lines = append(lines, fmt.Sprintf("blocks: %d found, %d of them accepted as shares", s.Shares.BlocksFound, s.Shares.BlocksAccepted))
	}
	if e := s.Effective; s.Shares.Accepted > 0 && e.HashesPerSecond.OK {
		lines = append(lines, fmt.Sprintf("effective: %s by accepted shares (95%% sure of %s to %s)",
			telemetry.FormatRate(e.HashesPerSecond.Value), telemetry.FormatRate(e.Low.Value), telemetry.FormatRate(e.High.Value)))
	}
	return lines
}

// lastKernel names the kernel at the end, which may be another than at the
// start if one was wrong.
func lastKernel(s telemetry.Snapshot) string {
	if s.HardwareErrors == 0 {
		return ""
	}
	return ", kernel " + s.Kernel().String() + " at the end"
}

// unsentText is " (2 not sent)", or nothing.
func unsentText(s telemetry.Shares) string {
	if s.StaleUnsent == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d not sent)", s.StaleUnsent)
}

// reasonsText is " (duplicate 2, other 1)", or nothing.
func reasonsText(byReason map[string]uint64) string {
	if len(byReason) == 0 {
		return ""
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, byReason[reason]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
