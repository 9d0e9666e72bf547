package plot

import (
	"fmt"
	"math"
	"slices"

	"github.com/go-analyze/charts"

	"quarry/bench/report"
	"quarry/telemetry"
)

// drawBars draws the rate of each kernel on one thread: plain and with rolled
// versions, one below the other.
func drawBars(a *panel, r *report.Report) {
	a.title("Rate by kernel, one thread")
	if len(r.Kernels) == 0 {
		a.message("not measured")
		return
	}
	keys := []legendEntry{a.barKey(colorPlain, "plain")}
	if slices.ContainsFunc(r.Kernels, func(s report.Series) bool { return s.Versions > 1 }) {
		keys = append(keys, a.barKey(colorRolled, "rolled versions (xN: N at once)"))
	}
	a.legend(keys...)
	largest, names, figures := 0.0, 0, 0
	for _, s := range r.Kernels {
		largest = max(largest, s.Median, s.High)
		names = max(names, a.room(s.Key().Name()))
		figures = max(figures, a.room(telemetry.FormatRate(s.Median)))
	}
	size, unit := report.RateUnit(largest)
	a.area.Left += names + 6
	a.area.Right -= figures + 8
	a.setX(0, max(largest/size, 1e-9))
	a.axisX(10, unit)
	y := a.area.Top
	for i, s := range r.Kernels {
		if i > 0 {
			y += gapBefore(r.Kernels, i)
		}
		a.bar(&s, y, size)
		y += barHeight
	}
}

// barsHeight returns how high drawBars' plotting area must be.
func barsHeight(series []report.Series) int {
	height := kernelGap
	for i := range series {
		height += barHeight
		if i > 0 {
			height += gapBefore(series, i)
		}
	}
	return max(height, 2*barHeight)
}

func gapBefore(series []report.Series, i int) int {
	if series[i].Kernel == series[i-1].Kernel {
		return barGap
	}
	return barGap + kernelGap
}

func (a *panel) bar(s *report.Series, top int, unit float64) {
	middle := top + barHeight/2
	a.label(a.left, middle, 0, colorInk, s.Key().Name())
	if s.Error != "" {
		text := a.fit("no figure: "+report.Printable(s.Error), a.area.Width()-8, textSize)
		a.label(a.area.Left+8, middle, 0, colorHot, text)
		return
	}
	color, inside := colorPlain, charts.ColorWhite
	if s.Versions > 1 {
		color, inside = colorRolled, colorInk
	}
	a.p.FilledRect(a.area.Left, top, a.x.at(s.Median/unit), top+barHeight, color, color, 0)
	low, high := a.x.at(s.Low/unit), a.x.at(s.High/unit)
	a.whisker(low, high, middle, false)
	a.barValue(low, high, middle, inside, telemetry.FormatRate(s.Median))
}

// barValue writes a bar's value in it, before its whisker, so that it is not taken for
// the whisker's; where there is no room, behind both.
func (a *panel) barValue(low, high, middle int, inside charts.Color, text string) {
	if low-a.room(text)-12 > a.area.Left {
		a.label(low-8, middle, 1, inside, text)
		return
	}
	a.label(high+8, middle, 0, colorInk, text)
}

func (a *panel) barKey(color charts.Color, text string) legendEntry {
	return legendEntry{func(x, y int) { a.p.FilledRect(x, y-7, x+26, y+7, color, color, 0) }, text}
}

// drawScaling draws the best kernel's rate over the number of threads, and what it
// would be if every thread were as fast as one alone.
func drawScaling(a *panel, r *report.Report) {
	series := slices.DeleteFunc(slices.Clone(r.Scaling), func(s report.Series) bool { return s.Error != "" })
	if len(series) == 0 {
		a.title("Rate by threads")
		a.message("not measured")
		return
	}
	slices.SortFunc(series, func(x, y report.Series) int { return x.Threads - y.Threads })
	first, last := series[0], series[len(series)-1]
	each := first.Median / float64(first.Threads)
	largest := each * float64(last.Threads)
	for _, s := range series {
		largest = max(largest, s.Median, s.High)
	}
	size, unit := report.RateUnit(largest)
	a.title("Rate by threads, " + unit)
	a.legend(legendEntry{func(x, y int) { a.line(colorMany, 2, x, y, x+26, y); square(a, x+13, y, 4) }, first.Key().Name()},
		legendEntry{func(x, y int) { a.dashed(colorFaint, x, y, x+26, y) }, "ideal: each thread as fast as the first"})
	a.area.Left += 50
	a.area.Right -= 24
	a.setX(0, float64(last.Threads))
	a.setY(0, 1.08*largest/size)
	a.axisX(min(last.Threads, 8), "threads")
	a.axisY(6)
	ideal := each * float64(last.Threads)
	a.dashed(colorFaint, a.x.at(0), a.y.at(0), a.x.at(float64(last.Threads)), a.y.at(ideal/size))
	var curve []charts.Point
	for _, s := range series {
		curve = append(curve, charts.Point{X: a.x.at(float64(s.Threads)), Y: a.y.at(s.Median / size)})
	}
	a.p.LineStroke(curve, colorMany, 2)
	for i, s := range series {
		square(a, curve[i].X, curve[i].Y, 4)
		a.whisker(a.y.at(s.Low/size), a.y.at(s.High/size), curve[i].X, true)
	}
	// There is always room below the curve's end.
	text := fmt.Sprintf("%d: %s, %.0f %% of ideal", last.Threads, telemetry.FormatRate(last.Median), 100*last.Median/ideal)
	a.label(a.area.Right-10-a.room(text), a.area.Bottom-18, 0, colorInk, text)
}

func (a *panel) dashed(color charts.Color, x1, y1, x2, y2 int) {
	a.p.DashedLineStroke([]charts.Point{{X: x1, Y: y1}, {X: x2, Y: y2}}, color, 1.5, []float64{6, 4})
}

// drawTimeline draws every sample in the order of measurement. Kernels differ far
// more than a kernel drifts, so with several series each is drawn against its
// own median: heat, throttling and neighbors show as a common trend.
func drawTimeline(a *panel, r *report.Report) {
	t := newTimeline(r.Timeline)
	if len(t.points) == 0 {
		a.title("Rate over time")
		a.message("not measured")
		return
	}
	a.title("Rate over time, " + t.unit)
	a.area.Left += 50
	a.area.Right -= 50
	a.setX(0, max(1.02*t.seconds/t.second, 1e-9))
	a.setY(t.low, t.high)
	a.axisX(6, t.timeUnit)
	a.axisY(6)
	radius := 4
	if len(t.points) > 300 {
		radius = 2
	}
	var keys []legendEntry
	for _, kind := range []struct {
		draw mark
		is   func(p *report.Point) bool
		text string
	}{
		{circle, func(p *report.Point) bool { return p.Threads == 1 && p.Versions == 1 }, "plain"},
		{diamond, func(p *report.Point) bool { return p.Threads == 1 && p.Versions > 1 }, "rolled"},
		{square, func(p *report.Point) bool { return p.Threads > 1 }, "several threads"},
	} {
		any := false
		for i := range t.points {
			if p := &t.points[i]; kind.is(p) {
				any = true
				kind.draw(a, a.x.at(p.Seconds/t.second), a.y.at(p.Rate/t.whole(p)), radius)
			}
		}
		if any {
			keys = append(keys, legendEntry{func(x, y int) { kind.draw(a, x+20, y, 4) }, kind.text})
		}
	}
	a.legend(append(keys, drawTemperature(a, t)...)...)
}

// drawTemperature draws the temperature over the panel, with its own scale on the
// right, if the machine has one.
func drawTemperature(a *panel, t *timeline) []legendEntry {
	var curve []charts.Point
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range t.points {
		if p.Celsius.OK {
			low, high = min(low, p.Celsius.Value), max(high, p.Celsius.Value)
		}
	}
	if low > high {
		return nil
	}
	y := scale{low - 5, high + 5, a.area.Bottom, a.area.Top}
	for _, p := range t.points {
		if p.Celsius.OK {
			curve = append(curve, charts.Point{X: a.x.at(p.Seconds / t.second), Y: y.at(p.Celsius.Value)})
		}
	}
	a.p.LineStroke(curve, colorHot, 2)
	values, decimals := y.ticks(5)
	for _, v := range values {
		a.label(a.area.Right+8, y.at(v), 0, colorHot, fmt.Sprintf("%.*f°C", decimals, v))
	}
	return []legendEntry{{func(x, y int) { a.line(colorHot, 2, x, y, x+26, y) }, "temperature"}}
}
