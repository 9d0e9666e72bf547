package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"quarry/telemetry"
)

// wideReport has the longest names that there are.
func wideReport() *Report {
	series := func(kernel string, versions, threads int, rate float64) Series {
		return Series{
			Kernel: kernel, Versions: versions, Threads: threads, CPUs: []int{0, 2, 4, 6}, Median: rate, Low: 0.69 * rate, High: 1.95 * rate,
			Min: 0.6 * rate, Max: 2 * rate, Samples: []float64{rate, rate, rate}, CyclesPerHash: telemetry.Known(1271.9), Slices: 67300, Kept: 60000,
			PortBound: telemetry.Known(54), Proof: ProofCount{Planted: 62444, Found: 62444, Hashes: 1e9},
		}
	}
	r := &Report{
		Schema: Schema, Proven: true, Build: Build{Version: "0.1.0+0123456789ab.dirty", Go: "go1.26.8", Target: "linux/amd64"},
		Machine: Machine{
			CPU:    "AMD Ryzen Threadripper PRO 7995WX 96-Core Processor with a name of more than eighty columns @ 2.50GHz",
			Family: 25, Model: 24, Stepping: 1, Microcode: "unavailable", Governor: "unavailable", Hypervisor: "KVMKVMKVM",
			Features: strings.Fields(strings.Repeat("AVX512VBMI ", 20)), OS: "linux, debian 12.11, 6.18.44-with-a-long-name-of-a-kernel",
			UsableCPUs: []int{0, 1, 2}, LogicalCores: telemetry.Known(192),
		},
		Kernels: []Series{series("shani-avx512-ternary", 32, 1, 662.44e6), series("generic", 1, 1, 2.5e6),
			{Kernel: "shani-avx2", Versions: 32, Threads: 1, Error: "it crashed or stalled the process that tests kernels: SIGILL: illegal instruction (exit status 2)"}},
		Skipped:  []Skipped{{Kernel: "avx512", Lacks: "AVX512F, AVX512BW, AVX512VL and some more that such a CPU does not have"}},
		Scaling:  []Series{series("shani-avx512-ternary", 32, 128, 123.4e9)},
		Warnings: []string{strings.Repeat("a long warning ", 12)},
		Best:     Best{Kernel: "shani-avx512-ternary", Versions: 32, Threads: 128, Median: 123.4e9},
	}
	r.Scaling[0].Efficiency = telemetry.Known(0.987)
	r.Settings = Settings{Samples: 9, SampleSeconds: 0.3, SliceSeconds: 0.0004, WarmupSeconds: 1}
	r.Environment = Environment{Throttled: []string{strings.Repeat("the clock fell ", 9)}, PowerUnavailableWhy: strings.Repeat("nothing to read ", 9)}
	r.Environment.Before.Hertz, r.Environment.Slowest = telemetry.Known(3.7e9), telemetry.Known(3.6e9)
	return r
}

// TestTablesFit: in 80 columns and in 60, the line to share aside.
func TestTablesFit(t *testing.T) {
	r := wideReport()
	for _, width := range []int{60, 80, 200} {
		var text bytes.Buffer
		if err := r.Write(&text, "table", width); err != nil {
			t.Fatal(err)
		}
		comparison, err := Compare(t.Context(), r, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := comparison.Write(&text, "table", width); err != nil {
			t.Fatal(err)
		}
		printer := &StressPrinter{Out: &text, Width: width}
		printer.Begin("shani-avx512-ternary", 32, 128, "0-63, and 64 not pinned (more threads than cpus)", 1e9)
		printer.Line(StressLine{Seconds: 86400, Rate: 123e9, Hashes: 1e15, Errors: 1234, Celsius: telemetry.Known(99), Hertz: telemetry.Known(3.7e9)})
		printer.End(&Stress{Cores: []StressCore{{CPU: 2}}, Hottest: telemetry.Known(99), Slowest: telemetry.Known(3e9), Warnings: r.Warnings, Throttled: r.Environment.Throttled})
		for line := range strings.Lines(text.String()) {
			line = strings.TrimRight(line, "\n")
			if n := utf8.RuneCountInString(line); n > width && !strings.HasPrefix(line, "share: ") && (width > 60 || strings.HasPrefix(line, "  ")) {
				t.Errorf("%d columns, not %d: %s", n, width, line)
			}
			if strings.Contains(line, "unavailable") || strings.TrimRight(line, " ") != line {
				t.Errorf("%q", line)
			}
		}
		for _, want := range []string{"123.40 GH/s", "98.7 %", "no difference", "NO FIGURE: it", "not here: the", "-31.0 +95.0 %"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%d columns: no %q in:\n%s", width, want, &text)
			}
		}
		if wide := strings.Contains(text.String(), "SLICES") && strings.Contains(text.String(), "456.00 to 1.29 GH/s"); wide && width < 200 {
			t.Errorf("%d columns have all:\n%s", width, &text)
		}
		if strings.Count(text.String(), "throttling: ") != 2 || strings.Contains(text.String(), "temperature: ") {
			t.Errorf("one line about throttling for each, none about temperatures that are not there:\n%s", &text)
		}
	}
}

func TestTableDropsTheLeastImportant(t *testing.T) {
	table := NewTable(Column{"A", 0}, Column{"B", 2}, Column{"C", 1}, Column{"EMPTY", 0}, Column{"D", 2})
	table.Row("a", "bbbb", "cc", "", "d")
	table.Row("aa", "a text that ends the row and is long")
	for width, want := range map[int]string{
		80: "A   B     C   D\na   bbbb  cc  d\naa  a text that ends the row and is long\n",
		14: "A   C\na   cc\naa  a text that ends the\n    row and is long\n",
		3:  "A\na\naa  a text that ends the\n    row and is long\n",
	} {
		var text bytes.Buffer
		if err := table.Write(&text, width); err != nil || text.String() != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", width, &text, want)
		}
	}
}

func TestShare(t *testing.T) {
	r := wideReport()
	r.Machine.CPU, r.Machine.LogicalCores = "AMD EPYC 9B45 128-Core Processor", telemetry.Known(3)
	if got, want := r.Share(), "AMD EPYC 9B45, shani-avx512-ternary x32, 128 threads, 123.40 GH/s, proof 62444/62444, quarry 0.1.0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Machine.CPU, r.Machine.LogicalCores, r.Scaling[0].Disturbed = "AMD EPYC", telemetry.Known(8), true
	if got := r.Share(); !strings.HasPrefix(got, "AMD EPYC (family 25 model 24), ") || !strings.Contains(got, ", on 3 of 8 CPUs (0-2), disturbed, ") {
		t.Errorf("%q", got)
	}
	r.Machine.Quota = telemetry.Known(0.5)
	if got := r.Share(); !strings.Contains(got, ", under a quota of 0.5 CPUs, ") {
		t.Errorf("%q", got)
	}
	var text bytes.Buffer
	if err := r.Write(&text, "table", 80); err != nil || !strings.HasSuffix(text.String(), "\nshare: "+r.Share()+"\n") || !strings.Contains(text.String(), "CPU quota 0.5 CPUs") {
		t.Errorf("%v, the last line is not the one to share:\n%s", err, &text)
	}
	r.Proven = false
	if got := r.Share(); got != "" {
		t.Errorf("not proven, but it says %q", got)
	}
	for cpu, want := range map[string]string{
		"Intel(R) Xeon(R) Platinum 8488C CPU @ 2.40GHz":  "Intel Xeon Platinum 8488C",
		"AMD Ryzen 9 7940HS w/ Radeon 780M Graphics":     "AMD Ryzen 9 7940HS w/ Radeon 780M Graphics",
		"12th Gen Intel(R) Core(TM) i7-1260P\x1b[2J":     "12th Gen Intel Core i7-1260P?[2J",
		"AMD Ryzen 7 5800X 8-Core Processor            ": "AMD Ryzen 7 5800X",
	} {
		if got := (&Machine{CPU: cpu, Family: 6}).Name(); got != want {
			t.Errorf("%q is %q, want %q", cpu, got, want)
		}
	}
}
