package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"quarry/telemetry"
)

// Formats returns the formats of Report.Write.
func Formats() []string { return []string{"table", "json", "csv", "benchstat"} }

// Write prints the report in one of Formats; the table in lines of that width.
func (r *Report) Write(w io.Writer, format string, width int) error {
	switch format {
	case "table":
		return r.writeTable(w, width)
	case "json":
		return writeJSON(w, r)
	case "csv":
		return r.writeCSV(w)
	case "benchstat":
		return r.writeBenchstat(w)
	}
	return fmt.Errorf("unknown report format %q: want one of %s", format, strings.Join(Formats(), ", "))
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// writeCSV prints a line for each series; what is unavailable is empty.
func (r *Report) writeCSV(w io.Writer) error {
	table := csv.NewWriter(w)
	rows := [][]string{{
		"section", "kernel", "versions", "threads", "samples", "median_hashes_per_second", "low_hashes_per_second", "high_hashes_per_second",
		"min_hashes_per_second", "max_hashes_per_second", "cycles_per_hash", "efficiency", "winners_planted", "winners_found", "wrong_hits",
		"hashes", "slices", "slices_kept", "port_bound_cycles_per_hash", "error",
	}}
	for _, section := range []struct {
		name string
		list []Series
	}{{"kernels", r.Kernels}, {"scaling", r.Scaling}} {
		for _, s := range section.list {
			row := []string{section.name, s.Kernel, strconv.Itoa(s.Versions), strconv.Itoa(s.Threads), strconv.Itoa(len(s.Samples))}
			for _, rate := range []float64{s.Median, s.Low, s.High, s.Min, s.Max} {
				row = append(row, csvNumber(telemetry.Reading{Value: rate, OK: s.Error == ""}))
			}
			row = append(row, csvNumber(s.CyclesPerHash), csvNumber(s.Efficiency))
			for _, n := range []uint64{s.Proof.Planted, s.Proof.Found, s.Proof.Wrong, s.Proof.Hashes} {
				row = append(row, strconv.FormatUint(n, 10))
			}
			row = append(row, strconv.Itoa(s.Slices), strconv.Itoa(s.Kept), csvNumber(s.PortBound))
			rows = append(rows, append(row, s.Error))
		}
	}
	return table.WriteAll(rows)
}

func csvNumber(r telemetry.Reading) string {
	if !r.OK {
		return ""
	}
	return r.String()
}

// writeBenchstat prints the Go benchmark format, a line for each sample, for
// golang.org/x/perf/cmd/benchstat. One operation is one hash. The pkg line keeps
// its old name, because benchstat compares only results of the same pkg.
func (r *Report) writeBenchstat(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "goos: %s\ngoarch: %s\npkg: quarry/benchmarks\ncpu: %s\nquarry: %s\nUnit hashes/s better=higher\n",
		runtime.GOOS, runtime.GOARCH, r.Machine.CPU, r.Build.Version)
	for _, s := range slices.Concat(r.Kernels, r.Scaling) {
		if s.Error != "" {
			fmt.Fprintf(&text, "# %s: %s\n", s.Kernel, s.Error)
			continue
		}
		for _, rate := range s.Samples {
			// The number of hashes is the iteration count; the format only
			// wants a number above 0.
			hashes := max(int64(rate*r.Settings.SampleSeconds), 1)
			fmt.Fprintf(&text, "BenchmarkScan/kernel=%s/versions=%d/threads=%d\t%d\t%.6g ns/op\t%.8g hashes/s\n",
				s.Kernel, s.Versions, s.Threads, hashes, 1e9/rate, rate)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}
