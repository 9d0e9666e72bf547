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
	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/bench"
	"quarry/bench/report"
	"quarry/hashing"
)

// missing returns the generic kernel changed to pass its self-test and then miss hits.
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
	order := &benchOrder{format: "table", out: out, Options: bench.Options{
		Kernels: []hashing.Kernel{missing(t), good}, CPUs: affinity.CPUSet{CPUs: []int{0}}, Samples: 1, Duration: time.Millisecond,
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
	var r report.Report
	if err != nil || json.Unmarshal(text, &r) != nil || r.Proven || r.Kernels[0].Median != 0 || r.Best.Kernel != "generic" {
		t.Errorf("--out has %s, %v", text, err)
	}
	for format, want := range map[string]string{"csv": "kernels,missing,1,1,0,,,,,,,,", "benchstat": `# missing: kernel "missing" is wrong`} {
		var text bytes.Buffer
		if err := r.Write(&text, format, 80); err != nil || !strings.Contains(text.String(), want) {
			t.Errorf("%s: no %q in:\n%s", format, want, text.String())
		}
	}
}

func TestBurnInWrongKernel(t *testing.T) {
	order := &benchOrder{format: "table", stress: 30 * time.Millisecond, named: true, Options: bench.Options{
		Kernels: []hashing.Kernel{missing(t)}, CPUs: affinity.CPUSet{CPUs: []int{0}},
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

func TestBarLine(t *testing.T) {
	for _, c := range []struct {
		p     bench.Progress
		width int
		want  string
	}{
		{bench.Progress{Now: "testing x"}, 80, "testing x"},
		{bench.Progress{Done: 1, Total: 2, Now: "y"}, 80, "[" + strings.Repeat("=", 15) + strings.Repeat(" ", 15) + "] 1/2 y"},
		{bench.Progress{Done: 9, Total: 2, Now: "y"}, 5, "[===="},
	} {
		if got := barLine(c.p, c.width); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestStressTakesWhatMines: it burns in the fastest measured kernel, whose rate is saved.
func TestStressTakesWhatMines(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	places := []affinity.Placement{{CPU: -1}}
	order := &benchOrder{Options: bench.Options{Kernels: hashing.Kernels()}}
	var said bytes.Buffer
	if _, err := order.stressKernel(t.Context(), places, &said); err != nil || !strings.Contains(said.String(), "measuring kernels") {
		t.Errorf("%v; it says %s", err, &said)
	}
	said.Reset()
	best := newTuner(affinity.CPUSet{}, places, nil, zap.NewNop()).Kernels(true)[0].Name
	if kernel, err := order.stressKernel(t.Context(), places, &said); err != nil || kernel.Name != best || said.Len() > 0 {
		t.Errorf("takes %s, %v, %s; want %s", kernel.Name, err, &said, best)
	}
	order.named, order.Kernels = true, order.Kernels[:1]
	if kernel, err := order.stressKernel(t.Context(), nil, &said); err != nil || kernel.Name != order.Kernels[0].Name {
		t.Errorf("takes %s, %v; want the one named", kernel.Name, err)
	}
}
