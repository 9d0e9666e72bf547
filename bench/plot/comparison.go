package plot

import (
	"fmt"
	"slices"

	"github.com/go-analyze/charts"

	"quarry/bench/report"
	"quarry/internal/atomicfile"
	"quarry/telemetry"
)

const rowHeight = 26 // of a series in a comparison

// WriteComparison draws the ratio B/A of each series with its interval, next to the
// rates, into a PNG or SVG. The file appears whole or not at all.
func WriteComparison(c *report.Comparison, nameA, nameB, file string) error {
	format, err := plotFormat(file)
	if err != nil {
		return err
	}
	series := slices.DeleteFunc(slices.Clone(c.Series), func(s report.ComparedSeries) bool { return !s.Ratio.OK })
	height := titleHeight + panelHead + max(len(series), 2)*rowHeight + panelFoot + plotMargin
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: format, Width: plotWidth, Height: height})
	p.FilledRect(0, 0, plotWidth, height, charts.ColorWhite, charts.ColorWhite, 0)
	title := fmt.Sprintf("B = %s against A = %s", report.Printable(nameB), report.Printable(nameA))
	head := newPanel(p, plotMargin, 0, plotWidth-plotMargin, titleHeight)
	head.text(0, 38, 18, colorInk, title)
	head.text(0, 66, 11, colorFaint, differenceText(c))
	drawRatios(newPanel(p, plotMargin, titleHeight, plotWidth-plotMargin, height-plotMargin), series)
	image, err := p.Bytes()
	if err != nil {
		return fmt.Errorf("drawing %s: %w", file, err)
	}
	if format == charts.ChartOutputSVG {
		image = describe(image, "quarry bench compare: "+title, differenceText(c))
	}
	return atomicfile.Write(file, image, 0o644)
}

// differenceText returns what else differs, which may be why the rates do.
func differenceText(c *report.Comparison) string {
	const basis = "ratio of the medians; whiskers: 95 % interval, which does not cover drift between the runs"
	if len(c.Differences) == 0 {
		return basis
	}
	text := "DIFFERENT "
	for i, d := range c.Differences {
		if i > 0 {
			text += ", "
		}
		text += d.What
	}
	return text + "; " + basis
}

// drawRatios draws a line for each series: a point at the ratio, its interval, and the
// rates as text. To the right of 1, B is faster.
func drawRatios(a *panel, series []report.ComparedSeries) {
	a.title("Rate of B by that of A")
	if len(series) == 0 {
		a.message("no series has a ratio")
		return
	}
	a.legend(a.ratioKey(report.Faster), a.ratioKey(report.Slower), a.ratioKey(report.NoDifferenceShown))
	low, high, names, figures := 1.0, 1.0, 0, 0
	for _, s := range series {
		low, high = min(low, s.Ratio.Value), max(high, s.Ratio.Value)
		if s.Low.OK {
			low, high = min(low, s.Low.Value), max(high, s.High.Value)
		}
		names, figures = max(names, a.room(s.SeriesKey.String())), max(figures, a.room(ratioText(s)))
	}
	margin := max(0.05*(high-low), 0.005)
	a.area.Left += names + 8
	a.area.Right -= figures + 16
	a.setX(low-margin, high+margin)
	a.axisX(8, "B/A")
	one := a.x.at(1)
	a.line(colorInk, 1.5, one, a.area.Top, one, a.area.Bottom)
	for i, s := range series {
		y := a.area.Top + i*rowHeight + rowHeight/2
		a.label(a.left, y, 0, colorInk, s.SeriesKey.String())
		if s.Low.OK {
			a.whisker(a.x.at(s.Low.Value), a.x.at(s.High.Value), y, false)
		}
		color := verdictColor(s.Verdict)
		a.p.Circle(5, a.x.at(s.Ratio.Value), y, color, color, 0)
		a.label(a.area.Right+12, y, 0, colorInk, ratioText(s))
	}
}

func ratioText(s report.ComparedSeries) string {
	return fmt.Sprintf("%.3f  (%s, was %s)", s.Ratio.Value, telemetry.FormatRate(s.B.Value), telemetry.FormatRate(s.A.Value))
}

func (a *panel) ratioKey(verdict string) legendEntry {
	color := verdictColor(verdict)
	return legendEntry{func(x, y int) { a.p.Circle(5, x+13, y, color, color, 0) }, verdict}
}

func verdictColor(verdict string) charts.Color {
	switch verdict {
	case report.Faster:
		return colorMany
	case report.Slower:
		return colorHot
	}
	return colorFaint
}
