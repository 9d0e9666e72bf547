package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry/bench/report"
	"quarry/telemetry"
)

// plottedReport returns a whole report of made-up rates: so many kernels, each
// plain and rolled, and a scaling curve up to some threads.
func plottedReport(kernels []string, threads int, warm bool) *report.Report {
	random := rand.New(rand.NewPCG(3, 3))
	r := &report.Report{
		Schema: report.Schema, Proven: true, Began: time.Date(2026, 11, 25, 3, 2, 41, 0, time.UTC),
		Build:    report.Build{Version: "0.2.0+d60e865aa123", Target: "linux/amd64"},
		Machine:  report.Machine{CPU: "AMD EPYC 9B45 128-Core Processor", OS: "linux 6.1.0-41-cloud-amd64"},
		Settings: report.Settings{Samples: 7, SampleSeconds: 1},
	}
	measure := func(kernel string, versions, threads int, rate float64) report.Series {
		s := report.Series{Kernel: kernel, Versions: versions, Threads: threads}
		for range r.Settings.Samples {
			sample := rate * (1 + 0.01*random.NormFloat64())
			s.Samples = append(s.Samples, sample)
			point := report.Point{Seconds: float64(len(r.Timeline) + 1), Kernel: kernel, Versions: versions, Threads: threads, Rate: sample}
			if warm {
				point.Celsius = telemetry.Known(48 + 20*point.Seconds/(20+point.Seconds))
			}
			r.Timeline = append(r.Timeline, point)
		}
		sorted := slices.Sorted(slices.Values(s.Samples))
		s.Median, s.Low, s.High, s.Min, s.Max = sorted[3], sorted[1], sorted[5], sorted[0], sorted[6]
		return s
	}
	for i, kernel := range kernels {
		rate := 52e6 / float64(i+1)
		r.Kernels = append(r.Kernels, measure(kernel, 1, 1, rate), measure(kernel, 32, 1, 1.1*rate))
	}
	for n := 1; n <= threads; n *= 2 {
		r.Scaling = append(r.Scaling, measure(kernels[0], 32, n, 57e6*float64(n)*(1-0.02*float64(n-1)/float64(threads))))
	}
	return r
}

// plottedReports returns reports that are hard to draw, by name.
func plottedReports() map[string]*report.Report {
	full := plottedReport([]string{"shani-avx512", "shani-avx2", "shani", "avx512", "avx2", "generic"}, 64, true)
	full.Kernels[5] = report.Series{Kernel: "shani", Versions: 32, Threads: 1, Error: "2 of 39 planted winners missed"}
	full.Best = report.Best{Kernel: "shani-avx512", Versions: 32, Threads: 64}
	one := plottedReport([]string{"generic"}, 1, false)
	one.Kernels, one.Scaling, one.Timeline = one.Kernels[:1], nil, one.Timeline[:7]
	odd := plottedReport([]string{"shani"}, 2, false)
	odd.Proven = false
	odd.Machine.CPU = strings.Repeat("a very long <CPU> & name ", 10)
	long := plottedReport([]string{"shani"}, 2, true)
	long.Incomplete = true
	for i := range 3600 {
		long.Timeline = append(long.Timeline, report.Point{Seconds: float64(i), Kernel: "shani", Versions: 1, Threads: 2, Rate: 1e8 - float64(i)})
	}
	failed := plottedReport([]string{"shani"}, 1, false)
	for _, list := range [][]report.Series{failed.Kernels, failed.Scaling} {
		for i := range list {
			list[i] = report.Series{Kernel: "shani", Versions: i + 1, Threads: 1, Error: "killed"}
		}
	}
	failed.Timeline = nil
	return map[string]*report.Report{"full": full, "one": one, "odd": odd, "long": long, "failed": failed, "empty": {}}
}

// TestPlot draws them all. With PLOT_DIR set the images are left there.
func TestPlot(t *testing.T) {
	dir := os.Getenv("PLOT_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	texts := map[string][]string{
		"full": {"shani-avx512 x32", "57.58 MH/s", "MH/s", "no figure: 2 of 39", "64: 3.58 GH/s, 98 % of ideal", "50°C", "temperature",
			"quarry bench on AMD EPYC 9B45", "<title>quarry bench on AMD EPYC 9B45</title>", "<desc>", "0.2.0+d60e865aa123", "2026-11-25 03:02 UTC"},
		"one":    {"generic", "not measured", "Rate over time, MH/s"},
		"odd":    {"NOT PROVEN", "a very long &lt;CPU&gt; &amp; name", "several threads", "% of each series' median"},
		"long":   {"minutes (one sample of 3 is shown)", "INCOMPLETE"},
		"failed": {"no figure: killed"},
		"empty":  {"not measured", "NOT PROVEN"},
	}
	for name, r := range plottedReports() {
		for _, ending := range []string{".png", ".svg"} {
			if err := Write(r, filepath.Join(dir, name+ending)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		checkPNG(t, filepath.Join(dir, name+".png"), plotHeight(r))
		svg := readWhole(t, filepath.Join(dir, name+".svg"))
		if err := xml.Unmarshal(svg, new(struct{})); err != nil {
			t.Errorf("%s.svg: %v", name, err)
		}
		if bytes.Contains(svg, []byte("unavailable")) || !bytes.Contains(svg, []byte("'DejaVu Sans',Verdana,Arial,sans-serif")) {
			t.Errorf("%s.svg: it has a value that is not there, or a font that few have", name)
		}
		for _, text := range texts[name] {
			if !bytes.Contains(svg, []byte(text)) {
				t.Errorf("%s.svg: no %q", name, text)
			}
		}
	}
}

// checkPNG wants an image of that height with ink on it.
func checkPNG(t *testing.T, file string, height int) {
	t.Helper()
	image, err := png.Decode(bytes.NewReader(readWhole(t, file)))
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	if size := image.Bounds().Size(); size.X != plotWidth || size.Y != height {
		t.Errorf("%s: %v pixels, want %d by %d", file, size, plotWidth, height)
	}
	ink := 0
	for y := range image.Bounds().Dy() {
		for x := range image.Bounds().Dx() {
			if r, _, _, _ := image.At(x, y).RGBA(); r < 0x8000 {
				ink++
			}
		}
	}
	if share := float64(ink) / float64(plotWidth*height); share < 0.003 || share > 0.5 {
		t.Errorf("%s: %.1f %% of it is dark", file, 100*share)
	}
}

func readWhole(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestPlotFaults(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken.svg")
	if err := os.MkdirAll(filepath.Join(taken, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := plottedReport([]string{"shani"}, 1, false)
	for _, c := range []struct{ file, want string }{
		{filepath.Join(dir, "rates.pdf"), ".svg or .png"},
		{filepath.Join(dir, "rates"), ".svg or .png"},
		{"", ".svg or .png"},
		{filepath.Join(dir, "none", "rates.svg"), "rates.svg"},
		{taken, "taken.svg"},
	} {
		if err := Write(r, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error is %v, want %q in it", c.file, err, c.want)
		}
	}
	for file, good := range map[string]bool{"rates.PNG": true, "rates.jpg": false, filepath.Join(dir, "none", "rates.svg"): false} {
		if err := CheckFile(file); (err == nil) != good {
			t.Errorf("checking %s: %v", file, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v; want only the folder", left, err)
	}
}

func TestPlotReplacesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rates.svg")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(plottedReport([]string{"shani"}, 1, false), file); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readWhole(t, file), []byte("</svg>")) {
		t.Error("the old file is still there")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		n         int
		want      string
	}{
		{0, 57.9, 10, "[0 10 20 30 40 50] 0"},
		{0, 2, 2, "[0 1 2] 0"},
		{51.2, 53.1, 6, "[51.5 52 52.5 53] 1"},
		{97.9, 102.1, 6, "[98 99 100 101 102] 0"},
		{0, 0.05, 5, "[0 0.01 0.02 0.03 0.04 0.05] 2"},
		{3, 3, 5, "[] 0"},
	} {
		values, decimals := scale{low: c.low, high: c.high}.ticks(c.n)
		var rounded []float64
		for _, v := range values {
			rounded = append(rounded, math.Round(v*1e9)/1e9)
		}
		if got := fmt.Sprint(rounded, decimals); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

// TestPlotComparison: each series with its ratio, whether B is faster, slower or alike.
func TestPlotComparison(t *testing.T) {
	dir := os.Getenv("PLOT_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	a, b := plottedReport([]string{"shani-avx512", "avx2", "generic"}, 4, false), plottedReport([]string{"shani-avx512", "avx2", "generic"}, 4, false)
	for i := range b.Kernels[0].Samples {
		b.Kernels[0].Samples[i] *= 1.2
		b.Kernels[2].Samples[i] *= 0.9
	}
	b.Machine.CPU = "another <CPU>"
	c, err := report.Compare(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	for name, comparison := range map[string]*report.Comparison{"ratio": c, "nothing": {}} {
		for _, ending := range []string{".png", ".svg"} {
			if err := WriteComparison(comparison, "old.json", "new & better.json", filepath.Join(dir, name+ending)); err != nil {
				t.Fatal(err)
			}
		}
		checkPNG(t, filepath.Join(dir, name+".png"), titleHeight+panelHead+max(len(comparison.Series), 2)*rowHeight+panelFoot+plotMargin)
	}
	svg := readWhole(t, filepath.Join(dir, "ratio.svg"))
	if err := xml.Unmarshal(svg, new(struct{})); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"shani-avx512, 1 thread", "1.200 ", "0.900 ", "faster", "slower", "no difference shown", "DIFFERENT CPU", "new &amp; better.json"} {
		if !bytes.Contains(svg, []byte(text)) {
			t.Errorf("no %q", text)
		}
	}
	if err := WriteComparison(c, "a", "b", filepath.Join(dir, "x.gif")); err == nil {
		t.Error("a .gif is drawn")
	}
}
