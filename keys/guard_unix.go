//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package keys

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopPatience is how long a stop may need to take effect. Without a shell that could
// continue the program, the system ignores it.
const stopPatience = 500 * time.Millisecond

type guard struct {
	set, back      func()
	signals        chan os.Signal
	release, ended chan struct{}
}

// Guard calls set, which changes the terminal, and back at the end, which puts it back
// in order. Until then it catches the signals that stop the program, and those given,
// which end it, calls back, and lets each have its usual effect. When the program goes
// on it calls set again. No two of these calls are at the same time.
func Guard(set, back func(), ending ...os.Signal) (release func()) {
	g := &guard{set, back, make(chan os.Signal, 8), make(chan struct{}), make(chan struct{})}
	for _, s := range ending {
		if !signal.Ignored(s) {
			signal.Notify(g.signals, s)
		}
	}
	signal.Notify(g.signals, unix.SIGTSTP, unix.SIGCONT)
	set()
	go g.run()
	return func() {
		close(g.release)
		<-g.ended
	}
}

func (g *guard) run() {
	defer close(g.ended)
	var late <-chan time.Time // the stop has had no effect
	for {
		select {
		case s := <-g.signals:
			late = g.handle(s)
		case <-late:
			g.set()
		case <-g.release:
			g.back()
			signal.Stop(g.signals)
			for len(g.signals) > 0 { // none is lost
				if s := <-g.signals; s != unix.SIGCONT {
					g.handle(s)
				}
			}
			return
		}
	}
}

// handle returns when a stop has had no effect, nil: there is none.
func (g *guard) handle(s os.Signal) <-chan time.Time {
	switch s {
	case unix.SIGCONT:
		g.set()
		return nil
	case unix.SIGTSTP:
		g.back()
		// Go keeps its handler of SIGTSTP, also after signal.Reset, and does nothing in
		// it. SIGTTOU stops by the same rules.
		_ = unix.Kill(unix.Getpid(), unix.SIGTTOU)
		return time.After(stopPatience)
	}
	g.back()
	signal.Reset(s)
	if number, ok := s.(syscall.Signal); ok {
		_ = unix.Kill(unix.Getpid(), number)
	}
	return nil
}

// Signal sends the signal of Ctrl-Z or Ctrl-\ as a terminal does by default, and
// reports whether the key is one of them.
func Signal(key byte) bool {
	const ctrlBackslash, ctrlZ = 0x1c, 0x1a
	switch key {
	case ctrlZ:
		_ = unix.Kill(0, unix.SIGTSTP) // the process group
	case ctrlBackslash:
		_ = unix.Kill(unix.Getpid(), unix.SIGQUIT) // one stack trace is enough
	default:
		return false
	}
	return true
}

// Background reports whether the terminal is another program's. Changing it would stop
// this one.
func Background(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp() // an error: it controls nobody
}
