package tune

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"quarry/affinity"
	"quarry/hashing"
)

// This file is the child process that tests kernels, and measures them if ordered: a
// kernel that the CPU cannot run after all crashes the child, not the miner. It
// reads a probeOrder from standard input, one line, and ends when that is closed.
// It writes its findings to standard output as probeLines.

// probeOrder is the child's task.
type probeOrder struct {
	Kernels    []string             `json:"kernels"` // in this order
	Placements []affinity.Placement `json:"placements"`
	Time       time.Duration        `json:"time"` // of the measurement, nanoseconds; 0: self-test only
}

// probeLine is one step of the child. The first line has its CPU, the last one End.
type probeLine struct {
	CPU     *CPU     `json:"cpu,omitempty"`
	Begin   string   `json:"begin,omitempty"`   // this kernel runs next
	Found   *Finding `json:"found,omitempty"`   // the results for one kernel
	Trouble string   `json:"trouble,omitempty"` // not a kernel's fault; nothing follows
	End     bool     `json:"end,omitempty"`
}

const (
	maxProbeLine  = 1 << 20 // bytes, both ways
	maxPlacements = 4096    // the miner's limit
)

// Command is the argument that quarry starts itself with, for [Serve].
const Command = "kernel-probe"

// ErrNoOrder means that the input of [Serve] is not from another quarry process.
var ErrNoOrder = errors.New("standard input has no order for a child process")

// Serve runs the child process: it reads its order from in and writes to out.
func Serve(parent context.Context, in io.Reader, out io.Writer) error {
	examiner := make(chan *hashing.Examiner, 1)
	go func() { examiner <- hashing.NewExaminer() }() // takes a few milliseconds, usually before the order comes
	input := bufio.NewReaderSize(in, maxProbeLine)
	line, err := input.ReadSlice('\n')
	if err != nil {
		return ErrNoOrder
	}
	order, err := parseProbeOrder(line)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoOrder, err)
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	go func() { // until the parent ends or closes it
		_, _ = io.Copy(io.Discard, input)
		cancel()
	}()
	return probe(ctx, order, hashing.Kernels(), <-examiner, out)
}

func parseProbeOrder(line []byte) (*probeOrder, error) {
	order := new(probeOrder)
	if err := decodeStrictly(line, order); err != nil {
		return nil, err
	}
	if len(order.Kernels) > maxFindings || len(order.Placements) > maxPlacements {
		return nil, fmt.Errorf("%d kernels on %d threads are too many", len(order.Kernels), len(order.Placements))
	}
	if order.Time < 0 || order.Time > time.Minute || order.Time > 0 && len(order.Placements) == 0 {
		return nil, fmt.Errorf("measuring for %v on %d threads: want at most a minute, and at least one thread", order.Time, len(order.Placements))
	}
	return order, nil
}

// probe tests the ordered kernels of the list, and measures those that pass if
// ordered. Findings without a measurement are reported one by one.
func probe(ctx context.Context, order *probeOrder, list []hashing.Kernel, examiner *hashing.Examiner, out io.Writer) error {
	lines := json.NewEncoder(out)
	cpu := thisCPU()
	if err := lines.Encode(probeLine{CPU: &cpu}); err != nil {
		return err
	}
	var subjects []*subject
	for _, name := range order.Kernels {
		i := slices.IndexFunc(list, func(k hashing.Kernel) bool { return k.Name == name })
		if i < 0 || list[i].MissingHere() != "" {
			continue
		}
		if err := lines.Encode(probeLine{Begin: name}); err != nil {
			return err
		}
		s := &subject{kernel: list[i]}
		s.found = testOne(examiner, s.kernel)
		subjects = append(subjects, s)
		if order.Time == 0 {
			if err := lines.Encode(probeLine{Found: &s.found}); err != nil {
				return err
			}
		}
	}
	if order.Time > 0 {
		if err := measure(ctx, subjects, order, lines); err != nil {
			return errors.Join(err, lines.Encode(probeLine{Trouble: cut(err.Error())}))
		}
		for _, s := range subjects {
			if err := lines.Encode(probeLine{Found: s.result()}); err != nil {
				return err
			}
		}
	}
	return lines.Encode(probeLine{End: true})
}

// testOne tests a kernel in this process.
func testOne(examiner *hashing.Examiner, k hashing.Kernel) Finding {
	began := time.Now()
	f := Finding{Kernel: k.Name}
	if err := examiner.Test(k); err != nil {
		f.Fault = cut(err.Error())
	}
	f.SelfTestSeconds = time.Since(began).Seconds()
	return f
}

func cut(text string) string { return text[:min(len(text), maxFault)] }
