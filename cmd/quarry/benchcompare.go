package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"quarry/bench/plot"
	"quarry/bench/report"
	"quarry/internal/cmdline"

	"github.com/urfave/cli/v2"
)

const benchCompareDescription = `Compares report B with report A, both written by "quarry bench --out". For every
series in both it prints the ratio B/A of the medians with its 95 % interval, and
whether B is faster, slower, or no difference is shown.

  quarry bench --out A.json          then change something, and
  quarry bench --out B.json
  quarry bench compare A.json B.json
  quarry bench compare --format json A.json B.json

The interval comes from the samples of the two runs (bootstrap), widened by the
drift within them. It cannot account for changes between the runs: neighbors on
a shared machine, heat, the clock. Such drift is often several percent and can
make two runs of the same program look "faster" or "slower". Between separate
runs only differences well above the drift are meaningful; two runs of the same
program show how large it is. For small differences alternate the runs, A B A
B ..., and check that every pair agrees.

Exit codes: 0 compared, 1 not comparable (nothing in common, or a report that is
not proven), 2 bad usage or a file that is not a report.`

func benchCompareCommand() *cli.Command {
	return &cli.Command{
		Name:        "compare",
		Usage:       "compare two reports of quarry bench",
		ArgsUsage:   "A.json B.json",
		Description: benchCompareDescription,
		Flags: []cli.Flag{
			cmdline.Formats("", "table", "json"),
			&cli.StringFlag{Name: "plot", TakesFile: true, Usage: "draw the comparison into `FILE`, .svg or .png"},
		},
		Action: benchCompareAction,
	}
}

func benchCompareAction(c *cli.Context) error {
	if c.NArg() != 2 {
		return usageFault("bench compare takes two reports, A.json and B.json, but was given %d", c.NArg())
	}
	files, err := fileArgs(c)
	if err != nil {
		return err
	}
	drawing := c.String("plot")
	if c.IsSet("plot") {
		if err := plot.CheckFile(drawing); err != nil {
			return usageFault("--plot: %v", err)
		}
	}
	comparison, err := compareFiles(c.Context, files[0], files[1])
	if err != nil {
		return err
	}
	err = comparison.Write(c.App.Writer, c.String("format"), outputWidth(c.App.Writer))
	if drawing != "" {
		err = errors.Join(err, plot.WriteComparison(comparison, files[0], files[1], drawing))
	}
	return err
}

func compareFiles(ctx context.Context, fileA, fileB string) (*report.Comparison, error) {
	a, err := readReportFile(fileA)
	if err != nil {
		return nil, err
	}
	b, err := readReportFile(fileB)
	if err != nil {
		return nil, err
	}
	comparison, err := report.Compare(ctx, a, b)
	if err != nil {
		return nil, fmt.Errorf("comparing A = %s with B = %s: %w", fileA, fileB, err)
	}
	return comparison, nil
}

func readReportFile(name string) (*report.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usageFault("reading a report: %v", err)
	}
	defer file.Close()
	report, err := report.Read(file)
	if err != nil {
		return nil, usageFault("%s: %v", name, err)
	}
	return report, nil
}
