package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"quarry/affinity"
	"quarry/telemetry"
)

// writeTable prints the report for people, in lines of that width. Its last line is
// the one to share.
func (r *Report) writeTable(w io.Writer, width int) error {
	var text strings.Builder
	writeHead(&text, r, width)
	if err := writeSeries(&text, "ONE THREAD", r.Kernels, r.Skipped, width); err != nil {
		return err
	}
	if len(r.Scaling) > 0 {
		if err := writeSeries(&text, "MORE THREADS", r.Scaling, nil, width); err != nil {
			return err
		}
	}
	writePortBounds(&text, r, width)
	writeEnvironment(&text, r.Environment, width)
	writeProof(&text, r, width)
	for _, warning := range r.Warnings {
		paragraph(&text, width, "note: %s", warning)
	}
	if best := r.Best; best.Median > 0 {
		paragraph(&text, width, "best: %s with %s on %s%s", telemetry.FormatRate(best.Median), kernelText(best.Kernel, best.Versions),
			telemetry.FormatItems(best.Threads, "thread"), prefixed(", ", r.Machine.Part()))
	}
	if share := r.Share(); share != "" {
		fmt.Fprintf(&text, "share: %s\n", share)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func writeHead(w io.Writer, r *Report, width int) {
	m := r.Machine
	paragraph(w, width, "quarry %s, %s, %s%s, %s", r.Build.Version, r.Build.Target, r.Build.Go, prefixed(", tags ", r.Build.Tags), r.Began.Format("2006-01-02 15:04"))
	paragraph(w, width, "%s, family %d model %d stepping %d%s", m.CPU, m.Family, m.Model, m.Stepping, prefixed(", microcode ", known(m.Microcode)))
	paragraph(w, width, "%s", strings.Join(m.Features, " "))
	var facts []string
	for _, count := range []struct {
		what string
		n    telemetry.Reading
	}{{"cores", m.PhysicalCores}, {"threads", m.LogicalCores}} {
		if count.n.OK {
			facts = append(facts, count.n.String()+" "+count.what)
		}
	}
	facts = append(facts, "CPUs "+affinity.FormatCPUs(m.UsableCPUs))
	if m.Quota.OK {
		facts = append(facts, "CPU quota "+quotaText(m.Quota.Value))
	}
	if g := known(m.Governor); g != "" {
		facts = append(facts, "governor "+g)
	}
	virtual := "no virtual machine"
	if m.Hypervisor != "" {
		virtual = "hypervisor " + m.Hypervisor
	}
	paragraph(w, width, "%s, %s, %s", strings.Join(facts, ", "), virtual, m.OS)
	state := ""
	if r.Incomplete {
		state = ", INCOMPLETE"
	}
	paragraph(w, width, "%s of %.3g s of each series, in turn, after %.2g s of warm-up; %s in total%s",
		telemetry.FormatItems(r.Settings.Samples, "sample"), r.Settings.SampleSeconds, r.Settings.WarmupSeconds, telemetry.FormatSeconds(r.Seconds), state)
	if r.Settings.SliceSeconds > 0 {
		paragraph(w, width, "KEPT: slices of %.1g ms during which no other program disturbed the core, of all slices", 1e3*r.Settings.SliceSeconds)
	}
	fmt.Fprintln(w)
}

// known returns the text, empty for what the machine does not report.
func known(text string) string {
	if text == "unavailable" {
		return ""
	}
	return text
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// writeSeries prints a table with a line for each series; columns without any value
// are left out, and in a narrow one those that matter least.
func writeSeries(w io.Writer, title string, list []Series, skipped []Skipped, width int) error {
	efficiency := slices.ContainsFunc(list, func(s Series) bool { return s.Efficiency.OK })
	table := NewTable(Column{title, 0}, Column{"VERSIONS", 1}, Column{"CPUS", 7}, Column{"MEDIAN", 0}, Column{"95 %", 0},
		Column{"INTERVAL", 8}, Column{"MIN", 9}, Column{"MAX", 9}, Column{"CYCLES/HASH", 3}, Column{"KEPT", 2}, Column{"SLICES", 10}, Column{"EFFICIENCY", 0})
	for _, s := range list {
		name := s.Kernel
		if efficiency {
			name = telemetry.FormatItems(s.Threads, "thread") + ", " + name
		}
		if s.Error != "" {
			table.Row(name, strconv.Itoa(s.Versions), "NO FIGURE: "+s.Error)
			continue
		}
		kept, slices := keptText(s)
		table.Row(name, strconv.Itoa(s.Versions), cpusText(s.CPUs), telemetry.FormatRate(s.Median),
			fmt.Sprintf("%+.1f %+.1f %%", 100*(s.Low/s.Median-1), 100*(s.High/s.Median-1)),
			bareRate(s.Low, s.Median)+" to "+telemetry.FormatRate(s.High),
			telemetry.FormatRate(s.Min), telemetry.FormatRate(s.Max), textIf(s.CyclesPerHash, oneDecimal), kept, slices,
			textIf(s.Efficiency, func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }))
	}
	for _, s := range skipped {
		table.Row(s.Kernel, "", "not here: the CPU lacks "+s.Lacks)
	}
	err := table.Write(w, width)
	fmt.Fprintln(w)
	return err
}

// textIf returns the value's text, empty without one.
func textIf(r telemetry.Reading, format func(float64) string) string {
	if !r.OK {
		return ""
	}
	return format(r.Value)
}

// keptText returns the part of the slices that counts, and their number.
func keptText(s Series) (kept, of string) {
	switch {
	case s.Shared:
		return "shared", ""
	case s.Slices == 0:
		return "-", ""
	case s.Disturbed:
		return "too few", fmt.Sprintf("%d of %d", s.Kept, s.Slices)
	}
	return fmt.Sprintf("%.3g %%", 100*float64(s.Kept)/float64(s.Slices)), fmt.Sprintf("of %d", s.Slices)
}

// writePortBounds is a line for each series whose bound is known, and how near
// to it the kernel comes. Disturbed series are left out.
func writePortBounds(w io.Writer, r *Report, width int) {
	lines := 0
	for _, s := range r.Kernels {
		if s.PortBound.OK && s.CyclesPerHash.OK && !s.Disturbed {
			paragraph(w, width, "%s: %.1f cycles a hash, port bound %.3g: %.0f %%", versionsText(s),
				s.CyclesPerHash.Value, s.PortBound.Value, 100*s.PortBound.Value/s.CyclesPerHash.Value)
			lines++
		}
	}
	if lines > 0 {
		fmt.Fprintln(w)
	}
}

func versionsText(s Series) string {
	if s.Versions > 1 {
		return s.Kernel + ", " + telemetry.FormatItems(s.Versions, "version")
	}
	return s.Kernel + ", plain"
}

// bareRate returns a rate without its unit, if the unit is the same as like's.
func bareRate(rate, like float64) string {
	number, unit, _ := strings.Cut(telemetry.FormatRate(rate), " ")
	if _, other, _ := strings.Cut(telemetry.FormatRate(like), " "); other != unit {
		return number + " " + unit
	}
	return number
}

func oneDecimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func cpusText(cpus []int) string {
	if len(cpus) == 0 {
		return "any"
	}
	return affinity.FormatCPUs(slices.Compact(slices.Sorted(slices.Values(cpus))))
}

func kernelText(kernel string, versions int) string {
	if versions > 1 {
		return fmt.Sprintf("%s, %d rolled versions", kernel, versions)
	}
	return kernel + ", plain"
}

func writeEnvironment(w io.Writer, e Environment, width int) {
	for _, line := range []struct {
		what                 string
		before, after, worst telemetry.Reading
		which                string
		format               func(float64) string
	}{
		{"temperature", e.Before.Celsius, e.After.Celsius, e.Hottest, "at the hottest", telemetry.FormatCelsius},
		{"clock", e.Before.Hertz, e.After.Hertz, e.Slowest, "at the slowest", telemetry.FormatHertz},
	} {
		var parts []string
		for _, part := range []struct {
			r    telemetry.Reading
			when string
		}{{line.before, "before"}, {line.after, "after"}, {line.worst, line.which}} {
			if part.r.OK {
				parts = append(parts, line.format(part.r.Value)+" "+part.when)
			}
		}
		if len(parts) > 0 {
			paragraph(w, width, "%s: %s", line.what, strings.Join(parts, ", "))
		}
	}
	if e.Watts.OK {
		paragraph(w, width, "power: %.1f W, %.3g J/TH, for the best", e.Watts.Value, e.JoulesPerTerahash.Value)
	} else if e.PowerUnavailableWhy != "" {
		paragraph(w, width, "power: not measured: %s", e.PowerUnavailableWhy)
	}
	writeThrottled(w, e.Throttled, width)
}

func writeThrottled(w io.Writer, noticed []string, width int) {
	text := "none noticed"
	if len(noticed) > 0 {
		text = strings.Join(noticed, "; ")
	}
	paragraph(w, width, "throttling: %s", text)
}

func writeProof(w io.Writer, r *Report, width int) {
	var total ProofCount
	for _, s := range slices.Concat(r.Kernels, r.Scaling) {
		total.Add(s.Proof)
	}
	switch {
	case r.Proven:
		paragraph(w, width, "proof: all %d planted winners found and nothing else, in %s hashes", total.Planted, telemetry.FormatCount(total.Hashes))
	case r.Incomplete && total.Planted == 0:
		paragraph(w, width, "proof: nothing was measured")
	default:
		paragraph(w, width, "proof: FAILED where it says NO FIGURE: %v", total)
	}
}
