package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/benchmarks"
	"quarry/hashing"
	"quarry/miner"
)

// badProbe is a child that does its work, but for kernels that do to it what
// they are called.
func badProbe() {
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	order, err := parseProbeOrder([]byte(line))
	if err != nil {
		os.Exit(3)
	}
	lines := json.NewEncoder(os.Stdout)
	say := func(line probeLine) { _ = lines.Encode(line) }
	cpu := cpuKey{CPU: "test"}
	if order.Kernels[0] == "other-cpu" {
		cpu.CPU = "another"
	}
	say(probeLine{CPU: &cpu})
	for _, name := range order.Kernels {
		say(probeLine{Begin: name})
		switch name {
		case "illegal":
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Signal(syscall.SIGILL)
			time.Sleep(time.Hour)
		case "hangs":
			time.Sleep(time.Hour) // a select{} would be a deadlock, which ends the process
		case "ends":
			os.Exit(0)
		case "trouble":
			say(probeLine{Trouble: "cannot pin"})
			os.Exit(1)
		case "garbage":
			fmt.Println("{}{")
		case "negative":
			say(probeLine{Found: &finding{Kernel: name, Plain: -1}})
		case "unsaid":
			continue
		}
		say(probeLine{Found: &finding{Kernel: name, Plain: 2, Rolled: 1}})
	}
	say(probeLine{End: true})
}

func badProber(excluded func(string, string)) *prober {
	return &prober{
		command: func(ctx context.Context) (*exec.Cmd, error) {
			c, err := ownProgram(ctx)
			if err == nil {
				c.Args = []string{"badprobe"}
			}
			return c, err
		},
		patience: 3 * time.Second, cpu: cpuKey{CPU: "test"}, excluded: excluded,
	}
}

func kernelsNamed(names ...string) (list []hashing.Kernel) {
	for _, name := range names {
		list = append(list, hashing.Kernel{Name: name, Lanes: 1, Versions: 4})
	}
	return list
}

// TestProbeOutlivesItsKernels: a kernel that kills the child, hangs it or ends
// it is named and left out, and the others are measured all the same.
func TestProbeOutlivesItsKernels(t *testing.T) {
	var excluded []string
	p := badProber(func(kernel, _ string) { excluded = append(excluded, kernel) })
	found, err := p.probe(t.Context(), kernelsNamed("good", "illegal", "hangs", "ends", "generic"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"illegal", "hangs", "ends"}; !slices.Equal(excluded, want) {
		t.Errorf("excluded %v, want %v", excluded, want)
	}
	for i, part := range []string{"", "SIGILL", "within 3s", "without a word", ""} {
		if f := found[i]; part == "" && (f.Fault != "" || f.Plain != 2) || !strings.Contains(f.Fault, part) {
			t.Errorf("finding %+v, want the fault %q", f, part)
		}
	}
}

// TestProbeThatDoesNotWork: what is no kernel's fault excludes none.
func TestProbeThatDoesNotWork(t *testing.T) {
	p := badProber(func(kernel, fault string) { t.Errorf("excluded %s: %s", kernel, fault) })
	for _, name := range []string{"other-cpu", "trouble", "garbage", "negative", "unsaid"} {
		if found, err := p.probe(t.Context(), kernelsNamed(name, "generic"), nil, 0); !errors.Is(err, errNoProbe) && !strings.Contains(fmt.Sprint(err), "rate -1") {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	absent := *p
	absent.command = func(ctx context.Context) (*exec.Cmd, error) {
		return exec.CommandContext(ctx, filepath.Join(t.TempDir(), "absent")), nil
	}
	if _, err := absent.probe(t.Context(), kernelsNamed("generic"), nil, 0); !errors.Is(err, errNoProbe) {
		t.Errorf("a program that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	waiting := *p
	waiting.command = func(ctx context.Context) (*exec.Cmd, error) {
		close(begun)
		return p.command(ctx)
	}
	waiting.patience = time.Hour
	go func() { <-begun; cancel() }()
	if _, err := waiting.probe(ctx, kernelsNamed("hangs"), nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestProbeMeasures is the real child with the real kernels.
func TestProbeMeasures(t *testing.T) {
	kernels := runnableKernels(hashing.Kernels())
	p := prober{command: ownProgram, patience: probePatience, cpu: thisCPU(), excluded: func(kernel, fault string) { t.Errorf("%s: %s", kernel, fault) }}
	found, err := p.probe(t.Context(), kernels, []miner.Placement{{CPU: -1}}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	measured := &pick{Kernels: found}
	if !measured.covers(kernels) || len(measured.faults()) > 0 {
		t.Errorf("found %+v", found)
	}
	for i, f := range found {
		if f.Kernel != kernels[i].Name || f.Plain <= 0 || (f.Rolled > 0) != (kernels[i].Versions > 1) || f.SelfTestSeconds <= 0 {
			t.Errorf("%s: %+v", kernels[i].Name, f)
		}
	}
}

// TestProbeNamesWrongKernels: in this process, with kernels that are wrong.
func TestProbeNamesWrongKernels(t *testing.T) {
	good, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	blind, late := good, good
	blind.Name, blind.Scan = "blind", func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) { return 0, count }
	late.Name, late.Scan = "late", func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		found, done := good.Scan(p, start, count, hits)
		if found > 0 && p.Limit > 1 && p.Limit < 1<<24 { // not in the self-test's searches
			found--
		}
		return found, done
	}
	var out bytes.Buffer
	order := &probeOrder{Kernels: []string{"blind", "late", "generic"}, Placements: []miner.Placement{{CPU: -1}}, Time: time.Millisecond}
	if err := probe(t.Context(), order, []hashing.Kernel{blind, late, good}, &out); err != nil {
		t.Fatal(err)
	}
	reader := probeReader{cpu: thisCPU(), heard: func() {}}
	if err := reader.read(&out); err != nil || !reader.ended || len(reader.found) != 3 {
		t.Fatalf("%v, %+v", err, reader)
	}
	for i, part := range []string{"self-test", "winners missed", ""} {
		if f := reader.found[i]; (f.Fault == "") != (part == "") || !strings.Contains(f.Fault, part) || (f.Plain > 0) != (part == "") {
			t.Errorf("finding %+v, want the fault %q", f, part)
		}
	}
}

// TestSeriesRate: other programs make threads slower, in some rounds; what
// counts is each thread's second best.
func TestSeriesRate(t *testing.T) {
	var s series
	if s.rate() != 0 {
		t.Error("a rate of nothing")
	}
	for _, hashes := range [][2]uint64{{10, 100}, {50, 90}, {40, 20}} {
		s.add(benchmarks.Sample{Threads: []benchmarks.ThreadSample{
			{Hashes: hashes[0], Elapsed: time.Second}, {Hashes: hashes[1], Elapsed: 2 * time.Second},
		}})
	}
	if got := s.rate(); got != 40+45 {
		t.Errorf("rate %v, want 85", got)
	}
}

// TestArmNames: where CPUID has no name, the parts' numbers tell CPUs apart.
func TestArmNames(t *testing.T) {
	const info = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\nCPU revision\t: 0\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd0a\n"
	if got := cpuParts(fstest.MapFS{"proc/cpuinfo": {Data: []byte(info)}}); got != "0x41 0xd05 0 0xd0a" {
		t.Errorf("parts %q", got)
	}
	if got := cpuParts(fstest.MapFS{}); got != "" {
		t.Errorf("parts %q of nothing", got)
	}
}

// TestKnownMeasuresOnce: the second start finds what the first has kept; a
// file that cannot be trusted has one warning and is written anew.
func TestKnownMeasuresOnce(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	t.Setenv("HOME", folder)
	kernels := runnableKernels(hashing.Kernels())
	if len(kernels) < 2 {
		t.Fatalf("kernels %v: stdlib and generic run everywhere", kernels)
	}
	placements := make([]miner.Placement, 1, 2)
	placements[0].CPU = -1
	start := func(lines ...string) *pick {
		t.Helper()
		core, logs := observer.New(zap.InfoLevel)
		found := newPicker(miner.CPUSet{}, placements, zap.New(core)).known(t.Context())
		if !found.covers(kernels) {
			t.Errorf("found %+v", found)
		}
		var said []string
		for _, line := range logs.All() {
			said = append(said, line.Message)
		}
		if len(said) != len(lines) {
			t.Fatalf("said %q, want %q", said, lines)
		}
		for i := range lines {
			if !strings.Contains(said[i], lines[i]) {
				t.Errorf("said %q, want %q", said[i], lines[i])
			}
		}
		return found
	}
	first := start("measuring the kernels, for", "kernels measured")
	if again := start(); !slices.Equal(again.Kernels, first.Kernels) || !again.Measured.Equal(first.Measured) {
		t.Errorf("measured %+v, kept %+v", first, again)
	}
	placements = append(placements, placements[0])
	start("measuring", "measured")
	path, err := pickPath()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	start("cannot be used", "measuring", "measured")
	start()
	// A folder that cannot be made: the file in its place.
	if err := errors.Join(os.RemoveAll(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	start("cannot be used", "measuring", "measured", "cannot be kept")
}

func TestPickFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "kernels.json")
	list := kernelsNamed("x", "y")
	entry := func(n int) pick {
		return pick{pickKey: pickKey{Threads: n}, Measured: time.Unix(int64(n), 0).UTC(), Kernels: []finding{{Kernel: "x", Plain: float64(n + 1)}, {Kernel: "y", Fault: "dies"}}}
	}
	if found, err := findPicks(path, pickKey{}, list); found != nil || err != nil {
		t.Errorf("without a file: %v, %v", found, err)
	}
	for n := range maxPicks + 5 {
		if err := keepPick(path, entry(n), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := keepPick(path, entry(20), 1); err != nil { // in place of the old one
		t.Fatal(err)
	}
	picks, err := readPicks(path)
	if err != nil || len(picks) != maxPicks || picks[0].Threads != 20 || picks[1].Threads != maxPicks+4 {
		t.Fatalf("%d entries, %v; first %+v", len(picks), err, picks[0])
	}
	if found, err := findPicks(path, pickKey{Threads: 10}, list); err != nil || len(found) != 1 || found[0].rates()["x"].Plain != 11 || found[0].faults()["y"] != "dies" {
		t.Errorf("found %+v, %v", found, err)
	}
	if found, _ := findPicks(path, pickKey{Threads: 10}, kernelsNamed("x", "y", "z")); found != nil {
		t.Error("an entry without the kernel z covers it")
	}
	if found, _ := findPicks(path, pickKey{Threads: 10, Quarry: "later"}, list); found != nil {
		t.Error("another build's entry was taken")
	}
	for i, want := range []int{1, 2, 2, 1} { // looks that are left with the key
		keep, newer := mostLooks, entry(25)
		if newer.Measured = time.Unix(int64(1000+i), 0).UTC(); want == 1 {
			keep = 1
		}
		if err := keepPick(path, newer, keep); err != nil {
			t.Fatal(err)
		}
		if found, err := findPicks(path, pickKey{Threads: 25}, list); err != nil || len(found) != want || !found[0].Measured.Equal(newer.Measured) {
			t.Errorf("keeping %d: %+v, %v", keep, found, err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("file mode %v, %v", info.Mode(), err)
	}
}

func TestPickFileThatCannotBeTrusted(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "cut": `{"schema":1,"picks":[`, "other schema": `{"schema":2,"picks":[]}`, "unknown field": `{"schema":1,"picks":[],"x":1}`,
		"more": `{"schema":1,"picks":[]} {}`, "negative": `{"schema":1,"picks":[{"kernels":[{"kernel":"a","plain_hashes_per_second":-1}]}]}`,
		"no name": `{"schema":1,"picks":[{"kernels":[{"kernel":""}]}]}`, "twice": `{"schema":1,"picks":[{"kernels":[{"kernel":"a"},{"kernel":"a"}]}]}`,
		"large": `{"schema":1,"picks":[]}` + strings.Repeat(" ", maxPickBytes), "huge": `{"schema":1,"picks":[{"kernels":[{"kernel":"a","plain_hashes_per_second":1e300}]}]}`,
	} {
		path := filepath.Join(t.TempDir(), "kernels.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if picks, err := readPicks(path); err == nil || picks != nil {
			t.Errorf("%s: %v, %v", name, picks, err)
		}
	}
	if _, err := readPicks(t.TempDir()); err == nil {
		t.Error("a folder is taken for the file")
	}
	if os.PathSeparator == '/' {
		path := filepath.Join(t.TempDir(), "kernels.json")
		if err := errors.Join(os.WriteFile(path, []byte(`{"schema":1,"picks":[]}`), 0o600), os.Chmod(path, 0o666)); err != nil {
			t.Fatal(err)
		}
		if _, err := readPicks(path); err == nil {
			t.Error("a file that everybody may write is trusted")
		}
	}
}

func FuzzParsePicks(f *testing.F) {
	f.Add([]byte(`{"schema":1,"picks":[{"cpu":"x","threads":2,"measured":"2026-11-25T00:00:00Z","kernels":[{"kernel":"a","plain_hashes_per_second":1,"fault":"x"}]}]}`))
	f.Add([]byte(`{"schema":1,"picks":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		picks, err := parsePicks(text)
		if err != nil {
			return
		}
		for _, p := range picks {
			rolled, plain := hashing.Rank(kernelsNamed("a", "b"), p.rates())
			if len(rolled) != 2 || len(plain) != 2 || len(ratesText(&p)) > 1<<16 {
				t.Errorf("%+v gives %v, %v", p, rolled, plain)
			}
		}
	})
}

func FuzzProbeLines(f *testing.F) {
	f.Add([]byte(`{"cpu":{"cpu":"","family":0,"model":0,"stepping":0,"features":"","microcode":"","hypervisor":"","arch":""}}` + "\n" +
		`{"begin":"a"}` + "\n" + `{"found":{"kernel":"a","plain_hashes_per_second":1}}` + "\n" + `{"end":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := probeReader{heard: func() {}}
		if err := r.read(bytes.NewReader(text)); err == nil && checkFindings(r.found) != nil {
			t.Errorf("took %+v", r.found)
		}
	})
}

func FuzzProbeOrder(f *testing.F) {
	f.Add([]byte(`{"kernels":["a"],"placements":[{"CPU":0,"Pinned":true,"Reason":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		order, err := parseProbeOrder(text)
		if (err == nil) != (order != nil) || err == nil && len(order.Placements) > maxThreads {
			t.Errorf("%+v, %v", order, err)
		}
	})
}
