package logsink

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

// TestAsyncWriterNeverBlocks: with the output stuck, writing goes on, and the
// number of dropped lines is reported; lines that had room come in order.
func TestAsyncWriterNeverBlocks(t *testing.T) {
	out, complaints := newGate(), &bytes.Buffer{}
	a := NewAsyncWriter(out, complaints)
	const lines = asyncLines + 1000
	for i := range lines {
		fmt.Fprintf(a, "line %d\n", i)
		if i == 0 {
			<-out.reached // otherwise it might be taken later, and make room in the middle
		}
	}
	close(out.open)
	a.Close()
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, line := range got {
		if line != fmt.Sprintf("line %d", i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(got) != 1+asyncLines {
		t.Errorf("%d lines came through, want the one being written and the %d that had room", len(got), asyncLines)
	}
	if want := fmt.Sprintf("dropped %d log messages", lines-len(got)); !strings.Contains(complaints.String(), want) {
		t.Errorf("said %q, want %q", complaints, want)
	}
}

// TestAsyncWriterEndsEvenIfStuck: Close does not wait forever.
func TestAsyncWriterEndsEvenIfStuck(t *testing.T) {
	out := newGate()
	defer close(out.open)
	a := NewAsyncWriter(out, &bytes.Buffer{})
	fmt.Fprintln(a, "never seen")
	began := time.Now()
	a.Close()
	if took := time.Since(began); took < asyncFlush || took > 20*asyncFlush {
		t.Errorf("the end took %v, want about %v", took, asyncFlush)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAsyncWriterSaysOnceThatItFails(t *testing.T) {
	complaints := &bytes.Buffer{}
	a := NewAsyncWriter(broken{}, complaints)
	for range 10 {
		fmt.Fprintln(a, "lost")
	}
	a.Close()
	if n := strings.Count(complaints.String(), "no space left"); n != 1 {
		t.Errorf("complained %d times: %q", n, complaints)
	}
}

// TestAsyncWriterAfterTheEnd: logging after Close does no harm.
func TestAsyncWriterAfterTheEnd(t *testing.T) {
	out := &bytes.Buffer{}
	a := NewAsyncWriter(out, &bytes.Buffer{})
	fmt.Fprintln(a, "the summary")
	a.Close()
	for range 2 * asyncLines {
		fmt.Fprintln(a, "too late")
	}
	if out.String() != "the summary\n" {
		t.Errorf("written: %.100q", out)
	}
}
