package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/benchmarks"
	"quarry/hashing"
	"quarry/miner"
)

// missing is the generic kernel that passes its self-test and then misses hits.
func missing(t *testing.T) hashing.Kernel {
	k, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	scan := k.Scan
	k.Name, k.Versions = "missing", 1
	k.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		found, done := scan(p, start, count, hits)
		if p.Limit < 1<<24 && p.Limit > 1<<19 { // the planted winners' limits
			return 0, done
		}
		return found, done
	}
	return k
}

func exitCode(err error) int {
	var coded cli.ExitCoder
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return -1
}

func TestBenchWrongKernel(t *testing.T) {
	good, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.json")
	if err := os.WriteFile(out, []byte(strings.Repeat("old ", 1e5)), 0o600); err != nil {
		t.Fatal(err)
	}
	order := &benchOrder{format: "table", out: out, Options: benchmarks.Options{
		Kernels: []hashing.Kernel{missing(t), good}, CPUs: miner.CPUSet{CPUs: []int{0}}, Samples: 1, Duration: time.Millisecond,
	}}
	var stdout, stderr bytes.Buffer
	err = order.measure(context.Background(), &stdout, &stderr)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), `kernel "missing" is wrong`) {
		t.Errorf("error %v, want exit code 1 and the kernel's name", err)
	}
	for _, want := range []string{"NO FIGURE: kernel \"missing\" is wrong", "proof: FAILED", "best: "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in:\n%s", want, stdout.String())
		}
	}
	text, err := os.ReadFile(out)
	var report benchmarks.Report
	if err != nil || json.Unmarshal(text, &report) != nil || report.Proven || report.Kernels[0].Median != 0 || report.Best.Kernel != "generic" {
		t.Errorf("--out has %s, %v", text, err)
	}
	for format, want := range map[string]string{"csv": "kernels,missing,1,1,0,,,,,,,,", "benchstat": `# missing: kernel "missing" is wrong`} {
		var text bytes.Buffer
		if err := writeReport(&text, &report, format); err != nil || !strings.Contains(text.String(), want) {
			t.Errorf("%s: no %q in:\n%s", format, want, text.String())
		}
	}
}

func TestBurnInWrongKernel(t *testing.T) {
	order := &benchOrder{format: "table", stress: 30 * time.Millisecond, named: true, Options: benchmarks.Options{
		Kernels: []hashing.Kernel{missing(t)}, CPUs: miner.CPUSet{CPUs: []int{0}},
	}}
	var stdout bytes.Buffer
	err := order.burnIn(context.Background(), &stdout, &stdout)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "FAILED: thread 0 (not pinned): ") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(stdout.String(), "ERRORS") || !strings.Contains(stdout.String(), "\nFAILED: ") {
		t.Errorf("printed:\n%s", stdout.String())
	}
}

func TestVerdict(t *testing.T) {
	for want, report := range map[string]benchmarks.StressReport{
		"passed: 2G hashes verified, 0 errors": {Passed: true, Hashes: 2e9},
		"FAILED: core 3: 2 errors (x); core 4: it hashed nothing": {Cores: []benchmarks.StressCore{
			{CPU: 2, Hashes: 5}, {CPU: 3, Hashes: 5, Errors: 2, First: "x"}, {CPU: 4},
		}},
	} {
		if got := verdict(&report); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestBarLine(t *testing.T) {
	for _, c := range []struct {
		p     benchmarks.Progress
		width int
		want  string
	}{
		{benchmarks.Progress{Now: "testing x"}, 80, "testing x"},
		{benchmarks.Progress{Done: 1, Total: 2, Now: "y"}, 80, "[" + strings.Repeat("=", 15) + strings.Repeat(" ", 15) + "] 1/2 y"},
		{benchmarks.Progress{Done: 9, Total: 2, Now: "y"}, 5, "[===="},
	} {
		if got := barLine(c.p, c.width); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestStressTakesWhatMines: the measured best, not the first of the list.
func TestStressTakesWhatMines(t *testing.T) {
	p, _ := testPicker(t, nil)
	path, err := pickPath()
	if err != nil {
		t.Fatal(err)
	}
	measured := pick{pickKey: p.key, Measured: time.Now(), Kernels: ratedBy(p.kernels, func(i int) float64 { return 1 + float64(i) })}
	if err := keepPick(path, measured, 1); err != nil {
		t.Fatal(err)
	}
	last := p.kernels[len(p.kernels)-1].Name
	order := &benchOrder{Options: benchmarks.Options{Kernels: hashing.Kernels()}}
	var said bytes.Buffer
	kernel, err := order.stressKernel(t.Context(), []miner.Placement{{CPU: -1}}, &said)
	if err != nil || kernel.Name != last || kernel.Versions != 1 || said.Len() > 0 {
		t.Errorf("takes %s with %d versions, %v, %s; want %s, which gains nothing by more than one", kernel.Name, kernel.Versions, err, &said, last)
	}
	order.named, order.Kernels = true, order.Kernels[:1]
	if kernel, err := order.stressKernel(t.Context(), nil, &said); err != nil || kernel.Name != order.Kernels[0].Name {
		t.Errorf("takes %s, %v; want the one named", kernel.Name, err)
	}
}
