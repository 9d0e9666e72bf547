package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"quarry/device/cpu/tune"
	"quarry/hashing"
)

func TestKernelsCommand(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var out, faults bytes.Buffer
	if code := run(t.Context(), []string{"quarry", "kernels", "--json"}, nil, &out, &faults, time.Second); code != exitOK {
		t.Fatalf("exit code %d, %s", code, faults.String())
	}
	var rows []kernelRow
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	picked := 0
	for _, row := range rows {
		if row.Auto {
			picked++
		}
		if row.Runnable != (row.SelfTest == "passed") || row.Runnable != (row.Missing == "") {
			t.Errorf("kernel %s: runnable %v, missing %q, self-test %s", row.Name, row.Runnable, row.Missing, row.SelfTest)
		}
	}
	if len(rows) != len(hashing.Kernels()) || picked != 1 {
		t.Errorf("%d kernels, %d picked; want %d and 1", len(rows), picked, len(hashing.Kernels()))
	}
}

func TestKernelsCommandFailsOnABrokenKernel(t *testing.T) {
	good, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	broken := good
	broken.Name = "broken"
	absent := good
	absent.Name, absent.Needs = "absent", "AVX-1024"
	absent.Missing = func() string { return "AVX-1024" }

	var out bytes.Buffer
	list := []hashing.Kernel{absent, broken, good}
	found := []tune.Finding{{Kernel: "broken", Fault: "it misses"}, {Kernel: "generic", SelfTestSeconds: 0.001}}
	err = listKernels(&out, list, found, false)
	var coded cli.ExitCoder
	if !errors.As(err, &coded) || coded.ExitCode() != exitFailed || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error is %v, want exit code %d and the kernel's name", err, exitFailed)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range [][]string{{"KERNEL"}, {"generic", "passed", "picked"}, {"absent", "no, lacks AVX-1024", "not run"}, {"broken", "failed"}} {
		for _, text := range want {
			if !strings.Contains(lines[i], text) {
				t.Errorf("line %d is %q, want %q in it", i, lines[i], text)
			}
		}
		if strings.Contains(lines[i], "picked") != (i == 1) {
			t.Errorf("line %d is %q: the wrong kernel is picked", i, lines[i])
		}
	}
}

// TestKernelsFit: in 80 columns, whatever the kernels need and lack; a wider output
// has more.
func TestKernelsFit(t *testing.T) {
	long := strings.Repeat("AVX512VBMI, ", 9) + "SHA"
	list := hashing.Kernels()
	for i := range list {
		list[i].Needs = long
	}
	lacking := list[0]
	lacking.Name, lacking.Missing = "shani-avx512-lacking", func() string { return long }
	slower := list[0]
	slower.Name, slower.Missing = "shani-avx512-ternary", nil
	var found []tune.Finding
	for i, k := range append(list, slower) {
		found = append(found, tune.Finding{Kernel: k.Name, SelfTestSeconds: 0.0123, Plain: float64(123456e3 - i), Rolled: float64(123456e3 + i)})
	}
	for columns, wide := range map[string]bool{"": false, "80": false, "nonsense": false, "300": true} {
		t.Setenv("COLUMNS", columns)
		var out bytes.Buffer
		if err := listKernels(&out, append(list, lacking, slower), found, false); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len(strings.TrimSuffix(line, "\n")); n > 80 && !wide {
				t.Errorf("COLUMNS=%s: %d columns: %s", columns, n, line)
			}
		}
		if strings.Contains(out.String(), "NEEDS") != wide || strings.Contains(out.String(), "12.3 ms") != wide || !strings.Contains(out.String(), "for plain") {
			t.Errorf("COLUMNS=%s:\n%s", columns, &out)
		}
	}
}
