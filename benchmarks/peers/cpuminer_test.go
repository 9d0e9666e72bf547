package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestParseRecordedOutputs reads what cpuminer-opt 26.1 printed on the machine
// of the project (AMD EPYC, Zen 5, a virtual machine) on 2026-11-25.
func TestParseRecordedOutputs(t *testing.T) {
	for _, c := range []struct {
		file  string
		scans map[int]int
		rate  float64
		from  string
	}{
		// -t 1 --time-limit 12
		{"cpuminer-opt-26.1-color.txt", nil, 38.09e6, "its last scan"},
		// the same, --hash-meter --scantime 2 --no-color
		{"cpuminer-opt-26.1-hash-meter.txt", map[int]int{0: 8}, (36.57e6 + 36.85e6) / 2, "median of the scans"},
		// -t 2 --time-limit 6 --hash-meter --scantime 1
		{"cpuminer-opt-26.1-two-threads.txt", map[int]int{0: 8, 1: 7}, 36.84e6 + 36.60e6, "median of the scans"},
	} {
		file, err := os.Open(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		out, err := parseCpuminer(file)
		if err != nil {
			t.Fatal(err)
		}
		rate, from, err := out.rate()
		if err != nil || math.Abs(rate-c.rate) > 1 || from != c.from {
			t.Errorf("%s: %v by %s, %v; want %v by %s", c.file, rate, from, err, c.rate, c.from)
		}
		if len(out.scans) != len(c.scans) {
			t.Errorf("%s: %d threads, want %d", c.file, len(out.scans), len(c.scans))
		}
		for thread, n := range c.scans {
			if len(out.scans[thread]) != n {
				t.Errorf("%s: %d scans of thread %d, want %d", c.file, len(out.scans[thread]), thread, n)
			}
		}
	}
}

func TestParseUnits(t *testing.T) {
	for _, c := range []struct {
		line string
		want float64
	}{
		{"[2026-11-25 03:02:41]\x1b[01;37m Benchmark: 37.01 MH/s\x1b[0m", 37.01e6},
		{"[2026-11-25 03:02:41] Benchmark: 9999.99 H/s\x00", 9999.99},
		{"Benchmark: 12.00 kH/s", 12e3},
		{"Benchmark: 10.50 GH/s", 10.5e9},
		{"Benchmark: 10.50 TH/s", 10.5e12},
		{"Benchmark: 1.00 H/s\nBenchmark: 2.00 H/s", 2}, // the last one counts
		{"Total: 38.43 MH/s, Temp: 0C, Freq: 0.000/0.000 GHz", 0},
		{"Benchmark: -3.00 MH/s", 0},
		{"Benchmark: fast", 0},
		{"Benchmark: 0.00 H/s", 0},
		{"Thread 0, CPU 0: 1.00 Mh/s", 0}, // still warming, and no last line
		{"Thread 0, CPU 0: 1.00 Mh/s\nBenchmark: 3.00 kH/s", 3e3},
		{strings.Repeat("Thread 0, CPU 0: 9.00 Mh/s\n", 2) + strings.Repeat("Thread 0, CPU -1: 500.00 h/s\n", 2), 500},
		{"", 0},
	} {
		out, err := parseCpuminer(strings.NewReader(c.line))
		if err != nil {
			t.Fatal(err)
		}
		rate, _, err := out.rate()
		if (err != nil) != (c.want == 0) || math.Abs(rate-c.want) > 1e-9*c.want {
			t.Errorf("%q: %v, %v; want %v", c.line, rate, err, c.want)
		}
	}
}

// FuzzParseCpuminer: whatever a program prints, a rate is a positive number.
func FuzzParseCpuminer(f *testing.F) {
	f.Add("[2026-11-25 03:11:42]\x1b[01;37m Total: 38.72 MH/s, Temp: 0C, Freq: 0.000/0.000 GHz\x1b[0m\nBenchmark: 38.09 MH/s")
	f.Add("Thread 0, CPU 0: 969.70 kh/s\nThread 0, CPU 0: 36.35 Mh/s\nThread 0, CPU 0: 36.57 Mh/s\nThread 1, CPU 1: 36.57 Yh/s")
	f.Add("Benchmark: 999999999999.999999 YH/s\nThread 9999, CPU -1: 0.00 h/s")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := parseCpuminer(strings.NewReader(text))
		if err != nil {
			return
		}
		rate, from, err := out.rate()
		if err == nil && (!(rate > 0) || math.IsInf(rate, 0) || from == "") {
			t.Errorf("%v by %q", rate, from)
		}
	})
}
