package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"quarry/hashing"
	"quarry/miner"
)

// This file is the parent's side of pickprobe.go.

// probePatience is how long the child may be silent. The longest it works
// without a word is making proofs, some tens of milliseconds.
const probePatience = 10 * time.Second

// errNoProbe says that there was no measuring, through no fault of a kernel.
var errNoProbe = errors.New("the measuring process does not work here")

// prober has kernels tested and measured by a child process.
type prober struct {
	command  func(context.Context) (*exec.Cmd, error)
	patience time.Duration
	cpu      cpuKey
	excluded func(kernel, fault string) // told when a kernel ends the child
}

// ownProgram is this program as a child: without arguments that are the
// user's, without environment, and apart from the terminal.
func ownProgram(ctx context.Context) (*exec.Cmd, error) {
	file, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, file, probeCommandName)
	c.Args[0] = "quarry"
	c.Env = []string{}
	c.SysProcAttr = apart()
	c.WaitDelay = time.Second
	return c, nil
}

// probe is what the child says of the kernels, in their order, when it has
// measured them for about that time on all the placements; 0 is a self-test
// only. A kernel that ends the child, or keeps it
// silent, is at fault, and another child goes on with the rest. The error is
// errNoProbe or ctx's.
func (p *prober) probe(ctx context.Context, kernels []hashing.Kernel, placements []miner.Placement, d time.Duration) ([]finding, error) {
	dead := map[string]finding{}
	for {
		order := probeOrder{Placements: placements, Time: d}
		for _, k := range kernels {
			if _, out := dead[k.Name]; !out {
				order.Kernels = append(order.Kernels, k.Name)
			}
		}
		found, culprit, err := p.once(ctx, order)
		switch {
		case err == nil:
			return complete(kernels, found, dead)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case culprit == "" || !slices.Contains(order.Kernels, culprit):
			return nil, fmt.Errorf("%w: %w", errNoProbe, err)
		}
		dead[culprit] = finding{Kernel: culprit, Fault: cut(err.Error())}
		p.excluded(culprit, dead[culprit].Fault)
	}
}

// complete puts the findings into the order of the kernels.
func complete(kernels []hashing.Kernel, found []finding, dead map[string]finding) ([]finding, error) {
	for _, f := range found {
		dead[f.Kernel] = f
	}
	var all []finding
	for _, k := range kernels {
		f, ok := dead[k.Name]
		if !ok {
			return nil, fmt.Errorf("%w: it says nothing of kernel %q", errNoProbe, k.Name)
		}
		all = append(all, f)
	}
	return all, checkFindings(all)
}

// once starts one child. When that fails, culprit is the kernel that it was
// running, if it came so far.
func (p *prober) once(parent context.Context, order probeOrder) (found []finding, culprit string, err error) {
	ctx, kill := context.WithCancel(parent)
	defer kill()
	child, err := p.command(ctx)
	if err != nil {
		return nil, "", err
	}
	request, err := json.Marshal(order)
	if err != nil {
		return nil, "", err
	}
	input, err := child.StdinPipe() // closed by Wait
	if err != nil {
		return nil, "", err
	}
	output, err := child.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	complaint := &firstBytes{room: 1000}
	child.Stderr = complaint
	if err := child.Start(); err != nil {
		return nil, "", err
	}
	watchdog := time.AfterFunc(p.patience, kill)
	defer watchdog.Stop()
	reader := probeReader{cpu: p.cpu, heard: func() { watchdog.Reset(p.patience) }}
	if _, err = input.Write(append(request, '\n')); err == nil {
		err = reader.read(output)
	}
	silent := ctx.Err() != nil
	kill() // it has ended, or says nothing useful
	ended := child.Wait()
	switch {
	case reader.ended && err == nil:
		return reader.found, "", nil
	case silent:
		err = fmt.Errorf("it did not come to an end within %v", p.patience)
	case err == nil:
		err = fmt.Errorf("%s (%v)", complaint.firstLine(), ended)
	}
	return nil, reader.running, err
}

// probeReader follows the child's lines.
type probeReader struct {
	cpu     cpuKey // that the child must be running on
	heard   func() // at every line
	running string // the kernel that the child runs
	found   []finding
	ended   bool
}

// read reads until the end, of the work or of the stream.
func (r *probeReader) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxProbeLine)
	for !r.ended && lines.Scan() {
		if err := r.take(lines.Bytes()); err != nil {
			r.running = "" // no fault of the kernel
			return err
		}
		r.heard()
	}
	return lines.Err()
}

func (r *probeReader) take(text []byte) error {
	var line probeLine
	if err := decodeStrictly(text, &line); err != nil {
		return fmt.Errorf("its line %.60q cannot be read: %w", text, err)
	}
	switch {
	case line.CPU != nil:
		if *line.CPU != r.cpu {
			return errors.New("it runs on another CPU than this process")
		}
	case line.Begin != "":
		r.running = line.Begin
	case line.Found != nil:
		r.found = append(r.found, *line.Found)
		return checkFindings(r.found)
	case line.Trouble != "":
		return errors.New(cut(line.Trouble))
	case line.End:
		r.ended = true
	}
	return nil
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	mu   sync.Mutex
	text []byte
	room int
}

// Write keeps what there is room for and swallows the rest.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = append(f.text, p[:min(len(p), f.room-len(f.text))]...)
	return len(p), nil
}

// firstLine is such as "SIGILL: illegal instruction", which Go's runtime
// writes.
func (f *firstBytes) firstLine() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(string(f.text)), "\n")
	if line == "" {
		return "it ended without a word"
	}
	return line
}
