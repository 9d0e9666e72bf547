//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// console is a terminal with a program in it.
type console struct {
	*testing.T
	master *os.File
	before unix.Termios
	cmd    *exec.Cmd
	ended  chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

// startConsole starts the command in a terminal of that width.
func startConsole(t *testing.T, columns uint16, name string, args ...string) *console {
	t.Helper()
	c := &console{T: t, cmd: exec.Command(name, args...), ended: make(chan struct{})}
	home := t.TempDir()
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "QUARRY_") && !strings.HasPrefix(entry, "NO_COLOR=") {
			c.cmd.Env = append(c.cmd.Env, entry)
		}
	}
	c.cmd.Env = append(c.cmd.Env, "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_STATE_HOME="+home, "TERM=xterm")
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("without terminals: %v", err)
	}
	defer slave.Close()
	c.master = master
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	c.before = c.termios()
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, slave, slave
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go c.read()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
		master.Close()
	})
	return c
}

func (c *console) read() {
	defer close(c.ended)
	chunk := make([]byte, 4096)
	for {
		n, err := c.master.Read(chunk)
		c.mu.Lock()
		c.out.Write(chunk[:n])
		c.mu.Unlock()
		if err != nil { // all have closed it
			_ = c.cmd.Wait()
			return
		}
	}
}

func (c *console) termios() unix.Termios {
	c.Helper()
	state, err := unix.IoctlGetTermios(int(c.master.Fd()), unix.TCGETS)
	if err != nil {
		c.Fatal(err)
	}
	return *state
}

// escapes are the codes of colors, and those of the shell.
var escapes = regexp.MustCompile(`\x1b\[[?0-9;]*[a-z]`)

func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.ReplaceAll(escapes.ReplaceAllString(c.out.String(), ""), "\r", "")
}

// await waits until the text has been shown, n times.
func (c *console) await(text string, n int) {
	c.Helper()
	c.until(fmt.Sprintf("%q", text), func() bool { return strings.Count(c.text(), text) >= n })
}

func (c *console) until(what string, done func() bool) {
	c.Helper()
	for began := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			c.Fatalf("no %s in\n%s", what, c.text())
		}
	}
}

func (c *console) press(keys string) {
	c.Helper()
	if _, err := c.master.WriteString(keys); err != nil {
		c.Fatal(err)
	}
}

// end waits for the end, and checks that the terminal is as it was.
func (c *console) end() {
	c.Helper()
	select {
	case <-c.ended:
	case <-time.After(90 * time.Second):
		c.Fatalf("it does not end:\n%s", c.text())
	}
	if after := c.termios(); after != c.before {
		c.Errorf("the terminal was %+v and is %+v", c.before, after)
	}
}

// practice are the arguments of a session that hashes little.
func practice(more ...string) []string {
	return append([]string{"mine", "--threads", "1", "--kernel", "generic", "--status-interval", "1s"}, more...)
}

// TestEveryLineFits: a session with its keys, at each width; what was resized counts.
func TestEveryLineFits(t *testing.T) {
	for _, columns := range []int{60, 80, 120} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			c := startConsole(t, uint16(columns), "quarry", practice()...)
			c.await("accepted 1/0", 1)
			for _, step := range []struct{ key, shows string }{
				{"h", "rates of cpu with generic"}, {"p", "mining paused"}, {"s", "PAUSED (r resumes)"}, {"p", "paused already"},
				{"r", "mining resumed"}, {"r", "not paused"}, {"l", "share lines: long"}, {"l", "share lines: only"}, {"l", "share lines: short"},
				{"?", "s status now"}, {"\x1b[A", ""}, {"x", "no key x"},
			} {
				c.press(step.key)
				c.await(step.shows, 1)
			}
			c.await(" best ", 3)
			c.press("q")
			c.end()
			if code := c.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			text := c.text()
			for _, short := range []string{ // of messages whose names must not drift away from package screen
				"session: ", "new block 9000", "odds  a block in ", "authorized as practice", "difficulty 0.0",
				"active pool  first", "machine  ",
			} {
				if !strings.Contains(text, short) {
					t.Errorf("no %q in\n%s", short, text)
				}
			}
			for line := range strings.Lines(text) {
				if width := len([]rune(strings.TrimSuffix(line, "\n"))); width >= columns {
					t.Errorf("%d columns: %q", width, line)
				}
			}
		})
	}
}

// sends and presses are ways to end a program.
func sends(s syscall.Signal) func(*console) { return func(c *console) { _ = c.cmd.Process.Signal(s) } }

func presses(keys string) func(*console) { return func(c *console) { c.press(keys) } }

// TestTerminalIsPutBack: whatever ends a session.
func TestTerminalIsPutBack(t *testing.T) {
	for name, how := range map[string]struct {
		end  func(*console)
		code int // -1: any
	}{
		"Ctrl-C":         {presses("\x03"), 0},
		"Ctrl-C, Ctrl-C": {presses("\x03\x03"), -1},
		"SIGTERM":        {sends(syscall.SIGTERM), 0},
		"SIGHUP":         {sends(syscall.SIGHUP), 0},
		"SIGQUIT":        {sends(syscall.SIGQUIT), 2},
		"SIGABRT":        {sends(syscall.SIGABRT), 2},
		"a stack trace":  {presses("\x1c"), 2},
		"Ctrl-Z without a shell": {func(c *console) {
			c.press("\x1a")
			time.Sleep(100 * time.Millisecond)
			c.press("p")
			c.await("mining paused", 1)
			c.press("q")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "SIGHUP" && signal.Ignored(syscall.SIGHUP) {
				t.Skip("run under nohup, which the miner heeds")
			}
			c := startConsole(t, 80, "quarry", practice()...)
			c.await("accepted 1/0", 1)
			if c.termios() == c.before {
				t.Error("keys are not read")
			}
			how.end(c)
			c.end()
			if code := c.cmd.ProcessState.ExitCode(); how.code >= 0 && code != how.code {
				t.Errorf("exit code %d, want %d\n%s", code, how.code, c.text())
			}
		})
	}
}

// startShell starts a shell with job control.
func startShell(t *testing.T) *console {
	c := startConsole(t, 80, "bash", "--norc", "--noprofile", "-i")
	c.press("PS1='ready> '\r")
	c.await("\nready> ", 1)
	return c
}

// foreground returns the process group that has the terminal.
func (c *console) foreground() int {
	group, err := unix.IoctlGetInt(int(c.master.Fd()), unix.TIOCGPGRP)
	if err != nil {
		c.Fatal(err)
	}
	return group
}

// TestShellStopsAndContinues: Ctrl-Z, what the shell has then, and fg.
func TestShellStopsAndContinues(t *testing.T) {
	t.Parallel()
	c := startShell(t)
	c.press("quarry " + strings.Join(practice(), " ") + "\r")
	c.await("accepted 1/0", 1)
	c.press("\x1a")
	c.await("Stopped", 1)
	c.press("stty -a | grep -o -- '-*icanon'\r")
	c.await("\nicanon", 1)
	c.press("fg\r")
	c.press("h")
	c.until("rates after fg", func() bool {
		c.press("h")
		time.Sleep(200 * time.Millisecond)
		return strings.Contains(c.text(), "rates of cpu")
	})
	c.press("q")
	c.await("session: ", 1)
	c.press("exit\r")
	c.end()
}

// TestKeysAreLeftAlone: in the background, where they are not wanted, and where
// standard input or output is no terminal.
func TestKeysAreLeftAlone(t *testing.T) {
	for name, run := range map[string][]string{
		"background": {"bash", "-c", "set -m; quarry " + strings.Join(practice("--shares", "2"), " ") + " & wait"},
		"off":        append([]string{"quarry"}, practice("--no-keys", "--shares", "2")...),
		"input":      {"bash", "-c", "echo s | quarry " + strings.Join(practice("--shares", "2"), " ")},
		"pipe":       {"bash", "-c", "quarry " + strings.Join(practice("--shares", "2"), " ") + " | cat"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startConsole(t, 80, run[0], run[1:]...)
			c.until("share", func() bool {
				if c.termios() != c.before {
					t.Error("keys are read")
				}
				return strings.Contains(c.text(), "accepted")
			})
			c.end()
			if strings.Contains(c.text(), "keys: ") {
				t.Errorf("keys are offered:\n%s", c.text())
			}
		})
	}
}

// TestReportsFit: what commands print, their errors and warnings too. The line of
// bench to paste elsewhere stays in one piece.
func TestReportsFit(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.toml")
	text := "[[pool]]\nurl = \"stratum+tcp://h:1\"\nuser = 7\n[log]\nlevel = \"loud, and longer than any other level that there is or will be\"\n"
	if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]struct {
		args  []string
		shows string
		long  string // how a line begins that may be long
	}{
		"check":    {[]string{"check"}, "this rig can mine", ""},
		"no pool":  {[]string{"check", "-o", "stratum+ssl://127.0.0.1:1", "-u", "a"}, "no pool works", ""},
		"faults":   {[]string{"config", "validate", bad}, "bad.toml", ""},
		"bad flag": {[]string{"mine", "--log-level", strings.Repeat("loud ", 30)}, "--log-level", ""},
		"kernels":  {[]string{"kernels"}, "SELF-TEST", ""},
		"bench":    {[]string{"bench", "--duration", "100ms", "--kernel", "generic", "--threads", "1"}, "best:", "share: "},
	} {
		for _, columns := range []int{60, 80, 120} {
			t.Run(fmt.Sprint(name, columns), func(t *testing.T) {
				t.Parallel()
				c := startConsole(t, uint16(columns), "quarry", run.args...)
				c.end()
				if !strings.Contains(c.text(), run.shows) {
					t.Errorf("no %q in\n%s", run.shows, c.text())
				}
				for line := range strings.Lines(c.text()) {
					width := len([]rune(strings.TrimSuffix(line, "\n"))) // the bar of bench is one line here, redrawn
					if width > columns && (run.long == "" || !strings.HasPrefix(line, run.long)) && !strings.Contains(line, "measuring") {
						t.Errorf("%d columns: %q", width, line)
					}
				}
			})
		}
	}
}
