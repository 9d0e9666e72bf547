package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"quarry/bench"
	"quarry/hashing"
)

// TestLabMeasuresCandidates uses the kernel sse2, which every amd64 CPU runs, as the
// generator's output: once as it is, and once with a wrong constant.
func TestLabMeasuresCandidates(t *testing.T) {
	if k, err := hashing.Lookup("sse2"); err != nil || k.MissingHere() != "" {
		t.Skip("wants the assembly for amd64")
	}
	if os.Getenv("QUARRY_BUILDS") == "" {
		t.Skip("builds a program, which takes longer than all other tests here: QUARRY_BUILDS=1 allows it, as CI does")
	}
	wantFineClock(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{root: root, folder: t.TempDir(), kernel: "sse2"}
	if err := l.writeGlue(make([]form, 2)); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(root, "hashing", "sse2_amd64.s"))
	if err != nil {
		t.Fatal(err)
	}
	right := strings.ReplaceAll(string(source), "scanGroupsSSE2", "candidate0")
	// The second without its tables, which both share, and without one addition.
	_, code, ok := strings.Cut(string(source), "TEXT ·scanGroupsSSE2")
	if !ok {
		t.Fatal("the kernel is not where it was")
	}
	wrong := "TEXT ·candidate1" + strings.Replace(withoutTables(code), "\tPADDL ", "\tPSUBL ", 1)
	stubs := "package hashing\n\n//go:noescape\nfunc candidate0(job *uint32)\n\n//go:noescape\nfunc candidate1(job *uint32)\n"
	for name, text := range map[string]string{"candidates_amd64.s": right + "\n" + wrong, "candidates_stub_amd64.go": stubs} {
		if err := os.WriteFile(l.file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.compile(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := l.measure(t.Context(), measuring{Kernel: "sse2", Versions: []int{1}, Rounds: 2, Seconds: 5, Winners: 1 << 14})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Candidates) != 2 || m.Candidates[0].Fault != "" || m.Candidates[1].Fault == "" {
		t.Fatalf("right and wrong are %+v", m.Candidates)
	}
	rounds := m.Candidates[0].Series[0].Cycles
	// Where a neighbor is busy, there may be no rounds.
	if m.Samples == 0 || len(rounds) != len(m.InUse[0].Cycles) || m.Candidates[1].Series != nil {
		t.Errorf("measured %+v", m)
	}
	t.Logf("in use %.1f, the same again %.1f cycles a hash, %d of %d samples kept", m.InUse[0].Cycles, rounds, m.Kept, m.Samples)
}

// wantFineClock skips tests that measure where the clock is too coarse.
func wantFineClock(t *testing.T) {
	t.Helper()
	if _, err := bench.NewCore(); err != nil {
		t.Skip("nothing can be timed here: ", err)
	}
}

func withoutTables(code string) string {
	var kept []string
	for _, line := range strings.Split(code, "\n") {
		if !strings.HasPrefix(line, "DATA ") && !strings.HasPrefix(line, "GLOBL ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// TestMeasureEndsWithItsInput: the search process may have died.
func TestMeasureEndsWithItsInput(t *testing.T) {
	wantFineClock(t)
	ask := `{"kernel": "generic", "versions": [1], "rounds": 1000000, "seconds": 1000}`
	err := measure(strings.NewReader(ask), new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("says %v", err)
	}
}

func TestMeasureRefuses(t *testing.T) {
	for _, text := range []string{"", "[]", `{"kernel": "none"}`} {
		if err := measure(strings.NewReader(text), new(bytes.Buffer)); err == nil {
			t.Errorf("%q is measured", text)
		}
	}
}

func TestRunsHere(t *testing.T) {
	if err := runsHere("no-such-kernel"); err == nil {
		t.Error("an unknown kernel runs here")
	}
	if runtime.GOARCH != "amd64" {
		if err := runsHere("shani-avx512"); err == nil {
			t.Error("a kernel for amd64 runs here")
		}
	}
}
