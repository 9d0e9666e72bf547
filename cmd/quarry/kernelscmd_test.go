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
