package tune

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
	"time"

	"go.uber.org/goleak"

	"quarry/affinity"
	"quarry/hashing"
)

// TestMain also runs the child process that the tests start.
func TestMain(m *testing.M) {
	switch {
	case os.Args[0] == "badprobe":
		badProbe()
	case len(os.Args) == 2 && os.Args[1] == "replaced":
		replacedParent()
	case len(os.Args) == 2 && os.Args[1] == Command:
		if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
	default:
		goleak.VerifyTestMain(m)
	}
}

// badProbe is a child that works, except with kernels whose name says what they do
// to it.
func badProbe() {
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	order, err := parseProbeOrder([]byte(line))
	if err != nil {
		os.Exit(3)
	}
	lines := json.NewEncoder(os.Stdout)
	say := func(line probeLine) { _ = lines.Encode(line) }
	cpu := CPU{CPU: "test"}
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
			say(probeLine{Found: &Finding{Kernel: name, Plain: -1}})
		case "unsaid":
			continue
		case "another":
			say(probeLine{Found: &Finding{Kernel: "not asked for"}})
		}
		say(probeLine{Found: &Finding{Kernel: name, Plain: 2, Rolled: 1}})
	}
	say(probeLine{End: true})
}

func badProber() *prober {
	return &prober{
		command: func(ctx context.Context) (*exec.Cmd, error) {
			c, err := thisProgram().command(ctx)
			if err == nil {
				c.Args = []string{"badprobe"}
			}
			return c, err
		},
		patience: 3 * time.Second, cpu: CPU{CPU: "test"},
	}
}

func kernelsNamed(names ...string) (list []hashing.Kernel) {
	for _, name := range names {
		list = append(list, hashing.Kernel{Name: name, Lanes: 1, Versions: 4})
	}
	return list
}

// all returns the findings of a probe.
func (p *prober) all(ctx context.Context, kernels []hashing.Kernel, placements []affinity.Placement, d time.Duration) (found []Finding, err error) {
	err = p.probe(ctx, kernels, placements, d, func(f Finding) { found = append(found, f) })
	return found, err
}

// TestProbeOutlivesItsKernels: a kernel that kills the child, hangs it or ends
// it is named, and the others are tested all the same, those before it once.
func TestProbeOutlivesItsKernels(t *testing.T) {
	found, err := badProber().all(t.Context(), kernelsNamed("good", "illegal", "hangs", "ends", "generic"), nil, 0)
	if err != nil || len(found) != 5 {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, want := range []struct{ kernel, fault string }{{"good", ""}, {"illegal", "SIGILL"}, {"hangs", "within 3s"}, {"ends", "without a message"}, {"generic", ""}} {
		if f := found[i]; f.Kernel != want.kernel || want.fault == "" && (f.Fault != "" || f.Plain != 2) || !strings.Contains(f.Fault, want.fault) {
			t.Errorf("finding %+v, want %+v", f, want)
		}
	}
}

// TestProbeThatDoesNotWork: a failure of the child itself excludes no kernel.
func TestProbeThatDoesNotWork(t *testing.T) {
	p := badProber()
	for _, name := range []string{"other-cpu", "trouble", "garbage", "negative", "unsaid", "another"} {
		found, err := p.all(t.Context(), kernelsNamed(name, "generic"), nil, 0)
		if !errors.Is(err, errNoProbe) || slices.ContainsFunc(found, func(f Finding) bool { return f.Kernel != "generic" }) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	absent := *p
	absent.command = func(ctx context.Context) (*exec.Cmd, error) {
		return exec.CommandContext(ctx, filepath.Join(t.TempDir(), "absent")), nil
	}
	if _, err := absent.all(t.Context(), kernelsNamed("generic"), nil, 0); !errors.Is(err, errNoProbe) {
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
	if _, err := waiting.all(ctx, kernelsNamed("hangs"), nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// runnable returns the kernels that run here.
func runnable() (list []hashing.Kernel) {
	for _, k := range hashing.Kernels() {
		if k.MissingHere() == "" {
			list = append(list, k)
		}
	}
	return list
}

// TestProbeTestsAndMeasures runs the real child with the real kernels, which it
// tests in the given order.
func TestProbeTestsAndMeasures(t *testing.T) {
	kernels := runnable()
	slices.Reverse(kernels)
	for _, d := range []time.Duration{0, time.Millisecond} {
		p := prober{command: thisProgram().command, patience: patience, cpu: thisCPU()}
		found, err := p.all(t.Context(), kernels, []affinity.Placement{{CPU: -1}}, d)
		if err != nil || len(found) != len(kernels) {
			t.Fatalf("%+v, %v", found, err)
		}
		for i, f := range found {
			if f.Kernel != kernels[i].Name || f.Fault != "" || (f.Plain > 0) != (d > 0) || (f.Rolled > 0) != (d > 0) || f.SelfTestSeconds <= 0 {
				t.Errorf("%s: %+v", kernels[i].Name, f)
			}
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
	order := &probeOrder{Kernels: []string{"blind", "late", "generic"}, Placements: []affinity.Placement{{CPU: -1}}, Time: time.Millisecond}
	if err := probe(t.Context(), order, []hashing.Kernel{blind, late, good}, hashing.NewExaminer(), &out); err != nil {
		t.Fatal(err)
	}
	reader := probeReader{cpu: thisCPU(), order: order.Kernels, heard: func() {}, report: func(Finding) {}}
	if err := reader.read(&out); err != nil || !reader.ended || len(reader.found) != 3 {
		t.Fatalf("%v, %+v", err, reader)
	}
	for i, part := range []string{"self-test", "winners missed", ""} {
		if f := reader.found[i]; (f.Fault == "") != (part == "") || !strings.Contains(f.Fault, part) || (f.Plain > 0) != (part == "") {
			t.Errorf("finding %+v, want the fault %q", f, part)
		}
	}
}

// TestServeRefuses: it refuses input that is not from quarry.
func TestServeRefuses(t *testing.T) {
	for _, text := range []string{"", "x", "{}", "{} {}\n", `{"kernels":["a"],"time":1}` + "\n", `{"kernels":["a"],"time":-1}` + "\n"} {
		var out bytes.Buffer
		if err := Serve(t.Context(), strings.NewReader(text), &out); !errors.Is(err, ErrNoOrder) || out.Len() > 0 {
			t.Errorf("%q: %v, %s", text, err, &out)
		}
	}
}

func FuzzProbeLines(f *testing.F) {
	f.Add([]byte(`{"cpu":{"cpu":"","family":0,"model":0,"stepping":0,"features":"","microcode":"","hypervisor":"","arch":""}}` + "\n" +
		`{"begin":"a"}` + "\n" + `{"found":{"kernel":"a","plain_hashes_per_second":1}}` + "\n" + `{"end":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var found []Finding
		r := probeReader{order: []string{"a", "b"}, heard: func() {}, report: func(f Finding) { found = append(found, f) }}
		_ = r.read(bytes.NewReader(text))
		if checkFindings(found) != nil || len(found) > 2 {
			t.Errorf("took %+v", found)
		}
	})
}

func FuzzProbeOrder(f *testing.F) {
	f.Add([]byte(`{"kernels":["a"],"placements":[{"CPU":0,"Pinned":true,"Reason":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		order, err := parseProbeOrder(text)
		if (err == nil) != (order != nil) || err == nil && len(order.Placements) > maxPlacements {
			t.Errorf("%+v, %v", order, err)
		}
	})
}
