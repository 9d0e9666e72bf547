//go:build !windows

package logsink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// closedForRename: an open file can be renamed here.
const closedForRename = false

// hasNoReader reports whether err means that the reader of a pipe or socket is gone.
func hasNoReader(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// openOutput opens a file for appending without waiting for anything. A FIFO is
// opened for reading too: then nobody else needs to, and its readers may come and go.
// Messages that find it full wait, and are dropped by the AsyncWriter.
func openOutput(name string, fifo bool) (*os.File, error) {
	const how = os.O_APPEND | syscall.O_NONBLOCK | syscall.O_NOCTTY
	if fifo {
		file, err := os.OpenFile(name, how|os.O_RDWR, 0)
		if errors.Is(err, fs.ErrPermission) { // may be written, not read: it needs a reader now
			file, err = os.OpenFile(name, how|os.O_WRONLY, 0)
		}
		if errors.Is(err, syscall.ENXIO) {
			err = errors.New("nobody reads this FIFO")
		}
		return file, err
	}
	return os.OpenFile(name, how|os.O_CREATE|os.O_WRONLY, fileMode)
}

// duplicate returns the process's own descriptor of that number, which may be a
// socket too. Opening /dev/stdout would begin to overwrite a file that it is
// redirected to.
func duplicate(descriptor int, name string) (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(descriptor), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, errors.New("is a descriptor that is not open")
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
		syscall.Close(fd)
		return nil, errors.New("is a descriptor that is open for reading only")
	}
	return os.NewFile(uintptr(fd), name), nil
}

// follow follows the symbolic links of a name. The descriptor is that of the process
// if the name stands for one (/dev/stdout, /dev/fd/3), otherwise -1.
func follow(name string) (path string, descriptor int) {
	path = name
	for range 40 { // as many as Linux follows
		if n, ok := descriptorOf(path); ok {
			return path, n
		}
		link, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(link) { // not cleaned: x/.. is not nothing where x is a link
			link = path[:len(path)-len(filepath.Base(path))] + link
		}
		path = link
	}
	return path, -1
}

// descriptorOf returns the descriptor that a path names.
func descriptorOf(path string) (n int, ok bool) {
	path = filepath.Clean(path)
	switch path {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, folder := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/"} {
		if number, found := strings.CutPrefix(path, folder); found {
			n, err := strconv.Atoi(number)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// takeOver gives a new file mode and owner of the one that it replaces, as far as
// this user may.
func takeOver(file *os.File, old fs.FileInfo) {
	_ = file.Chmod(old.Mode().Perm())
	if owner, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = file.Chown(int(owner.Uid), int(owner.Gid))
	}
}
