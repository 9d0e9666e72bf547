package state

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock reports whether the file is locked now, which its end or Close undoes. A
// file system without locks counts as locked: then the last writer wins.
func tryLock(f *os.File) bool {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	return !errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}
