package main

import (
	"github.com/urfave/cli/v2"

	"quarry/benchmarks"
)

// benchSubcommands are what "quarry bench" can do with reports.
func benchSubcommands() []*cli.Command { return []*cli.Command{benchCompareCommand()} }

// checkPlot refuses before the measuring a file that plotReport cannot write;
// empty is no plot.
func checkPlot(file string) error {
	if file == "" {
		return nil
	}
	if err := benchmarks.CheckPlotFile(file); err != nil {
		return usageFault("--plot: %v", err)
	}
	return nil
}

// plotReport draws the report.
func plotReport(r *benchmarks.Report, file string) error { return benchmarks.Plot(r, file) }
