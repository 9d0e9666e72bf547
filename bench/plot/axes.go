package plot

import (
	"math"
	"strconv"

	"github.com/go-analyze/charts"
)

const (
	textSize  = 10.5 // points
	titleSize = 14
	textRise  = 5 // pixels from the middle of small text down to its baseline
)

// panel is a part of the image, with two scales over its plotting area.
type panel struct {
	p                        *charts.Painter // of the whole image
	left, top, right, bottom int             // of the panel, in the image's pixels
	area                     charts.Box      // of the plot
	x, y                     scale
}

func newPanel(p *charts.Painter, left, top, right, bottom int) *panel {
	return &panel{p: p, left: left, top: top, right: right, bottom: bottom,
		area: charts.NewBox(left, top+panelHead, right, bottom-panelFoot)}
}

// scale maps values low..high to pixels from..to.
type scale struct {
	low, high float64
	from, to  int
}

func (s scale) at(v float64) int {
	if s.high <= s.low {
		return s.from
	}
	share := min(max((v-s.low)/(s.high-s.low), 0), 1)
	return s.from + int(math.Round(share*float64(s.to-s.from)))
}

// ticks returns round values in the scale, about n of them, and how many decimals
// they need.
func (s scale) ticks(n int) (values []float64, decimals int) {
	rough := (s.high - s.low) / float64(n)
	if !(rough > 0) || math.IsInf(rough, 0) {
		return nil, 0
	}
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, round := range []float64{1, 2, 5} {
		if round*power >= rough {
			step = round * power
			break
		}
	}
	decimals = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	for i := math.Ceil(s.low/step - 1e-9); i*step <= s.high+step*1e-9; i++ {
		values = append(values, i*step+0) // + 0 makes 0 of -0
	}
	return values, decimals
}

// setX and setY set the scales of the plotting area.
func (a *panel) setX(low, high float64) { a.x = scale{low, high, a.area.Left, a.area.Right} }
func (a *panel) setY(low, high float64) { a.y = scale{low, high, a.area.Bottom, a.area.Top} }

// title writes the panel's title.
func (a *panel) title(name string) { a.text(0, 24, titleSize, colorInk, name) }

// text writes at (x, y), from the panel's corner to the text's baseline, cut
// to the panel's width.
func (a *panel) text(x, y int, size float64, color charts.Color, text string) {
	style := charts.FontStyle{FontSize: size, FontColor: color}
	a.p.Text(a.fit(text, a.right-a.left-x, size), a.left+x, a.top+y, 0, style)
}

// fit cuts text to a width in pixels.
func (a *panel) fit(text string, width int, size float64) string {
	if a.width(text, size) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && a.width(string(runes)+"...", size) > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "..."
}

func (a *panel) width(text string, size float64) int {
	return a.p.MeasureText(text, 0, charts.FontStyle{FontSize: size, FontColor: colorInk}).Width()
}

// room returns how wide small text may become: an SVG names its font, and a viewer
// without it uses another one. DejaVu Sans is a sixth wider.
func (a *panel) room(text string) int { return a.width(text, textSize) * 7 / 6 }

// label writes small text around (x, y) of the image: align 0 is left, 0.5
// centered, 1 right.
func (a *panel) label(x, y int, align float64, color charts.Color, text string) {
	x -= int(align * float64(a.width(text, textSize)))
	a.p.Text(text, x, y+textRise, 0, charts.FontStyle{FontSize: textSize, FontColor: color})
}

// message writes the text of an empty panel.
func (a *panel) message(text string) {
	text = a.fit(text, a.area.Width(), textSize)
	a.label((a.area.Left+a.area.Right)/2, (a.area.Top+a.area.Bottom)/2, 0.5, colorFaint, text)
}

// axisX draws lines and numbers for the x scale, and the unit below them.
func (a *panel) axisX(count int, unit string) {
	values, decimals := a.x.ticks(count)
	for _, v := range values {
		at := a.x.at(v)
		a.line(colorGrid, 1, at, a.area.Top, at, a.area.Bottom)
		a.label(at, a.area.Bottom+16, 0.5, colorFaint, strconv.FormatFloat(v, 'f', decimals, 64))
	}
	a.line(colorFaint, 1, a.area.Left, a.area.Bottom, a.area.Right, a.area.Bottom)
	a.label((a.area.Left+a.area.Right)/2, a.area.Bottom+37, 0.5, colorFaint, unit)
}

// axisY does the same for the y scale, whose unit is in the title.
func (a *panel) axisY(count int) {
	values, decimals := a.y.ticks(count)
	for _, v := range values {
		at := a.y.at(v)
		a.line(colorGrid, 1, a.area.Left, at, a.area.Right, at)
		a.label(a.area.Left-8, at, 1, colorFaint, strconv.FormatFloat(v, 'f', decimals, 64))
	}
	a.line(colorFaint, 1, a.area.Left, a.area.Top, a.area.Left, a.area.Bottom)
}

func (a *panel) line(color charts.Color, width float64, x1, y1, x2, y2 int) {
	a.p.LineStroke([]charts.Point{{X: x1, Y: y1}, {X: x2, Y: y2}}, color, width)
}

// mark draws one measured point, its radius in pixels.
type mark func(a *panel, x, y, radius int)

func circle(a *panel, x, y, radius int) {
	a.p.Circle(float64(radius), x, y, colorPlain, colorPlain, 0)
}

func diamond(a *panel, x, y, radius int) {
	a.p.FilledDiamond(x, y, 2*radius+2, 2*radius+2, colorRolled, colorRolled, 0)
}

func square(a *panel, x, y, radius int) {
	a.p.FilledRect(x-radius, y-radius, x+radius, y+radius, colorMany, colorMany, 0)
}

// legendEntry is a mark and its meaning.
type legendEntry struct {
	draw func(x, y int) // the left end of its middle line, 26 pixels long
	text string
}

// legend writes the entries next to each other under the title.
func (a *panel) legend(entries ...legendEntry) {
	x, y := a.left, a.top+43
	for _, e := range entries {
		e.draw(x, y)
		x += 34
		a.text(x-a.left, 43+textRise, textSize, colorFaint, e.text)
		x += a.room(e.text) + 20
	}
}

// whisker draws the interval from low to high at the place, vertical or horizontal.
func (a *panel) whisker(low, high, place int, upright bool) {
	const cap = 5
	line := func(along1, across1, along2, across2 int) {
		if upright {
			along1, across1, along2, across2 = across1, along1, across2, along2
		}
		a.line(colorInk, 1.5, along1, across1, along2, across2)
	}
	line(low, place, high, place)
	line(low, place-cap, low, place+cap)
	line(high, place-cap, high, place+cap)
}
