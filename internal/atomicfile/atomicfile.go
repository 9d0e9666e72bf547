// Package atomicfile replaces files atomically: readers see the old content or the
// new one.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write writes a temporary file in the same folder and renames it, so that a reader
// never sees half of it and an error leaves the old one. The error names the file. The
// file that a symbolic link leads to is replaced, not the link; and what is no regular
// file (a device, a FIFO) is written to, never replaced.
func Write(file string, content []byte, mode fs.FileMode) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		if err := os.WriteFile(file, content, mode); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync() // else the name may survive a power cut, and the content not
	}
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Chmod(temporary.Name(), mode)
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}
