package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxOutput is how much of a peer's output is kept, in bytes.
const maxOutput = 1 << 20

// peerRun is one run of the peer.
type peerRun struct {
	output *peerOutput
	lines  []string // what it printed, without colors
	share  float64  // fraction of one CPU that it had, from its start to its end
	worker hashThread
}

// hashThread is the busiest thread of a process, as the system reported while it
// ran; known is false where the system does not report it.
type hashThread struct {
	known bool
	cpu   int
	nice  int
	idle  bool // scheduled only when nothing else wants the CPU, or as a batch job
	ticks uint64
}

// runPeer runs the command to its end on the CPUs (any, if there are none) and
// reads its rates.
func runPeer(ctx context.Context, command []string, cpus []int, timeout time.Duration) (*peerRun, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	process := exec.CommandContext(limited, command[0], command[1:]...)
	process.WaitDelay = time.Second // for a child that keeps the pipe open
	printed := &bounded{}
	process.Stdout, process.Stderr = printed, printed
	began := time.Now()
	if err := startPinned(process, cpus); err != nil {
		return nil, fmt.Errorf("starting the peer: %w", err)
	}
	watching, stopWatching := context.WithCancel(ctx)
	seen := make(chan hashThread, 1)
	go func() { seen <- watch(watching, process.Process.Pid) }()
	err := process.Wait()
	wall := time.Since(began)
	stopWatching()
	run := &peerRun{worker: <-seen, lines: plainLines(printed.text.Bytes())}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("the peer did not end within %v: give it a time limit (cpuminer-opt: --time-limit 10), or raise --timeout", timeout)
	case err != nil:
		return nil, fmt.Errorf("the peer: %w; it printed:\n%s", err, strings.Join(run.last(20), "\n"))
	}
	used := process.ProcessState.UserTime() + process.ProcessState.SystemTime()
	run.share = used.Seconds() / wall.Seconds()
	run.output, err = parseCpuminer(strings.NewReader(strings.Join(run.lines, "\n")))
	return run, err
}

// bounded keeps the first part of what is written, and discards the rest.
type bounded struct{ text bytes.Buffer }

// Write never fails, so that the peer is not killed because of long output.
func (b *bounded) Write(p []byte) (int, error) {
	b.text.Write(p[:min(len(p), maxOutput-b.text.Len())])
	return len(p), nil
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// plainLines returns the lines without colors and control characters.
func plainLines(text []byte) []string {
	var lines []string
	for line := range bytes.Lines(escapes.ReplaceAll(text, nil)) {
		clean := strings.TrimSpace(strings.Map(func(r rune) rune {
			if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, string(line)))
		if clean != "" {
			lines = append(lines, clean)
		}
	}
	return lines
}

func (r *peerRun) last(n int) []string { return r.lines[max(0, len(r.lines)-n):] }

var aboutPeer = regexp.MustCompile(`cpuminer|features:|built on`)

// worthKeeping returns the lines with rates, and those about the peer itself.
func (r *peerRun) worthKeeping(about bool) []string {
	return slices.DeleteFunc(slices.Clone(r.lines), func(line string) bool {
		rate := threadLine.MatchString(line) || benchmarkLine.MatchString(line) || strings.Contains(line, "Total: ")
		return !rate && !(about && aboutPeer.MatchString(line))
	})
}

// conditions returns how the peer was run, for the record.
func (r *peerRun) conditions() string {
	text := fmt.Sprintf("%.1f %% of a CPU with its start-up", 100*r.share)
	if !r.worker.known {
		text += "; this system does not report its CPU and priority"
	} else {
		text += fmt.Sprintf(", on cpu %d at nice %d", r.worker.cpu, r.worker.nice)
	}
	return text
}

// unfair returns what puts the peer at a disadvantage, or on other CPUs than quarry.
func (r *peerRun) unfair(cpus []int) []string {
	var warnings []string
	if r.worker.known && len(cpus) > 0 && !slices.Contains(cpus, r.worker.cpu) {
		warnings = append(warnings, fmt.Sprintf("the peer hashed on cpu %d, not on %v: it pins itself (cpuminer-opt: --cpu-affinity with a mask, 0x1 for cpu 0)", r.worker.cpu, cpus))
	}
	if r.worker.known && (r.worker.nice > 0 || r.worker.idle) {
		warnings = append(warnings, "the peer hashed at a low priority, so it yields to every neighbor (cpuminer-opt: --cpu-priority 2)")
	}
	if threads := max(len(r.output.scans), 1); r.share < 0.97*float64(threads) {
		warnings = append(warnings, fmt.Sprintf("the peer had only %.1f %% of a CPU for %d threads", 100*r.share, threads))
	}
	return warnings
}
