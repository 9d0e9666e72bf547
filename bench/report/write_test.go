package report

import (
	"bytes"
	"quarry/telemetry"
	"strings"
	"testing"
)

// TestTableShowsWhatWasKept: the number of slices and the port bound are shown, and
// no bound where neighbors disturbed the series.
func TestTableShowsWhatWasKept(t *testing.T) {
	series := Series{
		Kernel: "shani-avx512", Versions: 32, Threads: 1, Median: 61e6, Low: 60e6, High: 62e6, Min: 60e6, Max: 62e6,
		CyclesPerHash: telemetry.Known(60.1), PortBound: telemetry.Known(54), Slices: 6730, Kept: 6000,
	}
	disturbed, unmeasured, unknown := series, series, series
	disturbed.Versions, disturbed.Kept, disturbed.Disturbed = 1, 12, true
	unmeasured.Kernel, unmeasured.Slices, unmeasured.Kept = "avx512", 0, 0
	unknown.Kernel, unknown.PortBound = "sse2", telemetry.Reading{}
	r := &Report{Kernels: []Series{series, disturbed, unmeasured, unknown}}
	r.Settings.SliceSeconds = 0.0004
	var text bytes.Buffer
	if err := r.Write(&text, "table", 200); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"shani-avx512, 32 versions: 60.1 cycles a hash, port bound 54: 90 %\n", "avx512, 32 versions: ",
		"89.2 %   of 6730", "too few  12 of 6730", "  -\n", "KEPT: slices of 0.4 ms",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	for _, unwanted := range []string{"shani-avx512, plain: ", "sse2, 32 versions: "} {
		if strings.Contains(text.String(), unwanted) {
			t.Errorf("%q in:\n%s", unwanted, text.String())
		}
	}
	text.Reset()
	if err := r.Write(&text, "csv", 80); err != nil || !strings.Contains(text.String(), ",6730,6000,54,\n") {
		t.Errorf("%v, csv:\n%s", err, text.String())
	}
}

func TestVerdict(t *testing.T) {
	for want, r := range map[string]Stress{
		"passed: 2G hashes verified, 0 errors": {Passed: true, Hashes: 2e9},
		"FAILED: core 3: 2 errors (x); core 4: it hashed nothing": {Cores: []StressCore{
			{CPU: 2, Hashes: 5}, {CPU: 3, Hashes: 5, Errors: 2, First: "x"}, {CPU: 4},
		}},
	} {
		if got := r.Verdict(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
