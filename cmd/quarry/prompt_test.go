//go:build linux

package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// asking are the arguments of a session that asks for its password, and then tries
// forever to connect.
func asking() []string {
	return practice("-o", "stratum+tcp://127.0.0.1:1", "-u", "alice", "-p", "-")
}

// TestKeysAfterPassword: only a pipe is used up by passwords.
func TestKeysAfterPassword(t *testing.T) {
	t.Parallel()
	c := startConsole(t, 80, "quarry", asking()...)
	c.await("password: ", 1)
	c.press("hunter2\r")
	c.await("keys: s status", 1)
	c.press("h")
	c.await("rates of cpu with", 1)
	c.press("q")
	c.await("session: ", 1)
	c.end()
	if strings.Contains(c.text(), "hunter2") {
		t.Errorf("the password is shown:\n%s", c.text())
	}
}

// TestPromptIsPutBack: whatever ends the question for a password.
func TestPromptIsPutBack(t *testing.T) {
	for name, how := range map[string]struct {
		end  func(*console)
		code int // -1: by the signal
	}{
		"Ctrl-C":        {presses("\x03"), 2},
		"Ctrl-D":        {presses("\x04"), 2},
		"SIGINT":        {sends(syscall.SIGINT), -1},
		"SIGTERM":       {sends(syscall.SIGTERM), -1},
		"SIGHUP":        {sends(syscall.SIGHUP), -1},
		"SIGQUIT":       {sends(syscall.SIGQUIT), 2},
		"SIGABRT":       {sends(syscall.SIGABRT), 2},
		"a stack trace": {presses("\x1c"), 2},
		"Ctrl-Z without a shell": {func(c *console) {
			c.press("\x1a")
			c.await("password: ", 2)
			c.press("\x03")
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if (name == "SIGHUP" || name == "SIGINT") && signal.Ignored(map[string]os.Signal{"SIGHUP": syscall.SIGHUP, "SIGINT": syscall.SIGINT}[name]) {
				t.Skip("run under nohup, or in the background, which is heeded")
			}
			c := startConsole(t, 80, "quarry", asking()...)
			c.await("password: ", 1)
			if c.termios() == c.before {
				t.Error("the password is shown")
			}
			how.end(c)
			c.end()
			if code := c.cmd.ProcessState.ExitCode(); code != how.code {
				t.Errorf("exit code %d, want %d\n%s", code, how.code, c.text())
			}
		})
	}
}

// TestStopFromElsewhere: kill -TSTP stops with the terminal as it was, also while a
// password is asked for.
func TestStopFromElsewhere(t *testing.T) {
	for name, run := range map[string]struct {
		args  []string
		shows string
	}{"session": {practice(), "accepted 1/0"}, "prompt": {asking(), "password: "}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startConsole(t, 80, "bash", "-c", "set -m; quarry "+strings.Join(run.args, " ")+"; read line; fg; read line")
			c.await(run.shows, 1)
			set := c.termios()
			if set == c.before {
				t.Error("the terminal is not set")
			}
			_ = syscall.Kill(c.foreground(), syscall.SIGTSTP)
			c.until("stop", func() bool { return c.foreground() == c.cmd.Process.Pid })
			if stopped := c.termios(); stopped != c.before {
				t.Errorf("the terminal was %+v and is %+v", c.before, stopped)
			}
			c.press("\r")
			c.until("terminal that is set again", func() bool { return c.termios() == set })
			if name == "prompt" {
				c.await("password: ", 2)
			}
			_ = syscall.Kill(c.foreground(), syscall.SIGTERM)
			c.until("end", func() bool { return c.foreground() == c.cmd.Process.Pid })
			c.press("\r")
			c.end()
		})
	}
}

// TestPromptStopsAndContinues: Ctrl-Z, and fg.
func TestPromptStopsAndContinues(t *testing.T) {
	t.Parallel()
	c := startShell(t)
	c.press("quarry " + strings.Join(asking(), " ") + "\r")
	c.await("password: ", 1)
	c.press("\x1a")
	c.await("Stopped", 1)
	c.press("fg\r")
	c.await("-p -\npool password: ", 2)
	c.press("hunter2\r")
	c.await("keys: s status", 1)
	c.press("q")
	c.await("session: ", 1)
	c.press("exit\r")
	c.end()
}
