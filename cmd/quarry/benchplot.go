package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"quarry/bench/plot"
	"quarry/internal/cmdline"
	"quarry/screen"
)

const benchPlotDescription = `Draws reports again that "quarry bench --out" wrote: the same images as "quarry
bench --plot" while measuring. Each is written next to its report, with another
ending, or to --out if there is one report.

  quarry bench plot *.json
  quarry bench plot --format png a.json
  quarry bench plot --out rate.svg a.json

Exit codes: 0 drawn, 1 failed, 2 bad usage or a file that is not a report.`

func benchPlotCommand() *cli.Command {
	return &cli.Command{
		Name:        "plot",
		Usage:       "draw reports of quarry bench",
		ArgsUsage:   "FILE...",
		Description: benchPlotDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "draw into `FILE`, .svg or .png", DefaultText: "the report's name with another ending"},
			&cmdline.Choice{Words: []string{"svg", "png"}, Flag: &cli.StringFlag{Name: "format", Value: "svg", Usage: "`FORMAT` of the images"}},
		},
		Action: benchPlotAction,
	}
}

func benchPlotAction(c *cli.Context) error {
	format, out := c.String("format"), c.String("out")
	files, err := fileArgs(c)
	switch {
	case err != nil:
		return err
	case len(files) == 0:
		return usageFault("bench plot takes reports that quarry bench --out wrote, but was given none")
	case c.IsSet("out") && len(files) > 1:
		return usageFault("--out is for one report, not %d", len(files))
	case c.IsSet("out") && c.IsSet("format"):
		return usageFault("--format cannot be used with --out, whose ending says it")
	}
	for _, file := range files {
		image := out
		if image == "" {
			image = strings.TrimSuffix(file, filepath.Ext(file)) + "." + format
		}
		if err := plot.CheckFile(image); err != nil {
			return usageFault("%v", err)
		}
		if filepath.Clean(image) == filepath.Clean(file) {
			return usageFault("%s is a report: name another file with --out", file)
		}
		report, err := readReportFile(file)
		if err != nil {
			return err
		}
		if err := plot.Write(report, image); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(screen.Fit(c.App.Writer), "%s: drawn from %s\n", image, file); err != nil {
			return err
		}
	}
	return nil
}
