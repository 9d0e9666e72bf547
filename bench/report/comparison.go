package report

import (
	"io"
	"strconv"
	"strings"

	"quarry/telemetry"
)

// Write prints the comparison as a table in lines of that width, or as JSON.
func (c *Comparison) Write(w io.Writer, format string, width int) error {
	if format == "json" {
		return writeJSON(w, c)
	}
	return c.writeTable(w, width)
}

func (c *Comparison) writeTable(w io.Writer, width int) error {
	largest, threads := 0.0, false
	for _, s := range c.Series {
		largest, threads = max(largest, s.A.Value, s.B.Value), threads || s.Threads > 1
	}
	size, unit := RateUnit(largest)
	rate := func(v float64) string { return strconv.FormatFloat(v/size, 'f', 2, 64) }
	table := NewTable(Column{"KERNEL", 0}, Column{"THREADS", 1}, Column{"A " + unit, 0}, Column{"B " + unit, 0}, Column{"B/A", 0},
		Column{"95 % INTERVAL", 2}, Column{"VERDICT", 0})
	for _, s := range c.Series {
		interval, count := "none", ""
		if s.Low.OK {
			interval = s.Low.Format(formatRatio) + " to " + s.High.Format(formatRatio)
		}
		if threads {
			count = strconv.Itoa(s.Threads)
		}
		table.Row(s.Name(), count, formatFigure(s.A, rate), formatFigure(s.B, rate), formatFigure(s.Ratio, formatRatio), interval,
			strings.TrimSuffix(s.Verdict, " shown"))
	}
	if err := table.Write(w, width); err != nil {
		return err
	}
	_, err := io.WriteString(w, c.remarks(width))
	return err
}

// remarks returns the lines below the table.
func (c *Comparison) remarks(width int) string {
	var text strings.Builder
	for _, s := range c.Series {
		if s.Note != "" {
			paragraph(&text, width, "note: %s: %s: %s", s.SeriesKey, s.Verdict, s.Note)
		}
	}
	for _, only := range []struct {
		name   string
		series []SeriesKey
	}{{"A", c.OnlyA}, {"B", c.OnlyB}} {
		for _, key := range only.series {
			paragraph(&text, width, "only in %s: %s", only.name, key)
		}
	}
	for _, d := range c.Differences {
		paragraph(&text, width, "warning: different %s: A %s, B %s", d.What, d.A, d.B)
	}
	for _, own := range []struct {
		name     string
		warnings []string
	}{{"A", c.WarningsA}, {"B", c.WarningsB}} {
		for _, warning := range own.warnings {
			paragraph(&text, width, "warning in %s: %s", own.name, warning)
		}
	}
	paragraph(&text, width, "The intervals cover noise and drift within the runs, not drift between them: see --help before trusting a small difference.")
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
