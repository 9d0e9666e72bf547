package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// gate is a writer that blocks until it is opened.
type gate struct {
	reached chan struct{} // has room for the first write
	open    chan struct{}
	bytes.Buffer
}

func newGate() *gate { return &gate{reached: make(chan struct{}, 1), open: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	select {
	case g.reached <- struct{}{}:
	default:
	}
	<-g.open
	return g.Buffer.Write(p)
}

// TestOutletNeverBlocks: with the output stuck, writing goes on, and what was
// dropped is said; the lines that had room come in order.
func TestOutletNeverBlocks(t *testing.T) {
	out, complaints := newGate(), &bytes.Buffer{}
	o := newOutlet(out, complaints)
	const lines = outletLines + 1000
	for i := range lines {
		fmt.Fprintf(o, "line %d\n", i)
		if i == 0 {
			<-out.reached // else it might be taken later, and make room in the middle
		}
	}
	close(out.open)
	o.close()
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, line := range got {
		if line != fmt.Sprintf("line %d", i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(got) != 1+outletLines {
		t.Errorf("%d lines came through, want the one being written and the %d that had room", len(got), outletLines)
	}
	if want := fmt.Sprintf("%d messages were dropped", lines-len(got)); !strings.Contains(complaints.String(), want) {
		t.Errorf("said %q, want %q", complaints, want)
	}
}

// TestOutletEndsEvenIfStuck: the end does not wait for ever.
func TestOutletEndsEvenIfStuck(t *testing.T) {
	out := newGate()
	defer close(out.open)
	o := newOutlet(out, &bytes.Buffer{})
	fmt.Fprintln(o, "never seen")
	began := time.Now()
	o.close()
	if took := time.Since(began); took < outletFlush || took > 20*outletFlush {
		t.Errorf("the end took %v, want about %v", took, outletFlush)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutletSaysOnceThatItFails(t *testing.T) {
	complaints := &bytes.Buffer{}
	o := newOutlet(broken{}, complaints)
	for range 10 {
		fmt.Fprintln(o, "lost")
	}
	o.close()
	if n := strings.Count(complaints.String(), "no space left"); n != 1 {
		t.Errorf("complained %d times: %q", n, complaints)
	}
}

// TestOutletAfterTheEnd: a straggler that logs after the end does no harm.
func TestOutletAfterTheEnd(t *testing.T) {
	out := &bytes.Buffer{}
	o := newOutlet(out, &bytes.Buffer{})
	fmt.Fprintln(o, "the summary")
	o.close()
	for range 2 * outletLines {
		fmt.Fprintln(o, "too late")
	}
	if out.String() != "the summary\n" {
		t.Errorf("written: %.100q", out)
	}
}
