package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"quarry/affinity"
	"quarry/telemetry"
)

// Share returns one line to show to others: CPU, kernel, threads, rate and proof, such
// as "AMD EPYC 9R14, shani-avx512 x32, 2 threads, 123.40 MH/s, proof 812/812, quarry
// 0.1.0". It is empty if the report is not proven.
func (r *Report) Share() string {
	key := SeriesKey{r.Best.Kernel, r.Best.Versions, r.Best.Threads}
	best := find(slices.Concat(r.Scaling, r.Kernels), key)
	if !r.Proven || best == nil || best.Error != "" {
		return ""
	}
	parts := []string{r.Machine.Name(), key.String(), telemetry.FormatRate(best.Median)}
	if part := r.Machine.Part(); part != "" {
		parts = append(parts, part)
	}
	if best.Disturbed {
		parts = append(parts, "disturbed")
	}
	version, _, _ := strings.Cut(Printable(r.Build.Version), "+")
	return strings.Join(append(parts, fmt.Sprintf("proof %d/%d", best.Proof.Found, best.Proof.Planted), "quarry "+version), ", ")
}

// Name returns the CPU's name without what all have. A name without a number, as
// virtual machines have it, gets its family and model.
func (m *Machine) Name() string {
	name := Printable(m.CPU)
	for _, noise := range []string{`\((R|TM|r|tm)\)`, ` @ .*`, ` with Radeon.*`, ` \d+-Core`, ` CPU\b`, ` Processor\b`} {
		name = regexp.MustCompile(noise).ReplaceAllString(name, "")
	}
	name = strings.Join(strings.Fields(name), " ")
	if m.Family > 0 && !strings.ContainsAny(name, "0123456789") {
		name += fmt.Sprintf(" (family %d model %d)", m.Family, m.Model)
	}
	return name
}

// Part returns what the process may use if that is less than the machine: "under a
// quota of 0.5 CPUs", "on 1 of 2 CPUs".
func (m *Machine) Part() string {
	switch all := m.LogicalCores; {
	case m.Quota.OK:
		return "under a quota of " + quotaText(m.Quota.Value)
	case all.OK && len(m.UsableCPUs) > 0 && float64(len(m.UsableCPUs)) < all.Value:
		return fmt.Sprintf("on %d of %.0f CPUs (%s)", len(m.UsableCPUs), all.Value, affinity.FormatCPUs(m.UsableCPUs))
	}
	return ""
}

func quotaText(cpus float64) string {
	text := strconv.FormatFloat(cpus, 'g', 3, 64)
	if text == "1" {
		return text + " CPU"
	}
	return text + " CPUs"
}

// RateUnit returns the unit for rates up to the largest, and its value in H/s.
func RateUnit(largest float64) (size float64, unit string) {
	size, unit = 1, "H/s"
	for _, next := range []string{"kH/s", "MH/s", "GH/s", "TH/s"} {
		if largest < 1000*size {
			break
		}
		size, unit = 1000*size, next
	}
	return size, unit
}
