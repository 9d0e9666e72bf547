package tune

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
	"sync/atomic"
	"time"

	"quarry/affinity"
	"quarry/hashing"
)

// This file is the parent's side of probe.go.

// errNoProbe says that there was no test, through no fault of a kernel.
var errNoProbe = errors.New("the process that tests kernels does not work here")

// prober has kernels tested and measured by a child process.
type prober struct {
	command  command
	ready    *Child // the first one, if it was started ahead
	patience time.Duration
	cpu      CPU
}

// command makes the child's.
type command func(context.Context) (*exec.Cmd, error)

// Child is a process that waits for its order.
type Child struct {
	process   *exec.Cmd
	input     io.Writer
	output    io.Reader
	complaint firstBytes
	kill      context.CancelFunc
	end       func() error // waits for it, once
	fault     error        // why it could not be started
}

// Spawn starts the child process for [Options] ahead of its order: it gets ready
// while its parent reads the settings. Stop must follow, whatever becomes of it.
func Spawn(ctx context.Context) *Child { return spawn(ctx, ownProgram) }

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

// Stop ends the process. It returns how it ended.
func (c *Child) Stop() error {
	c.kill()
	if c.fault != nil {
		return c.fault
	}
	return c.end()
}

// ownProgram is this program as a child: without arguments that are the
// user's, without environment, and apart from the terminal.
func ownProgram(ctx context.Context) (*exec.Cmd, error) {
	file, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, file, Command)
	c.Args[0] = "quarry"
	c.Env = []string{}
	c.SysProcAttr = apart()
	c.WaitDelay = time.Second
	return c, nil
}

// probe returns what the child finds out about the kernels by tell, each as soon as that is
// known. With a time it measures them too, for about as long, on all the
// placements. A kernel that ends the child, or keeps it silent, is at fault, and
// another child goes on with the rest. The error is errNoProbe or ctx's.
func (p *prober) probe(ctx context.Context, kernels []hashing.Kernel, placements []affinity.Placement, d time.Duration, tell func(Finding)) error {
	left := names(kernels)
	done := func(f Finding) {
		left = slices.DeleteFunc(left, func(name string) bool { return name == f.Kernel })
		tell(f)
	}
	for len(left) > 0 {
		culprit, err := p.once(ctx, probeOrder{Kernels: slices.Clone(left), Placements: placements, Time: d}, done)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && len(left) > 0:
			return fmt.Errorf("%w: it says nothing of kernel %q", errNoProbe, left[0])
		case err != nil && !slices.Contains(left, culprit):
			return fmt.Errorf("%w: %w", errNoProbe, err)
		case err != nil:
			done(Finding{Kernel: culprit, Fault: cut("it ended the process that tests kernels: " + err.Error())})
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

// once has one child do its work. When that fails, culprit is the kernel that it
// was running, if it came so far.
func (p *prober) once(ctx context.Context, order probeOrder, tell func(Finding)) (culprit string, err error) {
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
	reader := probeReader{cpu: p.cpu, order: order.Kernels, heard: func() { watchdog.Reset(p.patience) }, tell: tell}
	if _, err = child.input.Write(append(request, '\n')); err == nil {
		err = reader.read(child.output)
	}
	ended := child.Stop() // it has ended, or says nothing useful
	switch {
	case reader.ended && err == nil:
		return "", nil
	case silent.Load():
		err = fmt.Errorf("it did not come to an end within %v", p.patience)
	case err == nil:
		err = fmt.Errorf("%s (%v)", child.complaint.firstLine(), ended)
	}
	return reader.running, err
}

// probeReader follows the child's lines.
type probeReader struct {
	cpu     CPU    // that the child must be running on
	heard   func() // at every line
	order   []string
	tell    func(Finding)
	running string // the kernel that the child runs
	found   []Finding
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
		if !slices.Contains(r.order, line.Found.Kernel) {
			return fmt.Errorf("it speaks of a kernel %.40q", line.Found.Kernel)
		}
		if err := checkFindings(r.found); err != nil {
			return err
		}
		r.tell(*line.Found)
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
