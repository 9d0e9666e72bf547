package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"quarry/telemetry"
)

// sampleReport returns a report such as bench writes, of made-up rates.
func sampleReport() *Report {
	series := func(kernel string, versions, threads int, rates ...float64) Series {
		s := Series{Kernel: kernel, Versions: versions, Threads: threads, CPUs: []int{0}, Samples: rates}
		s.Median, s.Low, s.High, s.Min, s.Max = rates[0], rates[0], rates[0], rates[0], rates[0]
		s.Proof = ProofCount{Planted: 4, Found: 4, Hashes: 1 << 30}
		return s
	}
	return &Report{
		Schema: Schema, Began: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC), Seconds: 60, Proven: true,
		Build:    Build{Version: "0.2.0", Go: "go1.26.0", Target: "linux/amd64"},
		Machine:  Machine{CPU: "AMD EPYC", Family: 26, Model: 2, Governor: "unavailable", OS: "linux 6.1"},
		Settings: Settings{Samples: 3, SampleSeconds: 1, WarmupSeconds: 1, Priority: "normal"},
		Kernels: []Series{
			series("shani", 1, 1, 40e6, 41e6, 42e6),
			series("shani", 32, 1, 50e6, 51e6, 52e6),
			series("generic", 1, 1, 5e6, 5.1e6, 5.2e6),
		},
		Scaling:     []Series{series("shani", 32, 1, 51e6, 52e6, 53e6), series("shani", 32, 2, 99e6, 100e6, 101e6)},
		Environment: Environment{Hottest: telemetry.Known(60)},
	}
}

func reportText(t testing.TB, r *Report) []byte {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadReportReadsWhatBenchWrites(t *testing.T) {
	text := reportText(t, sampleReport())
	report, err := Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if again := reportText(t, report); !bytes.Equal(again, text) {
		t.Errorf("read and written again it is\n%s\nwant\n%s", again, text)
	}
	// A key that a newer quarry adds is accepted.
	newer := strings.Replace(string(text), "{", `{"humidity": 0.5, `, 1)
	if _, err := Read(strings.NewReader(newer)); err != nil {
		t.Errorf("with an unknown key: %v", err)
	}
}

func TestReadReportRefuses(t *testing.T) {
	change := func(f func(*Report)) string {
		r := sampleReport()
		f(r)
		return string(reportText(t, r))
	}
	good := change(func(*Report) {})
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "not a JSON report"},
		{"text", "rate: 50 MH/s", "not a JSON report"},
		{"half of it", good[:len(good)/2], "not a JSON report"},
		{"more behind it", good + "{}", "not a JSON report"},
		{"null", "null", `no "schema"`},
		{"an array", "[1]", "not a JSON report"},
		{"other JSON", `{"name": "quarry"}`, `no "schema"`},
		{"another schema", `{"schema": 2, "kernels": "moved"}`, "schema is 2"},
		{"another type", `{"schema": 1, "kernels": "moved"}`, "kernels"},
		{"a rate out of range", strings.Replace(good, "41000000", "1e999", 1), "1e999"},
		{"a negative sample", change(func(r *Report) { r.Kernels[1].Samples[2] = -1 }), "kernels, series 2: shani: a rate of -1"},
		{"a sample of 0", change(func(r *Report) { r.Scaling[0].Samples[0] = 0 }), "scaling, series 1: shani: a rate of 0"},
		{"a negative median", change(func(r *Report) { r.Kernels[0].Median = -5 }), "a rate of -5"},
		{"no versions", change(func(r *Report) { r.Kernels[0].Versions = 0 }), "versions is 0"},
		{"no threads", change(func(r *Report) { r.Kernels[0].Threads = -1 }), "threads is -1"},
		{"no kernel", change(func(r *Report) { r.Kernels[0].Kernel = "" }), "kernel's name"},
		{"an escape in the kernel", change(func(r *Report) { r.Kernels[0].Kernel = "\x1b[2J" }), "kernel's name"},
		{"one series twice", change(func(r *Report) { r.Kernels[1].Versions = 1 }), "already one of shani, 1 thread"},
		{"too many series", change(func(r *Report) { r.Kernels = make([]Series, maxSeries+1) }), "more than 256"},
		{"too many samples", change(func(r *Report) { r.Kernels[0].Samples = make([]float64, maxSamples+1) }), "more than 1000"},
		{"too large", good + strings.Repeat(" ", maxReportBytes), "larger than 16 MiB"},
	} {
		_, err := Read(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.name, err, c.want)
		}
	}
	broken := sampleReport()
	broken.Kernels[0].Samples[0] = math.NaN()
	if err := broken.check(); err == nil {
		t.Error("a rate that is not a number passed")
	}
}

func TestReadReportAllowsASeriesWithoutFigure(t *testing.T) {
	r := sampleReport()
	r.Kernels[2] = Series{Kernel: "generic", Versions: 1, Threads: 1, Error: "stopped"}
	if _, err := Read(bytes.NewReader(reportText(t, r))); err != nil {
		t.Error(err)
	}
}

// failingReader fails in the middle.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, fmt.Errorf("the disk is gone") }

func TestReadReportNamesAReadError(t *testing.T) {
	if _, err := Read(failingReader{}); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("error is %v", err)
	}
}

// FuzzReadReport: whatever is accepted can be compared, and written and read
// again.
func FuzzReadReport(f *testing.F) {
	f.Add(reportText(f, sampleReport()))
	f.Add([]byte(`{"schema":1,"proven":true,"kernels":[{"kernel":"a","versions":1,"threads":1,"samples":[1,2],"median_hashes_per_second":1,"low_hashes_per_second":1,"high_hashes_per_second":1,"min_hashes_per_second":1,"max_hashes_per_second":1}]}`))
	f.Add([]byte(`{"schema":1,"kernels":[{"kernel":"a","versions":4,"threads":2,"error":"wrong"}],"climate":{"hottest_celsius":null}}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		report, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		if _, err := Read(bytes.NewReader(reportText(t, report))); err != nil {
			t.Errorf("written and read again: %v", err)
		}
		for _, list := range [][]Series{report.Kernels, report.Scaling} {
			for i := range list { // the bootstrap would take nearly all the time
				list[i].Samples = list[i].Samples[:min(len(list[i].Samples), 1)]
			}
		}
		comparison, err := Compare(t.Context(), report, report)
		if err != nil {
			return
		}
		if len(comparison.OnlyA)+len(comparison.OnlyB)+len(comparison.Differences) > 0 {
			t.Errorf("a report differs from itself: %+v", comparison)
		}
		for _, s := range comparison.Series {
			if s.Verdict != TooFewSamples && s.Verdict != NoFigure || s.Ratio.OK && s.Ratio.Value != 1 {
				t.Errorf("a report is not as fast as itself: %+v", s)
			}
		}
	})
}
