package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry/affinity"
	"quarry/hashing"
)

// fakePeer is the environment variable that makes this test program a peer.
const fakePeer = "QUARRY_TEST_PEER"

func TestMain(m *testing.M) {
	switch os.Getenv(fakePeer) {
	case "":
		os.Exit(m.Run())
	case "recorded":
		text, err := os.ReadFile(filepath.Join("testdata", "cpuminer-opt-26.1-hash-meter.txt"))
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(text)
	case "failing":
		fmt.Println("no such algorithm")
		os.Exit(3)
	case "silent":
		fmt.Println("\x1b[2Jhello")
	case "talking":
		for range 3 * maxOutput / 32 {
			fmt.Println("0123456789012345678901234567890")
		}
		fmt.Println("Benchmark: 1.00 MH/s")
	case "endless":
		fmt.Println("mining")
		<-time.After(time.Hour)
	}
}

// fake returns a peer's command; the environment says what it does.
func fake(t *testing.T, what string) []string {
	t.Setenv(fakePeer, what)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{program}
}

func generic(t *testing.T) *side {
	t.Helper()
	k, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	return &side{kernel: k, versions: 1}
}

func TestPairing(t *testing.T) {
	var out bytes.Buffer
	rolled := generic(t)
	rolled.versions = 2
	p := &pairing{command: fake(t, "recorded"), timeout: time.Minute, sides: []*side{generic(t), rolled},
		places: []affinity.Placement{{CPU: -1, Reason: "this is a test"}}, rounds: 2, pieces: 2, piece: time.Millisecond, out: &out}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not pinned: this is a test", "round 2: peer 36.71 MH/s (median of the scans", "| [2026-11-25 03:18:58] Total: 37.32 MH/s",
		"| [2026-11-25 03:19:08] Benchmark: 36.46 MH/s", "generic x2: ", "medians of 2 rounds"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, s := range p.sides {
		if len(s.ratios) != 2 || slices.Min(s.ratios) <= 0 || s.proof.Found != s.proof.Planted || s.proof.Hashes == 0 {
			t.Errorf("%s: ratios %v, proof %+v", s.name(), s.ratios, s.proof)
		}
	}
}

// TestPairingAlternates: a drift of the machine must not favor one side.
func TestPairingAlternates(t *testing.T) {
	var order []string
	spy := func(name string) *side {
		s := generic(t)
		scan := s.kernel.Scan
		s.kernel.Name = name
		s.kernel.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
			if len(order) == 0 || order[len(order)-1] != name {
				order = append(order, name)
			}
			return scan(p, start, count, hits)
		}
		return s
	}
	p := &pairing{command: fake(t, "recorded"), timeout: time.Minute, sides: []*side{spy("a"), spy("b")},
		places: []affinity.Placement{{CPU: -1}}, rounds: 2, pieces: 2, piece: time.Millisecond, out: io.Discard}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The self-tests first; then a b, peer, b a; b a, peer, a b. Neighbors of
	// one name are one here.
	if got, want := strings.Join(order, " "), "a b a b a b a b"; got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
}

func TestRunPeerFaults(t *testing.T) {
	for _, c := range []struct {
		what    string
		timeout time.Duration
		want    string
	}{
		{"failing", time.Minute, "exit status 3; it printed:\nno such algorithm"},
		{"endless", 300 * time.Millisecond, "did not end within 300ms"},
	} {
		if _, err := runPeer(t.Context(), fake(t, c.what), nil, c.timeout); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.what, err, c.want)
		}
	}
	if _, err := runPeer(t.Context(), []string{filepath.Join(t.TempDir(), "none")}, nil, time.Minute); err == nil {
		t.Error("a program that is not there was started")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := runPeer(ended, fake(t, "endless"), nil, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestRunPeerReadsWhatThereIs(t *testing.T) {
	run, err := runPeer(t.Context(), fake(t, "silent"), nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := run.output.rate(); err == nil || !slices.Equal(run.lines, []string{"hello"}) {
		t.Errorf("rate error %v, lines %q", err, run.lines)
	}
	// More than is kept; the peer is not killed because of that.
	run, err = runPeer(t.Context(), fake(t, "talking"), nil, time.Minute)
	if err != nil || len(run.lines) != maxOutput/32 {
		t.Errorf("%v, %d lines, want %d", err, len(run.lines), maxOutput/32)
	}
}

func TestUnfair(t *testing.T) {
	fair := peerRun{output: &peerOutput{}, share: 0.999, worker: hashThread{known: true, cpu: 1}}
	if warnings := fair.unfair([]int{0, 1}); len(warnings) != 0 {
		t.Errorf("fair, but %q", warnings)
	}
	for _, c := range []struct {
		change func(*peerRun)
		want   string
	}{
		{func(r *peerRun) { r.worker.cpu = 2 }, "on cpu 2, not on [0 1]"},
		{func(r *peerRun) { r.worker.nice = 19 }, "low priority"},
		{func(r *peerRun) { r.worker.idle = true }, "low priority"},
		{func(r *peerRun) { r.share = 0.5 }, "only 50.0 % of a CPU"},
		{func(r *peerRun) { r.output = &peerOutput{scans: map[int][]float64{0: nil, 1: nil}} }, "for 2 threads"},
	} {
		r := fair
		c.change(&r)
		if warnings := r.unfair([]int{0, 1}); len(warnings) != 1 || !strings.Contains(warnings[0], c.want) {
			t.Errorf("warnings are %q, want %q", warnings, c.want)
		}
	}
}

func TestFlags(t *testing.T) {
	program := fake(t, "silent")[0]
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "command is missing"},
		{[]string{"--against", "  "}, "command is missing"},
		{[]string{"--against", "'half"}, "not closed"},
		{[]string{"--against", filepath.Join(t.TempDir(), "none")}, "no such file"},
		{[]string{"--against", program, "--cpus", "x"}, `"x" is not a number`},
		{[]string{"--against", program, "--cpus", "4000"}, "cpu 4000 is not on this machine"},
		{[]string{"--against", program, "--kernel", "fast"}, `unknown kernel "fast"`},
		{[]string{"--against", program, "--versions", "33"}, "33 is not between 1 and 32"},
		{[]string{"--against", program, "--versions", "2,2"}, "twice"},
		{[]string{"--against", program, "--rounds", "0"}, "--rounds 0"},
		{[]string{"--against", program, "--seconds", "1"}, "--seconds 1"},
		{[]string{"--against", program, "--timeout", "0s"}, "--timeout 0s"},
		{[]string{"--against", program, "--rounds", "x"}, "bad flags"},
		{[]string{"--against", program, "-a"}, "bad flags"},
		{[]string{"--against", program, "sha256d"}, "in quotes"},
	} {
		var faults bytes.Buffer
		code := run(t.Context(), c.args, io.Discard, &faults)
		if code != exitUsage || !strings.Contains(faults.String(), c.want) {
			t.Errorf("%q: exit code %d, %q; want %d, %q", c.args, code, faults.String(), exitUsage, c.want)
		}
	}
	p, err := parseFlags([]string{"--against", program + ` -a "b c" ''`, "--kernel", "generic,generic", "--versions", "1,4"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{program, "-a", "b c", ""}; !slices.Equal(p.command, want) || len(p.sides) != 4 || p.sides[3].name() != "generic x4" {
		t.Errorf("command %q, %d sides", p.command, len(p.sides))
	}
}
