package logsink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// closedForRename: an open file cannot be renamed on Windows.
const closedForRename = true

// hasNoReader reports whether err means that the reader of a pipe is gone.
func hasNoReader(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}

func openOutput(name string, _ bool) (*os.File, error) {
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, fileMode)
}

// duplicate is never called: follow finds no descriptors.
func duplicate(int, string) (*os.File, error) { return nil, errors.ErrUnsupported }

// follow follows the symbolic links of a name.
func follow(name string) (path string, descriptor int) {
	if path, err := filepath.EvalSymlinks(name); err == nil {
		return path, -1
	}
	return name, -1
}

// takeOver does nothing: a new file inherits its folder's permissions.
func takeOver(*os.File, fs.FileInfo) {}
