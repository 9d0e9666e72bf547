// Package atomicfile replaces files atomically: readers see the old content or the
// new one.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write writes a temporary file in the same folder and renames it, so that a reader
// never sees half of it and an error leaves the old one. The error names the file.
//
// The file that a symbolic link leads to is replaced, not the link. What cannot be
// replaced is written to as it is, which is not atomic: a device or FIFO, a file that
// is mounted into a container or whose folder is closed to this user.
func Write(file string, content []byte, mode fs.FileMode) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	info, err := os.Stat(file)
	there := err == nil
	if there && !info.Mode().IsRegular() {
		err = os.WriteFile(file, content, mode)
	} else if err = replace(file, content, mode); there && irreplaceable(err) {
		err = overwrite(file, content)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

func replace(file string, content []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Chmod(temporary.Name(), mode)
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}

// irreplaceable reports whether err says that the file cannot be replaced, but perhaps
// written; not that the disk is full, for instance, which would cost the old content.
func irreplaceable(err error) bool {
	for _, reason := range []error{fs.ErrPermission, syscall.EBUSY, syscall.EXDEV, syscall.EROFS} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

func overwrite(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Truncate(int64(len(content)))
	}
	return errors.Join(err, f.Close())
}
