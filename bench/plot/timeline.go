package plot

import (
	"fmt"
	"math"
	"quarry/bench/report"
	"quarry/bench/stats"
)

// mostPoints is how many samples a timeline shows: more marks would be a blot, and a
// burn-in of a day has tens of thousands.
const mostPoints = 1500

// timeline is the samples over time, prepared for drawing.
type timeline struct {
	points   []report.Point
	seconds  float64 // of the last one
	second   float64 // seconds in a unit of the x axis
	timeUnit string
	unit     string // of the y axis
	low      float64
	high     float64
	medians  map[report.SeriesKey]float64 // of the points; nil with a single series
	size     float64                      // of the y axis's unit, with a single series
}

func newTimeline(samples []report.Point) *timeline {
	t := &timeline{second: 1, timeUnit: "seconds", low: math.Inf(1), high: math.Inf(-1)}
	every := (len(samples) + mostPoints - 1) / mostPoints
	rates := map[report.SeriesKey][]float64{}
	largest := 0.0
	for i, p := range samples {
		if i%every != 0 || !(p.Rate > 0) {
			continue
		}
		t.points = append(t.points, p)
		t.seconds = max(t.seconds, p.Seconds)
		key := p.Key()
		rates[key] = append(rates[key], p.Rate)
		largest = max(largest, p.Rate)
	}
	if t.seconds > 300 {
		t.second, t.timeUnit = 60, "minutes"
	}
	t.size, t.unit = report.RateUnit(largest)
	if len(rates) > 1 {
		t.unit = "% of each series' median"
		t.medians = map[report.SeriesKey]float64{}
		for key, all := range rates {
			t.medians[key] = stats.Median(all)
		}
	}
	if every > 1 {
		t.timeUnit += fmt.Sprintf(" (one sample of %d is shown)", every)
	}
	t.bounds()
	return t
}

// whole returns the divisor of the point's rate for the y axis.
func (t *timeline) whole(p *report.Point) float64 {
	if t.medians == nil {
		return t.size
	}
	return t.medians[p.Key()] / 100
}

// bounds leaves a margin around the points, and does not scale noise of a thousandth
// up to the whole height.
func (t *timeline) bounds() {
	for i := range t.points {
		v := t.points[i].Rate / t.whole(&t.points[i])
		t.low, t.high = min(t.low, v), max(t.high, v)
	}
	middle := (t.low + t.high) / 2
	half := max(0.58*(t.high-t.low), 0.02*middle)
	t.low, t.high = max(middle-half, 0), middle+half
}
