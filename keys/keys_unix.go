//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package keys

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// foregroundPause is the time between two looks whether a program in the background
// has come to the foreground.
const foregroundPause = time.Second

// Keyboard is a terminal in which each key is read at once and not shown, while the
// program runs in the foreground.
type Keyboard struct {
	fd int

	mu    sync.Mutex
	usual unix.Termios // as it was found
	taken bool
	again bool // to be taken again: a shell may have changed it meanwhile
	away  bool // not to be taken: a signal is about to stop or end the program
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
	wake, end, err := k.wakeups(ctx)
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
			if !Signal(key) {
				press(key)
			}
		}
	}
	return nil
}

// wakeups returns a pipe that gets a byte when ctx ends, and when the program goes on
// after a stop. end puts the terminal back, and so do signals until then, but those
// that end the session in order.
func (k *Keyboard) wakeups(ctx context.Context) (wake *os.File, end func(), err error) {
	wake, from, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	release := Guard(func() {
		k.setAway(false)
		_, _ = from.Write([]byte{0})
	}, func() {
		k.setAway(true)
		k.Restore()
	}, unix.SIGQUIT, unix.SIGABRT)
	stop := context.AfterFunc(ctx, func() { from.Close() }) // which wakes for good
	return wake, func() {
		stop()
		release()
		from.Close()
		wake.Close()
	}, nil
}

func (k *Keyboard) setAway(away bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away = away
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
	if k.away {
		return false
	}
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
