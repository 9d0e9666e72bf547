//go:build !windows

package logsink

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
)

// TestDevices: what is no regular file is never renamed, however much is written.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	names := map[string]string{"link": "to /dev/null", "full": "to /dev/full"}
	for name, target := range names {
		if err := os.Symlink(strings.TrimPrefix(target, "to "), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat("/dev/full"); err != nil { // a Linux device
		delete(names, "full")
	}
	null, full := filepath.Join(dir, "null"), filepath.Join(dir, "disk")
	if runtime.GOOS == "linux" && exec.Command("mknod", null, "c", "1", "3").Run() == nil { // as root
		names["null"] = "a node"
	}
	for name := range names {
		before, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		f := openTested(t, filepath.Join(dir, name), 100, 1)
		for range 100 {
			_, err = fmt.Fprintln(f, "a line")
		}
		if f.Reopen(); (err != nil) != (name == "full") {
			t.Errorf("%s: %v", name, err)
		}
		_, _ = fmt.Fprintln(f, "a line")
		if after, err := os.Lstat(filepath.Join(dir, name)); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s is another file: %v, %v", name, after, err)
		}
	}
	if got := folderNames(t, dir); len(got) != len(names) && len(names) == 3 {
		t.Errorf("left %v", got)
	}
	if runtime.GOOS == "linux" && exec.Command("mknod", full, "b", "7", "200").Run() == nil {
		for _, err := range []error{CheckFile(full), second(OpenFile(FileOptions{Name: full}))} {
			if err == nil || !strings.Contains(err.Error(), "is a disk") {
				t.Errorf("a block device: %v", err)
			}
		}
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, err := range []error{CheckFile(listener.Addr().String()), second(OpenFile(FileOptions{Name: listener.Addr().String()}))} {
		if err == nil || !strings.Contains(err.Error(), "is a socket") {
			t.Errorf("a socket: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFIFO: nobody need read a FIFO at the start; a reader that comes later gets what
// was written, and may be followed by another.
func TestFIFO(t *testing.T) {
	name := fifo(t)
	f := openTested(t, name, 10, 1)
	f.lines(t, "before the reader", "and this")
	for _, want := range [][]string{{"before the reader", "and this"}, {"between readers"}} {
		reader, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(reader)
		for _, want := range want {
			if !lines.Scan() || lines.Text() != want {
				t.Errorf("read %q, want %q", lines.Text(), want)
			}
		}
		reader.Close()
		f.lines(t, "between readers")
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("it is %v, %v", info, err)
	}
}

// TestFullFIFO: a FIFO that is full delays neither the messages nor the end, and the
// number of those lost is said. The other outputs get everything.
func TestFullFIFO(t *testing.T) {
	name := fifo(t)
	full, err := os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	_ = full.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for err = nil; err == nil; _, err = full.Write(make([]byte, 1<<12)) {
	}
	file, err := OpenFile(FileOptions{Name: name, MaxSize: 1, MaxFiles: 1})
	if err != nil {
		t.Fatal(err)
	}
	var screen, stderr bytes.Buffer
	outputs := NewOutputs(&stderr)
	log := zap.New(NewCore(outputs.Add(Screen, &screen), Form{}))
	out := outputs.Add(name, file)
	outputs.Report = log.Warn
	for range asyncLines + 500 {
		fmt.Fprintln(out, "a line")
	}
	began := time.Now()
	outputs.Close()
	if took := time.Since(began); took > 20*time.Second { // nothing would end it
		t.Errorf("the end took %v", took)
	}
	if !strings.Contains(screen.String(), "WARN log output blocked  output="+name) {
		t.Errorf("on the screen: %q", &screen)
	}
	if want := fmt.Sprintf("quarry: log messages lost  output=%s messages=%d reason=%q\n", name, asyncLines+500, "output blocked"); stderr.String() != want {
		t.Errorf("at the end: %q, want %q", &stderr, want)
	}
}

// TestAllBlocked: even with every output and the errors stuck the end comes.
func TestAllBlocked(t *testing.T) {
	gates := []*gate{newGate(), newGate(), newGate()}
	outputs := NewOutputs(gates[0])
	outputs.Report = func(string, ...zap.Field) {}
	for i, g := range gates[1:] {
		fmt.Fprintln(outputs.Add(fmt.Sprint(i), g), "a line")
	}
	began := time.Now()
	outputs.Close()
	if took := time.Since(began); took < asyncFlush || took > 20*asyncFlush {
		t.Errorf("the end took %v, want about %v", took, asyncFlush+lastWords)
	}
	for _, g := range gates {
		close(g.open)
	}
}

// TestUnread: Unread says when the readers of all outputs are gone, and not before.
// What is left gets the message.
func TestUnread(t *testing.T) {
	var pipes [2]struct{ r, w *os.File }
	var stderr bytes.Buffer
	outputs := NewOutputs(&stderr)
	var cores []*zap.Logger
	for i, name := range []string{Screen, "file"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		pipes[i].r, pipes[i].w = r, w
		cores = append(cores, zap.New(NewCore(outputs.Add(name, w), Form{})))
	}
	outputs.Report = cores[1].Warn
	pipes[0].r.Close()
	for range 3 {
		cores[0].Info("nobody reads this")
	}
	lines := bufio.NewReader(pipes[1].r)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, `WARN log output closed  output="standard output"`) {
		t.Errorf("in the other output: %q, %v", line, err)
	}
	select {
	case <-outputs.Unread():
		t.Error("one output has a reader")
	default:
	}
	pipes[1].r.Close()
	cores[1].Info("nor this")
	select {
	case <-outputs.Unread():
	case <-time.After(time.Minute):
		t.Error("nobody reads")
	}
	outputs.Close()
	if got := stderr.String(); got != "quarry: log output closed  output=\"standard output\"\n" {
		t.Errorf("standard error output: %q", got)
	}
	for _, p := range pipes {
		p.w.Close()
	}
}

// TestDescriptors: /dev/stdout and the like are the process's own descriptors, also
// through links: a file that they are redirected to is written on and not rotated.
func TestDescriptors(t *testing.T) {
	for name, want := range map[string]int{
		"/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/7": 7, "/dev/../dev/fd/3": 3, "/proc/self/fd/12": 12,
		fmt.Sprintf("/proc/%d/fd/4", os.Getpid()): 4, "/dev/null": -1, "/dev/fd": -1, "/dev/fd/x": -1, "/proc/1/fd/1": -1, "rig.log": -1,
	} {
		if _, got := follow(name); got != want {
			t.Errorf("%s is descriptor %d, want %d", name, got, want)
		}
	}
	dir := t.TempDir()
	redirected, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer redirected.Close()
	link := filepath.Join(dir, "log")
	if err := os.Symlink(fmt.Sprintf("/dev/fd/%d", redirected.Fd()), link); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(link); err != nil {
		t.Error(err)
	}
	f := openTested(t, link, 10, 3)
	fmt.Fprintln(redirected, "printed")
	f.lines(t, "logged", "logged")
	fmt.Fprintln(redirected, "printed")
	if got := read(t, redirected.Name()); got != "printed\nlogged\nlogged\nprinted\n" || len(folderNames(t, dir)) != 2 {
		t.Errorf("%q, %v", got, folderNames(t, dir))
	}
	closed := fmt.Sprintf("/dev/fd/%d", 9999)
	if _, err := OpenFile(FileOptions{Name: closed}); err == nil || !strings.Contains(err.Error(), "not open") {
		t.Errorf("a descriptor that is not open: %v", err)
	}
	r, w, _ := os.Pipe()
	defer w.Close()
	defer r.Close()
	if _, err := OpenFile(FileOptions{Name: fmt.Sprintf("/dev/fd/%d", r.Fd())}); err == nil || !strings.Contains(err.Error(), "reading only") {
		t.Errorf("a descriptor for reading: %v", err)
	}
}

// TestHasNoReader knows the errors of pipes without a reader from a full disk's.
func TestHasNoReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	if _, err := io.WriteString(w, "x"); !hasNoReader(err) {
		t.Errorf("a pipe: %v", err)
	}
	for _, err := range []error{syscall.ENOSPC, syscall.EIO, syscall.EAGAIN, errors.New("x")} {
		if hasNoReader(err) {
			t.Errorf("%v", err)
		}
	}
}
