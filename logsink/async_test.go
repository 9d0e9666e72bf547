package logsink

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
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

// reports collects what is reported, as lines of text.
type reports struct {
	mu    sync.Mutex
	lines []string
}

func (r *reports) report(message string, fields ...zap.Field) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range fields {
		message += " " + f.Key + "=" + FieldText(f)
	}
	r.lines = append(r.lines, message)
}

func (r *reports) count(text string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// TestAsyncWriterNeverBlocks: with the output stuck, writing goes on, and the
// number of dropped lines is reported; lines that had room come in order.
func TestAsyncWriterNeverBlocks(t *testing.T) {
	out, said := newGate(), &reports{}
	a := NewAsyncWriter("the gate", out, said.report)
	const lines = asyncLines + 1000
	for i := range lines {
		fmt.Fprintf(a, "line %d\n", i)
		if i == 0 {
			<-out.reached // otherwise it might be taken later, and make room in the middle
		}
	}
	if said.count(`log output blocked output="the gate"`) != 1 {
		t.Errorf("while it is stuck: %q", said.lines)
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
	if want := fmt.Sprintf(`log messages lost output="the gate" messages=%d reason="output blocked"`, lines-len(got)); said.count(want) != 1 {
		t.Errorf("said %q, want %q", said.lines, want)
	}
}

// TestAsyncWriterEndsEvenIfStuck: Close does not wait forever.
func TestAsyncWriterEndsEvenIfStuck(t *testing.T) {
	out := newGate()
	defer close(out.open)
	a := NewAsyncWriter("", out, (&reports{}).report)
	fmt.Fprintln(a, "never seen")
	began := time.Now()
	a.Close()
	if took := time.Since(began); took < asyncFlush || took > 20*asyncFlush {
		t.Errorf("the end took %v, want about %v", took, asyncFlush)
	}
}

// disk is a writer with room for that many bytes.
type disk struct {
	room int
	bytes.Buffer
}

func (d *disk) Write(p []byte) (int, error) {
	n, _ := d.Buffer.Write(p[:min(d.room, len(p))])
	if d.room -= n; n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

// TestAsyncWriterSaysOnceThatItFails, and how many messages were lost when it works
// again.
func TestAsyncWriterSaysOnceThatItFails(t *testing.T) {
	said, out := &reports{}, &disk{}
	a := NewAsyncWriter("the disk", out, said.report)
	for range 10 {
		fmt.Fprintln(a, "lost")
	}
	a.Close()
	if n := said.count("log output failed"); n != 1 || said.count("no space left") != 1 {
		t.Errorf("complained %d times: %q", n, said.lines)
	}
	out.room = 100
	a.write([]byte("kept\n"))
	if said.count(`log messages lost output="the disk" messages=10 reason="write failed"`) != 1 {
		t.Errorf("when there is room again: %q", said.lines)
	}
}

// TestCutLine: a line that a full disk cut is ended before the next one.
func TestCutLine(t *testing.T) {
	for room, want := range map[int]string{0: "new\n", 1: "l\nnew\n", 3: "lon\nnew\n", 5: "long\nnew\n"} {
		out := &disk{room: room}
		lines := NewLines(out)
		if n, _ := fmt.Fprintln(lines, "long"); n != room {
			t.Errorf("room for %d: wrote %d", room, n)
		}
		fmt.Fprintln(lines, "lost")
		out.room = 1 << 10
		if n, err := fmt.Fprintln(lines, "new"); n != len("new\n") || err != nil || out.String() != want {
			t.Errorf("room for %d: %d %v, %q, want %q", room, n, err, out, want)
		}
	}
	out := &disk{room: 5} // room for the newline only
	lines := NewLines(out)
	fmt.Fprintln(lines, "cut short")
	out.room = 1
	fmt.Fprintln(lines, "lost")
	out.room = 100
	if fmt.Fprintln(lines, "new"); out.String() != "cut s\nnew\n" {
		t.Errorf("%q", out)
	}
}

// slow takes two bytes of every other write.
type slow struct {
	calls int
	bytes.Buffer
}

func (s *slow) Write(p []byte) (int, error) {
	if s.calls++; s.calls%2 == 1 {
		return 0, &fs.PathError{Op: "write", Path: "tty", Err: syscall.EAGAIN}
	}
	n, _ := s.Buffer.Write(p[:min(2, len(p))])
	if n < len(p) {
		return n, syscall.EAGAIN
	}
	return n, nil
}

// TestBusyOutput: an output that is for a moment unable to take more gets the whole
// line in the end.
func TestBusyOutput(t *testing.T) {
	out := &slow{}
	if n, err := fmt.Fprintln(NewLines(out), "a line"); n != len("a line\n") || err != nil || out.String() != "a line\n" {
		t.Errorf("%d, %v, %q", n, err, out)
	}
}

// TestAsyncWriterAfterTheEnd: logging after Close does no harm.
func TestAsyncWriterAfterTheEnd(t *testing.T) {
	out := &bytes.Buffer{}
	a := NewAsyncWriter("", out, (&reports{}).report)
	fmt.Fprintln(a, "the summary")
	a.Close()
	for range 2 * asyncLines {
		fmt.Fprintln(a, "too late")
	}
	if out.String() != "the summary\n" {
		t.Errorf("written: %.100q", out)
	}
}
