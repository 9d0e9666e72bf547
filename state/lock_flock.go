//go:build unix && !aix && !solaris && !illumos

package state

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock reports whether the file is locked now, which its end or Close undoes. A
// file system without locks counts as locked: then the last writer wins.
func tryLock(f *os.File) bool {
	return !errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}
