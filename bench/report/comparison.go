package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"quarry/telemetry"
)

// Write prints the comparison as a table or as JSON.
func (c *Comparison) Write(w io.Writer, format string) error {
	if format == "json" {
		return writeJSON(w, c)
	}
	return c.writeTable(w)
}

func (c *Comparison) writeTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KERNEL\tVERSIONS\tTHREADS\tA\tB\tB/A\t95 % INTERVAL\tVERDICT")
	for _, s := range c.Series {
		interval, verdict := "none", s.Verdict
		if s.Low.OK {
			interval = s.Low.Format(formatRatio) + " to " + s.High.Format(formatRatio)
		}
		if s.Note != "" {
			verdict += " (" + s.Note + ")"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Kernel, s.Versions, s.Threads,
			formatFigure(s.A, telemetry.FormatRate), formatFigure(s.B, telemetry.FormatRate), formatFigure(s.Ratio, formatRatio), interval, verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, c.remarks())
	return err
}

// remarks returns the lines below the table.
func (c *Comparison) remarks() string {
	var text strings.Builder
	for _, only := range []struct {
		name   string
		series []SeriesKey
	}{{"A", c.OnlyA}, {"B", c.OnlyB}} {
		for _, key := range only.series {
			fmt.Fprintf(&text, "only in %s: %s\n", only.name, key)
		}
	}
	for _, d := range c.Differences {
		fmt.Fprintf(&text, "warning: different %s: A %s, B %s\n", d.What, d.A, d.B)
	}
	for _, own := range []struct {
		name     string
		warnings []string
	}{{"A", c.WarningsA}, {"B", c.WarningsB}} {
		for _, warning := range own.warnings {
			fmt.Fprintf(&text, "warning in %s: %s\n", own.name, warning)
		}
	}
	text.WriteString("The intervals cover noise and drift within the runs, not drift between them: see --help before trusting a small difference.\n")
	return text.String()
}

// formatFigure returns the value, or a dash if unavailable.
func formatFigure(r telemetry.Reading, format func(float64) string) string {
	if !r.OK {
		return "-"
	}
	return format(r.Value)
}

func formatRatio(ratio float64) string { return strconv.FormatFloat(ratio, 'f', 3, 64) }
