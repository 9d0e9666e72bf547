package screen

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"quarry/logsink"
	"quarry/telemetry"
)

// The values of the session's reports: JSON shows what they embed, text files and
// pipes their lines, and a terminal what status.go makes of them.
type (
	machine struct{ telemetry.Hardware }
	status  struct {
		telemetry.Snapshot
		practice bool // the pool is our own
		withOdds bool // of a block, on a terminal
	}
	summary struct{ telemetry.Snapshot }
	rates   []telemetry.DeviceSnapshot
)

var _, _, _, _ logsink.Texter = machine{}, status{}, summary{}, rates{}

// TextLines returns what the session runs on, as key=value. What is unknown is left
// out, and so is a line of nothing.
func (m machine) TextLines() []string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+logsink.Quote(value))
		}
	}
	add("cpu", string(m.CPUModel))
	add("logical_cores", known(m.LogicalCores, func(n float64) string { return fmt.Sprintf("%.0f", n) }))
	add("frequency", known(m.FrequencyHertz, telemetry.FormatHertz))
	add("temperature", known(m.CPUCelsius, telemetry.FormatCelsius))
	add("memory_used", known(m.MemoryUsedBytes, telemetry.FormatBytes))
	add("memory", known(m.MemoryTotalBytes, telemetry.FormatBytes))
	add("load_average", known(m.LoadAverage1, func(n float64) string { return fmt.Sprintf("%.2f", n) }))
	if len(parts) == 0 {
		return nil
	}
	return []string{"machine  " + strings.Join(parts, " ")}
}

// known returns the reading as text; empty: it is unavailable.
func known(r telemetry.Reading, format func(float64) string) string {
	if !r.OK {
		return ""
	}
	return format(r.Value)
}

// TextLines returns the status at one glance.
func (s status) TextLines() []string {
	parts := []string{
		fmt.Sprintf("%s (1m %s)", telemetry.FormatRate(s.Hashrate.TenSeconds), telemetry.FormatRate(s.Hashrate.Minute)),
		sharesText(s.Shares),
		"best " + bestText(s.Shares),
	}
	if s.Difficulty.OK {
		expected := "diff " + telemetry.FormatDifficulty(s.Difficulty.Value)
		if one := known(s.ExpectedShareSeconds, telemetry.FormatSeconds); one != "" {
			expected += ", one in " + one
		}
		parts = slices.Insert(parts, 2, expected)
	}
	if s.Paused {
		parts = slices.Insert(parts, 0, "PAUSED")
	}
	if s.HardwareErrors > 0 {
		parts = slices.Insert(parts, 2, fmt.Sprintf("HARDWARE ERRORS %d, kernel now %s", s.HardwareErrors, s.Kernel()))
	}
	if temperature := known(s.Hardware.CPUCelsius, telemetry.FormatCelsius); temperature != "" {
		parts = append(parts, "temp "+temperature)
	}
	parts = append(parts, poolText(s.Pool(), s.practice), "up "+telemetry.FormatSeconds(s.Seconds))
	return []string{strings.Join(parts, " | ")}
}

// TextLines returns each worker's rate over ten seconds and over a minute.
func (r rates) TextLines() []string {
	var lines []string
	for _, d := range r {
		line := fmt.Sprintf("rates of %s with %s, 10s and 1m:", d.Name, d.Kernel)
		for i, w := range d.Workers {
			line += fmt.Sprintf("  worker %d: %s %s", i, rateText(w.TenSeconds), rateText(w.Minute))
			if w.HardwareErrors > 0 {
				line += fmt.Sprintf(" (%d hardware errors)", w.HardwareErrors)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// bestText is the highest difficulty of a share so far.
func bestText(s telemetry.Shares) string {
	if s.Found == 0 {
		return "none"
	}
	return telemetry.FormatDifficulty(s.BestDifficulty)
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
	text := p.Name
	if practice {
		text = "practice " + text
	}
	if !p.Connected {
		text += " (not connected)"
	}
	return text
}

// TextLines returns how the session went.
func (s summary) TextLines() []string {
	lines := []string{
		fmt.Sprintf("session: %s, %s hashes, %s on average, %d hardware errors%s",
			telemetry.FormatSeconds(s.Seconds), telemetry.FormatCount(s.Hashes),
			telemetry.FormatRate(s.Hashrate.Session), s.HardwareErrors, s.lastKernel()),
		fmt.Sprintf("shares: %d accepted, %d rejected%s, %d stale%s, %d lost%s, best difficulty %s",
			s.Shares.Accepted, s.Shares.Rejected, reasonsText(s.Shares.RejectedBy), s.Shares.Stale, unsentText(s.Shares),
			s.Shares.Lost, reasonsText(s.Shares.LostBy), bestText(s.Shares)),
	}
	lines = append(lines, poolLines(s.Pools)...)
	if s.Ever != nil {
		lines = append(lines, everLine(*s.Ever))
	}
	if s.Shares.BlocksFound > 0 {
		lines = append(lines, fmt.Sprintf("blocks: %d found, %d of them accepted as shares", s.Shares.BlocksFound, s.Shares.BlocksAccepted))
	}
	if e := s.Effective; s.Shares.AcceptedDifficulty > 0 && e.HashesPerSecond.OK {
		lines = append(lines, fmt.Sprintf("effective: %s by accepted shares (95%% sure of %s to %s)",
			telemetry.FormatRate(e.HashesPerSecond.Value), telemetry.FormatRate(e.Low.Value), telemetry.FormatRate(e.High.Value)))
	}
	return lines
}

// lastKernel names the kernel at the end, which may be another than at the
// start if one was wrong.
func (s summary) lastKernel() string {
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
		parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(reason, "_", " "), byReason[reason]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
