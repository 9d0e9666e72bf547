package main

import (
	"github.com/urfave/cli/v2"

	"quarry/benchmarks"
)

// benchSubcommands are what "quarry bench" can do with reports.
func benchSubcommands() []*cli.Command { return nil }

// checkPlot refuses before the measuring a file that plotReport cannot write;
// empty is no plot.
func checkPlot(file string) error {
	if file != "" {
		return usageFault("--plot: this build draws nothing")
	}
	return nil
}

// plotReport draws the report.
func plotReport(*benchmarks.Report, string) error { return nil }
