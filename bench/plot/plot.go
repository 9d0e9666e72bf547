// Package plot draws what "quarry bench" measured.
package plot

import (
	"fmt"
	"os"
	"path/filepath"
	"quarry/bench/report"
	"quarry/internal/atomicfile"
	"strings"

	"github.com/go-analyze/charts"
)

// Sizes of the image in pixels.
const (
	plotWidth   = 1400
	plotMargin  = 28
	titleHeight = 86
	barHeight   = 22
	barGap      = 6  // between bars of one kernel
	kernelGap   = 10 // more, between kernels
	curveHeight = 430
	panelHead   = 64 // title and legend of a panel
	panelFoot   = 58 // numbers and name of its x axis
)

// The colors are Okabe and Ito's, which color-blind people can distinguish; where
// they carry meaning, so does the shape or the place.
var (
	colorInk    = charts.ColorRGB(0x22, 0x22, 0x22)
	colorFaint  = charts.ColorRGB(0x66, 0x66, 0x66)
	colorGrid   = charts.ColorRGB(0xe2, 0xe2, 0xe2)
	colorPlain  = charts.ColorRGB(0x00, 0x72, 0xb2) // blue
	colorRolled = charts.ColorRGB(0xe6, 0x9f, 0x00) // orange
	colorMany   = charts.ColorRGB(0x00, 0x9e, 0x73) // green
	colorHot    = charts.ColorRGB(0xd5, 0x5e, 0x00) // vermilion
)

// Write draws the report as one image, PNG or SVG by the file's ending: the
// rate of each kernel, the scaling curve, and the rate over time with the
// temperature. The file appears whole or not at all.
func Write(r *report.Report, file string) error {
	format, err := plotFormat(file)
	if err != nil {
		return err
	}
	image, err := draw(r, format)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", file, err)
	}
	if format == charts.ChartOutputSVG {
		image = describe(image, headline(r), r.Share())
	}
	return atomicfile.Write(file, image, 0o644)
}

// headline names the machine.
func headline(r *report.Report) string {
	text := "quarry bench on " + r.Machine.Name()
	if part := r.Machine.Part(); part != "" {
		text += ", " + part
	}
	return text
}

// CheckFile returns what is wrong with the name of an image for Write, its ending or
// its folder, so that this is reported before measuring for minutes.
func CheckFile(file string) error {
	if _, err := plotFormat(file); err != nil {
		return err
	}
	folder, err := os.Stat(filepath.Dir(file))
	if err == nil && !folder.IsDir() {
		err = fmt.Errorf("%s is not a folder", filepath.Dir(file))
	}
	if err != nil {
		return fmt.Errorf("plotting to %q: %w", file, err)
	}
	return nil
}

// plotFormat returns the charts library's name of the format.
func plotFormat(file string) (string, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".svg":
		return charts.ChartOutputSVG, nil
	case ".png":
		return charts.ChartOutputPNG, nil
	}
	return "", fmt.Errorf("plotting to %q: its name must end in .svg or .png", file)
}

func draw(r *report.Report, format string) ([]byte, error) {
	height := plotHeight(r)
	bars := height - titleHeight - curveHeight - plotMargin
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: format, Width: plotWidth, Height: height})
	p.FilledRect(0, 0, plotWidth, height, charts.ColorWhite, charts.ColorWhite, 0)
	drawTitle(p, r)

	top, middle := titleHeight, plotWidth/2
	drawBars(newPanel(p, plotMargin, top, plotWidth-plotMargin, top+bars), r)
	top += bars
	drawScaling(newPanel(p, plotMargin, top, middle-plotMargin/2, top+curveHeight), r)
	drawTimeline(newPanel(p, middle+plotMargin/2, top, plotWidth-plotMargin, top+curveHeight), r)
	return p.Bytes()
}

// plotHeight leaves every kernel the same room, however many there are.
func plotHeight(r *report.Report) int {
	return titleHeight + panelHead + barsHeight(r.Kernels) + panelFoot + curveHeight + plotMargin
}

// drawTitle writes what was measured, with what, when, and whether it is proven.
func drawTitle(p *charts.Painter, r *report.Report) {
	head := newPanel(p, plotMargin, 0, plotWidth-plotMargin, titleHeight)
	head.text(0, 38, 18, colorInk, headline(r))
	how := fmt.Sprintf("quarry %s, %s, %s, %s; median of %d samples of %.2g s, whiskers: 95 %% interval",
		report.Printable(r.Build.Version), report.Printable(r.Build.Target), r.Began.UTC().Format("2006-01-02 15:04 UTC"), report.Printable(r.Machine.OS),
		r.Settings.Samples, r.Settings.SampleSeconds)
	switch {
	case !r.Proven:
		head.text(0, 66, 11, colorHot, "NOT PROVEN: a kernel was wrong, or none was measured. "+how)
	case r.Incomplete:
		head.text(0, 66, 11, colorHot, "INCOMPLETE: ended early. "+how)
	default:
		head.text(0, 66, 11, colorFaint, how)
	}
}
