package tune

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quarry/affinity"
	"quarry/hashing"
)

// This file is the parent's side of probe.go.

// errNoProbe means that no test ran, for reasons other than a faulty kernel.
var errNoProbe = errors.New("the child process that tests kernels does not work here")

// prober tests and measures kernels in a child process.
type prober struct {
	command  command
	ready    *Child // the first child, if it was started early
	patience time.Duration
	cpu      CPU
}

// command returns the command line of the child.
type command func(context.Context) (*exec.Cmd, error)

// Child is a process that waits for its order on standard input.
type Child struct {
	process   *exec.Cmd
	input     io.Writer
	output    io.Reader
	complaint firstBytes
	kill      context.CancelFunc
	end       func() error // waits for it; call once
	program   program      // this one, as it was when the child was started
	fault     error        // why it could not be started
}

// Spawn starts the child process for [Options] before its order is known: it starts
// up while its parent reads the settings. Stop must be called in any case.
func Spawn(ctx context.Context) *Child {
	own := thisProgram()
	c := spawn(ctx, own.command)
	c.program = own
	return c
}

func spawn(ctx context.Context, make command) *Child {
	c := &Child{complaint: firstBytes{room: 1000}}
	ctx, c.kill = context.WithCancel(ctx)
	if c.fault = c.start(ctx, make); c.fault != nil {
		c.kill()
	}
	return c
}

func (c *Child) start(ctx context.Context, make command) (err error) {
	if c.process, err = make(ctx); err != nil {
		return err
	}
	if c.input, err = c.process.StdinPipe(); err != nil { // closed by Wait
		return err
	}
	if c.output, err = c.process.StdoutPipe(); err != nil {
		return err
	}
	c.process.Stderr = &c.complaint
	c.end = sync.OnceValue(c.process.Wait)
	return c.process.Start()
}

// Stop ends the process and returns its exit error.
func (c *Child) Stop() error {
	c.kill()
	if c.fault != nil {
		return c.fault
	}
	return c.end()
}

// probe passes the child's finding about each kernel to report as soon as it is
// known. With a time it also measures them for about that long, on all the
// placements. A kernel that crashes the child, or keeps it silent, is faulty, and
// another child continues with the rest. The error is errNoProbe or ctx's.
func (p *prober) probe(ctx context.Context, kernels []hashing.Kernel, placements []affinity.Placement, d time.Duration, report func(Finding)) error {
	left := names(kernels)
	done := func(f Finding) {
		left = slices.DeleteFunc(left, func(name string) bool { return name == f.Kernel })
		report(f)
	}
	for len(left) > 0 {
		culprit, err := p.once(ctx, probeOrder{Kernels: slices.Clone(left), Placements: placements, Time: d}, done)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && len(left) > 0:
			return fmt.Errorf("%w: it reported nothing about kernel %q", errNoProbe, left[0])
		case err != nil && !slices.Contains(left, culprit):
			return fmt.Errorf("%w: %w", errNoProbe, err)
		case err != nil:
			done(Finding{Kernel: culprit, Fault: cut(ErrCrash.Error() + ": " + err.Error()), crashed: true})
		}
	}
	return nil
}

func names(list []hashing.Kernel) (names []string) {
	for _, k := range list {
		names = append(names, k.Name)
	}
	return names
}

// once runs one child. If that fails, culprit is the kernel that it was running, if
// it got that far.
func (p *prober) once(ctx context.Context, order probeOrder, report func(Finding)) (culprit string, err error) {
	request, err := json.Marshal(order)
	if err != nil {
		return "", err
	}
	child := p.ready
	if p.ready = nil; child == nil {
		child = spawn(ctx, p.command)
	}
	if child.fault != nil {
		return "", child.fault
	}
	defer context.AfterFunc(ctx, child.kill)()
	var silent atomic.Bool
	watchdog := time.AfterFunc(p.patience, func() { silent.Store(true); child.kill() })
	defer watchdog.Stop()
	reader := probeReader{cpu: p.cpu, order: order.Kernels, heard: func() { watchdog.Reset(p.patience) }, report: report}
	if _, err = child.input.Write(append(request, '\n')); err == nil {
		err = reader.read(child.output)
	}
	ended := child.Stop() // it has ended, or reports nothing useful
	switch {
	case reader.ended && err == nil:
		return "", nil
	case silent.Load():
		err = fmt.Errorf("it did not finish within %v", p.patience)
	case err == nil:
		err = fmt.Errorf("%s (%v)", child.complaint.firstLine(), ended)
	}
	return reader.running, err
}

// probeReader reads the child's lines.
type probeReader struct {
	cpu     CPU    // that the child must be running on
	heard   func() // called at every line
	order   []string
	report  func(Finding)
	running string // the kernel that the child runs
	found   []Finding
	ended   bool
}

// read reads until the end of the work or of the stream.
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
		if !slices.Contains(r.order, line.Found.Kernel) {
			return fmt.Errorf("it reports an unknown kernel %.40q", line.Found.Kernel)
		}
		if err := checkFindings(r.found); err != nil {
			return err
		}
		r.report(*line.Found)
	case line.Trouble != "":
		return errors.New(cut(line.Trouble))
	case line.End:
		r.ended = true
	}
	return nil
}

// firstBytes keeps the first bytes written to it.
type firstBytes struct {
	mu   sync.Mutex
	text []byte
	room int
}

// Write keeps what there is room for and discards the rest.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = append(f.text, p[:min(len(p), f.room-len(f.text))]...)
	return len(p), nil
}

// firstLine returns text such as "SIGILL: illegal instruction", which Go's runtime
// writes.
func (f *firstBytes) firstLine() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(string(f.text)), "\n")
	if line == "" {
		return "it ended without a message"
	}
	return line
}
