package logsink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// FileOptions say which file is written and when it is rotated.
type FileOptions struct {
	Name     string
	MaxSize  int64     // bytes at which a regular file is rotated
	MaxFiles int       // rotated files that are kept
	Screen   io.Writer // if this is a regular file, the log file must be another one
	Report   Report    // what goes wrong, once for each cause; called from Write
}

// File is a log file. Only a regular file is rotated: it is renamed, and a new one
// takes its name. Whatever else has the name (a device, a FIFO, standard output) is
// written to as it is. When a file cannot be renamed, because it is mounted into a
// container for instance, it is written to beyond its limit.
//
// A file that was deleted, moved away or replaced is opened again by name, so that
// several programs may write to one file, whoever rotates it.
//
// Write and Close are called from one goroutine.
type File struct {
	options FileOptions
	reopen  atomic.Bool // asked for by Reopen

	file  *os.File // nil before the first message and after a failure on Windows
	lines *Lines   // to file
	info  fs.FileInfo
	path  string // of a file to be rotated: the name without symbolic links; "" for others
	named bool   // the file is what its name says, not a descriptor that the process was given
	size  int64

	failing  map[string]bool // the messages that were reported and still hold
	retry    time.Time       // when to rotate or reopen again after a failure
	rename   func(from, to string) error
	now      func() time.Time
	pruneNow bool // once, at the start
}

const (
	fileMode   = 0o600
	folderMode = 0o750
	fileRetry  = 10 * time.Minute // between attempts at what failed: renaming, opening again
)

// OpenFile opens the file, so that one that cannot be written is found at the start.
// It never waits, not for the reader of a FIFO either. It makes the file's folder,
// but not more than one.
func OpenFile(o FileOptions) (*File, error) {
	f := &File{options: o, failing: map[string]bool{}, rename: os.Rename, now: time.Now, pruneNow: true}
	err := f.open(nil)
	if err == nil && f.path != "" && sameFile(o.Screen, f.info) {
		f.Close()
		err = errors.New("is what standard output is written to already")
	}
	if err != nil {
		return nil, fmt.Errorf("log file %q %w", o.Name, err)
	}
	return f, nil
}

func sameFile(w io.Writer, info fs.FileInfo) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	other, err := file.Stat()
	return err == nil && os.SameFile(other, info)
}

// Name returns the name that the file was opened with.
func (f *File) Name() string { return f.options.Name }

// Reopen has the next message open the file again by name. Any goroutine may call
// it.
func (f *File) Reopen() { f.reopen.Store(true) }

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// Write writes one or more whole lines.
func (f *File) Write(p []byte) (int, error) {
	if err := f.prepare(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := f.lines.Write(p)
	f.size += int64(n)
	return n, err
}

// prepare opens or rotates the file if that is necessary before n more bytes.
func (f *File) prepare(n int64) error {
	again := f.reopen.Swap(false)
	if f.file != nil && (again || f.replaced()) && (again || !f.now().Before(f.retry)) {
		f.try("log file cannot be opened again", f.open(nil))
	}
	if f.file == nil {
		if err := f.open(nil); err != nil {
			return err
		}
	}
	if f.path == "" {
		return nil
	}
	if f.pruneNow {
		f.pruneNow = false
		prune(f.path, f.options.MaxFiles)
	}
	if f.size > 0 && f.size+n > f.options.MaxSize && !f.now().Before(f.retry) {
		f.try("log file cannot be rotated", f.rotate())
	}
	if f.file == nil {
		return f.open(nil)
	}
	return nil
}

// try reports a failure once, until there was a success, and puts the next attempt
// off.
func (f *File) try(message string, err error) {
	if err == nil {
		delete(f.failing, message)
		return
	}
	f.retry = f.now().Add(fileRetry)
	if !f.failing[message] {
		f.failing[message] = true
		f.options.Report(message, zap.String("file", f.options.Name), zap.String("error", plainError(err)))
	}
}

// replaced reports whether the name is no longer that of the open file, and notes
// the file's size. What never was a regular file is not made one.
func (f *File) replaced() bool {
	if !f.named {
		return false
	}
	info, err := os.Stat(f.options.Name)
	if err != nil {
		return !errors.Is(err, fs.ErrPermission) && f.info.Mode().IsRegular()
	}
	if !os.SameFile(info, f.info) {
		return true
	}
	f.size = info.Size()
	return false
}

// open opens the file by name in place of the one that is open, which stays if that
// fails. A new file gets mode and owner of like, if that is not nil.
func (f *File) open(like fs.FileInfo) error {
	target, descriptor := follow(f.options.Name)
	file, err := openTarget(f.options.Name, descriptor)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = refuse(info)
	}
	if err != nil {
		file.Close()
		return err
	}
	f.Close()
	f.file, f.info, f.size, f.named = file, info, info.Size(), descriptor < 0
	f.lines, f.path = &Lines{out: file}, ""
	if !f.named || !info.Mode().IsRegular() {
		return nil
	}
	f.lines.torn = endsTorn(target, f.size)
	if there, err := os.Stat(target); err == nil && os.SameFile(there, info) {
		f.path = target
	}
	if like != nil && f.size == 0 {
		takeOver(file, like)
	}
	return nil
}

// openTarget opens the name, or duplicates the descriptor that it stands for.
func openTarget(name string, descriptor int) (*os.File, error) {
	if descriptor >= 0 {
		return duplicate(descriptor, name)
	}
	info, err := os.Stat(name)
	switch {
	case err == nil:
		if err := refuse(info); err != nil {
			return nil, err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(filepath.Dir(name), folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("is in a folder that cannot be made: %s", plainError(err))
		}
	}
	file, err := openOutput(name, err == nil && info.Mode()&fs.ModeNamedPipe != 0)
	if err != nil {
		return nil, fmt.Errorf("cannot be written: %s", plainError(err))
	}
	return file, nil
}

// endsTorn reports whether a file that is not empty ends within a line.
func endsTorn(path string, size int64) bool {
	if size == 0 {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	last := make([]byte, 1)
	_, err = file.ReadAt(last, size-1)
	return err == nil && last[0] != '\n'
}

// plainError returns what failed without the names of files, which are told anyway.
func plainError(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}
