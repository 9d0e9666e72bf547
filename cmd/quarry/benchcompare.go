package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"quarry/benchmarks"
	"quarry/telemetry"
)

const benchCompareDescription = `Sets the report B against the report A, both written by "quarry bench --out".
For every series that both have it gives the ratio B/A of the medians with its
95 % interval, and says whether B is faster, slower, or no difference is shown.

  quarry bench --out A.json          then change something, and
  quarry bench --out B.json
  quarry bench compare A.json B.json
  quarry bench compare --format json A.json B.json

The interval is by the samples of the two runs (bootstrap), widened by the drift
seen within them. What changed between the runs it cannot know: neighbours on a
shared machine, heat, the clock. Such drift is often several percent and can
call two runs of the same program "faster" or "slower". Between separate runs
only differences well above the drift mean something; how large it is, two runs
of the same program tell. For small differences pair the runs, A B A B ..., and
see whether every pair says the same.

Exit codes: 0 compared, 1 they cannot be compared (nothing in common, or a
report that is not proven), 2 bad usage or a file that is no report.`

func benchCompareCommand() *cli.Command {
	return &cli.Command{
		Name:        "compare",
		Usage:       "compare two reports of quarry bench",
		ArgsUsage:   "A.json B.json",
		Description: benchCompareDescription,
		Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "table",
			Usage: "print it as `FORMAT`: table or json"}},
		Action: benchCompareAction,
	}
}

func benchCompareAction(c *cli.Context) error {
	if c.NArg() != 2 {
		return usageFault("bench compare takes two reports, A.json and B.json, and was given %d; flags stand before them", c.NArg())
	}
	write, known := map[string]func(io.Writer, *benchmarks.Comparison) error{
		"table": writeComparisonTable, "json": func(w io.Writer, c *benchmarks.Comparison) error { return writeIndented(w, c) },
	}[c.String("format")]
	if !known {
		return usageFault("--format %q: there are table and json", c.String("format"))
	}
	comparison, err := compareFiles(c.Context, c.Args().Get(0), c.Args().Get(1))
	if err != nil {
		return err
	}
	return write(c.App.Writer, comparison)
}

func compareFiles(ctx context.Context, fileA, fileB string) (*benchmarks.Comparison, error) {
	a, err := readReportFile(fileA)
	if err != nil {
		return nil, err
	}
	b, err := readReportFile(fileB)
	if err != nil {
		return nil, err
	}
	comparison, err := benchmarks.Compare(ctx, a, b)
	if err != nil {
		return nil, fmt.Errorf("comparing A = %s with B = %s: %w", fileA, fileB, err)
	}
	return comparison, nil
}

func readReportFile(name string) (*benchmarks.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usageFault("reading a report: %v", err)
	}
	defer file.Close()
	report, err := benchmarks.ReadReport(file)
	if err != nil {
		return nil, usageFault("%s: %v", name, err)
	}
	return report, nil
}

func writeComparisonTable(w io.Writer, c *benchmarks.Comparison) error {
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
	_, err := io.WriteString(w, comparisonRemarks(c))
	return err
}

// comparisonRemarks is what stands below the table.
func comparisonRemarks(c *benchmarks.Comparison) string {
	var text strings.Builder
	for _, only := range []struct {
		name   string
		series []benchmarks.SeriesKey
	}{{"A", c.OnlyA}, {"B", c.OnlyB}} {
		for _, key := range only.series {
			fmt.Fprintf(&text, "only %s has: %s\n", only.name, key)
		}
	}
	for _, d := range c.Differences {
		fmt.Fprintf(&text, "warning: not the same %s: A %s, B %s\n", d.What, d.A, d.B)
	}
	for _, own := range []struct {
		name     string
		warnings []string
	}{{"A", c.WarningsA}, {"B", c.WarningsB}} {
		for _, warning := range own.warnings {
			fmt.Fprintf(&text, "warning in %s: %s\n", own.name, warning)
		}
	}
	text.WriteString("The intervals know the noise and drift within the runs, not the drift between them: see --help before trusting a small difference.\n")
	return text.String()
}

// formatFigure is the value, or a dash in a column of numbers.
func formatFigure(r telemetry.Reading, format func(float64) string) string {
	if !r.OK {
		return "-"
	}
	return format(r.Value)
}

func formatRatio(ratio float64) string { return strconv.FormatFloat(ratio, 'f', 3, 64) }
