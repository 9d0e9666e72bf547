//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package keys

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Keys that a terminal turns into signals by default, and which come as keys here, so
// that the terminal is put back in order before their signal is sent. Ctrl-C stays
// with the terminal.
const (
	ctrlZ         = 0x1a
	ctrlBackslash = 0x1c
)

// foregroundPause is the time between two looks whether a program in the background
// has come to the foreground.
const foregroundPause = time.Second

// signalPatience is how long a signal may need to take effect.
const signalPatience = 2 * time.Second

// Keyboard is a terminal in which each key is read at once and not shown, while the
// program runs in the foreground.
type Keyboard struct {
	fd int

	mu    sync.Mutex
	usual unix.Termios // as it was found
	taken bool
	again bool // to be taken again: a shell may have changed it meanwhile
}

// Open returns the keyboard, nil unless in and out are terminals.
func Open(in io.Reader, out io.Writer) *Keyboard {
	from, ok := in.(*os.File)
	to, ok2 := out.(*os.File)
	if !ok || !ok2 || !term.IsTerminal(int(from.Fd())) || !term.IsTerminal(int(to.Fd())) {
		return nil
	}
	return &Keyboard{fd: int(from.Fd())}
}

// Restore puts the terminal back in order. It may be called at any time, by any
// goroutine, also of no keyboard.
func (k *Keyboard) Restore() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taken && k.Foreground() {
		_ = unix.IoctlSetTermios(k.fd, setTermios, &k.usual)
	}
	k.taken = false
}

// Run calls press with each key until ctx ends or the terminal is gone. The terminal
// is in order again when it returns.
func (k *Keyboard) Run(ctx context.Context, press func(key byte)) error {
	defer k.Restore()
	wake, end, err := wakeups(ctx)
	if err != nil {
		return err
	}
	defer end()
	for ctx.Err() == nil {
		typed, err := k.read(int(wake.Fd()))
		if err != nil {
			return err
		}
		for _, key := range typed {
			switch key {
			case ctrlZ: // of the process group, as the terminal does it; without a shell the system ignores it
				k.signal(0, unix.SIGTSTP, int(wake.Fd()))
			case ctrlBackslash:
				k.signal(unix.Getpid(), unix.SIGQUIT, int(wake.Fd()))
			default:
				press(key)
			}
		}
	}
	return nil
}

// wakeups returns a pipe that gets a byte when ctx ends, and when the program goes on
// after a stop.
func wakeups(ctx context.Context) (wake *os.File, end func(), err error) {
	wake, from, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer from.Close() // which wakes for good
		for {
			select {
			case <-continued:
				_, _ = from.Write([]byte{0})
			case <-ctx.Done():
				return
			}
		}
	}()
	return wake, func() {
		signal.Stop(continued)
		if ctx.Err() == nil { // the terminal is gone: its goroutine waits for ctx
			return
		}
		<-ended
		wake.Close()
	}, nil
}

// read waits for keys, in the foreground, and returns none when something else
// happened.
func (k *Keyboard) read(wake int) ([]byte, error) {
	fds := []unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}, {Fd: int32(k.fd), Events: unix.POLLIN}}
	timeout := -1
	if !k.take() {
		fds, timeout = fds[:1], int(foregroundPause.Milliseconds())
	}
	if _, err := unix.Poll(fds, timeout); err != nil && !errors.Is(err, syscall.EINTR) {
		return nil, err
	}
	if fds[0].Revents != 0 {
		_, _ = unix.Read(wake, make([]byte, 16))
		k.mu.Lock()
		k.again = true
		k.mu.Unlock()
		return nil, nil
	}
	if len(fds) < 2 || fds[1].Revents == 0 || !k.Foreground() { // reading in the background would stop the program
		return nil, nil
	}
	typed := make([]byte, 64)
	n, err := unix.Read(k.fd, typed)
	switch {
	case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.EAGAIN):
		return nil, nil
	case err != nil:
		return nil, err
	case n == 0:
		return nil, io.EOF
	}
	return single(typed[:n]), nil
}

// take has the terminal send each key at once, if the program is in the foreground.
func (k *Keyboard) take() bool {
	if !k.Foreground() {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taken && !k.again {
		return true
	}
	now, err := unix.IoctlGetTermios(k.fd, getTermios)
	if err != nil {
		return false
	}
	if k.usual == (unix.Termios{}) || now.Lflag&unix.ICANON != 0 {
		k.usual = *now
	}
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	now.Cc[unix.VSUSP], now.Cc[unix.VQUIT] = noKey, noKey
	k.taken, k.again = unix.IoctlSetTermios(k.fd, setTermios, now) == nil, false
	return k.taken
}

// Foreground reports whether the terminal is this program's. Changing it from the
// background would stop the program.
func (k *Keyboard) Foreground() bool {
	group, err := unix.IoctlGetInt(k.fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// signal sends a signal with the terminal in order.
func (k *Keyboard) signal(pid int, s syscall.Signal, wake int) {
	k.Restore()
	_ = unix.Kill(pid, s)
	// It takes effect at any moment now. The end of a stop wakes.
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}, int(signalPatience.Milliseconds()))
}
