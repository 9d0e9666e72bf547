package tune

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
)

// replacedParent is a program whose file is replaced before it tests a kernel: it says
// when it runs, waits for a line, and prints what its child process reports.
func replacedParent() {
	own := thisProgram()
	os.Stdout.WriteString("ready\n")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	p := prober{command: own.command, patience: patience, cpu: thisCPU()}
	generic, _ := hashing.Lookup("generic")
	err := p.probe(context.Background(), []hashing.Kernel{generic}, nil, 0, func(f Finding) { _ = json.NewEncoder(os.Stdout).Encode(f) })
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
	}
}

// TestReplacedProgram: a newer file in the place of the running program is not started;
// Linux still starts the one that runs, also when its file was deleted.
func TestReplacedProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the file of a running program cannot be replaced there")
	}
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, replace := range []bool{true, false} {
		folder := t.TempDir()
		file, newer, started := filepath.Join(folder, "quarry"), filepath.Join(folder, "newer"), filepath.Join(folder, "started")
		script := "#!/bin/sh\ntouch " + started + "\n"
		if err := errors.Join(os.WriteFile(file, text, 0o700), os.WriteFile(newer, []byte(script), 0o700)); err != nil {
			t.Fatal(err)
		}
		parent := exec.Command(file, "replaced")
		input, errIn := parent.StdinPipe()
		output, errOut := parent.StdoutPipe()
		if err := errors.Join(errIn, errOut, parent.Start()); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(output)
		if line, err := lines.ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if replace {
			err = os.Rename(newer, file)
		} else {
			err = os.Remove(file)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, errWrite := io.WriteString(input, "\n")
		said, errRead := io.ReadAll(lines)
		if err := errors.Join(errWrite, errRead, parent.Wait()); err != nil {
			t.Fatal(err)
		}
		want := errReplaced.Error()
		if runtime.GOOS == "linux" {
			want = `"kernel":"generic","self_test_seconds":`
		}
		if !strings.Contains(string(said), want) {
			t.Errorf("replaced %v: it says %s, want %s", replace, said, want)
		}
		if _, err := os.Stat(started); err == nil {
			t.Error("the newer program was started")
		}
	}
}

// TestFoundReplaced: systems without a link to the running file compare the file.
func TestFoundReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quarry")
	write := func(text string, at int64) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file, []byte(text), 0o700), os.Chtimes(file, time.Time{}, time.Unix(at, 0))); err != nil {
			t.Fatal(err)
		}
	}
	write("a", 1)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	p := program{file: file, info: info}
	if c, err := p.command(t.Context()); err != nil || c.Path != file || len(c.Env) != 0 || c.Args[1] != Command {
		t.Errorf("the same file: %v, %v", c, err)
	}
	for name, change := range map[string]func(){
		"longer": func() { write("ab", 1) },
		"later":  func() { write("a", 2) },
		"gone":   func() { os.Remove(file) },
	} {
		change()
		if _, err := p.command(t.Context()); !errors.Is(err, errReplaced) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (program{err: os.ErrNotExist}).command(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unknown program: %v", err)
	}
}

// TestExamine: a kernel that crashes its child is told from one that is wrong; what the
// child did not test is tested here.
func TestExamine(t *testing.T) {
	list := kernelsNamed("good", "illegal", "absent")
	list[2].Missing = func() string { return "AVX-1024" }
	reports := badProber().examine(t.Context(), list, zap.NewNop())
	if len(reports) != 3 || !reports[0].Usable() || !errors.Is(reports[1].Err, ErrCrash) || reports[2].Missing != "AVX-1024" {
		t.Errorf("%+v", reports)
	}
	if reports[1].Err != nil && !strings.Contains(reports[1].Err.Error(), "SIGILL") {
		t.Errorf("the crash is %v", reports[1].Err)
	}
	good, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	broken := good
	broken.Name = "trouble" // to the child
	broken.Scan = func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) { return 0, count }
	reports = badProber().examine(t.Context(), []hashing.Kernel{broken, good}, zap.NewNop())
	if reports[0].Err == nil || errors.Is(reports[0].Err, ErrCrash) || !reports[1].Usable() {
		t.Errorf("without a child: %+v", reports)
	}
}
