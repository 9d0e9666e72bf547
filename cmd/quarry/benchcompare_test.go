package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry/bench/report"
)

func runBenchCompare(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, faults bytes.Buffer
	code = run(t.Context(), append([]string{"quarry", "bench", "compare"}, args...), nil, &out, &faults, time.Second)
	return code, out.String(), faults.String()
}

func reportFile(t *testing.T, name, kernel string, proven bool, rates ...float64) string {
	t.Helper()
	text, err := json.Marshal(report.Report{
		Schema: report.Schema, Proven: proven,
		Kernels: []report.Series{{Kernel: kernel, Versions: 1, Threads: 1, Samples: rates,
			Median: rates[0], Low: rates[0], High: rates[0], Min: rates[0], Max: rates[0]}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBenchCompare(t *testing.T) {
	a := reportFile(t, "A.json", "shani", true, 40e6, 41e6, 42e6)
	b := reportFile(t, "B.json", "shani", true, 60e6, 61e6, 62e6)
	code, out, faults := runBenchCompare(t, a, b)
	if code != exitOK {
		t.Fatalf("exit code %d, %s", code, faults)
	}
	for _, want := range []string{"shani", "A MH/s", "41.00", "61.00", "1.488", "faster", "drift"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	code, out, _ = runBenchCompare(t, "--format", "json", b, a)
	var comparison report.Comparison
	if err := json.Unmarshal([]byte(out), &comparison); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v", code, err)
	}
	if s := comparison.Series[0]; s.Verdict != report.Slower || s.Kernel != "shani" || fmt.Sprintf("%.3f", s.Ratio.Value) != "0.672" {
		t.Errorf("got %+v", s)
	}
}

func TestBenchCompareFaults(t *testing.T) {
	good := reportFile(t, "good.json", "shani", true, 40e6, 41e6)
	unproven := reportFile(t, "unproven.json", "shani", false, 40e6, 41e6)
	other := reportFile(t, "other.json", "sha2", true, 40e6, 41e6)
	text := filepath.Join(t.TempDir(), "text.json")
	if err := os.WriteFile(text, []byte("fast"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "two reports"},
		{[]string{good}, exitUsage, "given 1"},
		{[]string{good, good, "--format", "jsn"}, exitUsage, "did you mean json?"},
		{[]string{"--format", "xml", good, good}, exitUsage, `--format "xml"`},
		{[]string{"--fast", good, good}, exitUsage, "fast"},
		{[]string{good, filepath.Join(t.TempDir(), "none.json")}, exitUsage, "none.json"},
		{[]string{good, t.TempDir()}, exitUsage, "reading the report"},
		{[]string{text, good}, exitUsage, "text.json: it is not a JSON report"},
		{[]string{good, unproven}, exitFailed, "B is not proven"},
		{[]string{good, other}, exitFailed, "no series in common"},
	} {
		code, out, faults := runBenchCompare(t, c.args...)
		if code != c.code || !strings.Contains(faults, c.want) || out != "" {
			t.Errorf("%q: exit code %d, %q on stderr, %q on stdout; want %d, %q", c.args, code, faults, out, c.code, c.want)
		}
	}
}
