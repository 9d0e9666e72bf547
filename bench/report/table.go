package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"quarry/affinity"
	"quarry/telemetry"
)

// writeTable prints the report for people.
func (r *Report) writeTable(w io.Writer) error {
	var text strings.Builder
	writeHead(&text, r)
	writeSeries(&text, "ONE THREAD", r.Kernels, r.Skipped)
	if len(r.Scaling) > 0 {
		writeSeries(&text, "MORE THREADS", r.Scaling, nil)
	}
	writePortBounds(&text, r)
	writeEnvironment(&text, r.Environment)
	writeProof(&text, r)
	for _, warning := range r.Warnings {
		fmt.Fprintf(&text, "note: %s\n", warning)
	}
	if best := r.Best; best.Median > 0 {
		fmt.Fprintf(&text, "best: %s with %s on %s\n", telemetry.FormatRate(best.Median), kernelText(best.Kernel, best.Versions), telemetry.FormatItems(best.Threads, "thread"))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func writeHead(w io.Writer, r *Report) {
	m := r.Machine
	fmt.Fprintf(w, "quarry %s, %s, %s%s, %s\n", r.Build.Version, r.Build.Target, r.Build.Go, prefixed(", tags ", r.Build.Tags), r.Began.Format("2006-01-02 15:04"))
	fmt.Fprintf(w, "%s, family %d model %d stepping %d, microcode %s\n", m.CPU, m.Family, m.Model, m.Stepping, m.Microcode)
	fmt.Fprintf(w, "%s\n", strings.Join(m.Features, " "))
	virtual := "no virtual machine"
	if m.Hypervisor != "" {
		virtual = "hypervisor " + m.Hypervisor
	}
	fmt.Fprintf(w, "%v cores, %v threads, CPUs %s, governor %s, %s, %s\n", m.PhysicalCores, m.LogicalCores,
		affinity.FormatCPUs(m.UsableCPUs), m.Governor, virtual, m.OS)
	state := ""
	if r.Incomplete {
		state = ", INCOMPLETE"
	}
	fmt.Fprintf(w, "%d samples of %.3g s of each series, in turn, after %.2g s of warm-up; %s in total%s\n",
		r.Settings.Samples, r.Settings.SampleSeconds, r.Settings.WarmupSeconds, telemetry.FormatSeconds(r.Seconds), state)
	if r.Settings.SliceSeconds > 0 {
		fmt.Fprintf(w, "KEPT: slices of %.1g ms during which no other program disturbed the core, of all slices\n", 1e3*r.Settings.SliceSeconds)
	}
	fmt.Fprintln(w)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// writeSeries prints a table with a line for each series; columns without any value
// are left out.
func writeSeries(w io.Writer, title string, list []Series, skipped []Skipped) {
	efficiency := slices.ContainsFunc(list, func(s Series) bool { return s.Efficiency.OK })
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := title + "\tVERSIONS\tCPUS\tMEDIAN\t95 % INTERVAL\tMIN\tMAX\tCYCLES/HASH\tKEPT"
	if efficiency {
		head += "\tEFFICIENCY"
	}
	fmt.Fprintln(table, head)
	for _, s := range list {
		name := s.Kernel
		if efficiency {
			name = telemetry.FormatItems(s.Threads, "thread") + ", " + name
		}
		if s.Error != "" {
			fmt.Fprintf(table, "%s\t%d\tNO FIGURE: %s\n", name, s.Versions, s.Error)
			continue
		}
		row := []string{
			name, strconv.Itoa(s.Versions), cpusText(s.CPUs), telemetry.FormatRate(s.Median),
			fmt.Sprintf("%s to %s (%+.1f, %+.1f %%)", bareRate(s.Low, s.Median), telemetry.FormatRate(s.High), 100*(s.Low/s.Median-1), 100*(s.High/s.Median-1)),
			telemetry.FormatRate(s.Min), telemetry.FormatRate(s.Max), s.CyclesPerHash.Format(oneDecimal), keptText(s),
		}
		if efficiency {
			row = append(row, s.Efficiency.Format(func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	for _, s := range skipped {
		fmt.Fprintf(table, "%s\t\tnot here: the CPU lacks %s\n", s.Kernel, s.Lacks)
	}
	table.Flush()
	fmt.Fprintln(w)
}

// keptText returns text such as "94 % of 6,730".
func keptText(s Series) string {
	switch {
	case s.Slices == 0:
		return "not measured"
	case s.Disturbed:
		return fmt.Sprintf("too few: %d of %d", s.Kept, s.Slices)
	}
	return fmt.Sprintf("%.3g %% of %d", 100*float64(s.Kept)/float64(s.Slices), s.Slices)
}

// writePortBounds is a line for each series whose bound is known, and how near
// to it the kernel comes. Disturbed series are left out.
func writePortBounds(w io.Writer, r *Report) {
	lines := 0
	for _, s := range r.Kernels {
		if s.PortBound.OK && s.CyclesPerHash.OK && !s.Disturbed {
			fmt.Fprintf(w, "%s: %.1f cycles a hash, port bound %.3g: %.0f %%\n", versionsText(s),
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

func writeEnvironment(w io.Writer, e Environment) {
	celsius, hertz := telemetry.FormatCelsius, telemetry.FormatHertz
	fmt.Fprintf(w, "temperature: %s before, %s after, %s at the hottest\n",
		e.Before.Celsius.Format(celsius), e.After.Celsius.Format(celsius), e.Hottest.Format(celsius))
	fmt.Fprintf(w, "clock: %s before, %s after, %s at the slowest\n",
		e.Before.Hertz.Format(hertz), e.After.Hertz.Format(hertz), e.Slowest.Format(hertz))
	if e.Watts.OK {
		fmt.Fprintf(w, "power: %.1f W, %.3g J/TH, for the best\n", e.Watts.Value, e.JoulesPerTerahash.Value)
	} else {
		fmt.Fprintf(w, "power: unavailable%s\n", prefixed(": ", e.PowerUnavailableWhy))
	}
	writeThrottled(w, e.Throttled)
}

func writeThrottled(w io.Writer, noticed []string) {
	if len(noticed) == 0 {
		fmt.Fprintln(w, "throttling: none noticed")
	}
	for _, text := range noticed {
		fmt.Fprintf(w, "throttling: %s\n", text)
	}
}

func writeProof(w io.Writer, r *Report) {
	var total ProofCount
	for _, s := range slices.Concat(r.Kernels, r.Scaling) {
		total.Add(s.Proof)
	}
	switch {
	case r.Proven:
		fmt.Fprintf(w, "proof: all %d planted winners found and nothing else, in %s hashes\n", total.Planted, telemetry.FormatCount(total.Hashes))
	case r.Incomplete && total.Planted == 0:
		fmt.Fprintln(w, "proof: nothing was measured")
	default:
		fmt.Fprintf(w, "proof: FAILED where it says NO FIGURE: %v\n", total)
	}
}
