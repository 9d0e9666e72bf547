package logsink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// backupTime is the time, in UTC, in the names of rotated files:
// rig-2006-01-02T15-04-05.000.log of rig.log.
const backupTime = "2006-01-02T15-04-05.000"

// rotate renames the file and opens a new one. If either fails, everything stays as
// it was.
func (f *File) rotate() error {
	path := f.path
	old, err := f.file.Stat()
	if err != nil {
		return err
	}
	if closedForRename {
		f.Close()
	}
	backup := f.freeBackup(path)
	if err := f.rename(path, backup); err != nil {
		return err
	}
	if err := f.open(old); err != nil {
		return errors.Join(err, f.rename(backup, path))
	}
	prune(path, f.options.MaxFiles)
	return nil
}

// freeBackup returns the name for a file that is rotated now. It replaces nothing.
func (f *File) freeBackup(path string) string {
	for at := f.now().UTC(); ; at = at.Add(time.Millisecond) {
		before, after := backupParts(path)
		name := filepath.Join(filepath.Dir(path), before+at.Format(backupTime)+after)
		if _, err := os.Lstat(name); err != nil {
			return name
		}
	}
}

// backupParts returns what stands before and after the time in a backup's name.
func backupParts(path string) (before, after string) {
	base := filepath.Base(path)
	after = filepath.Ext(base)
	return strings.TrimSuffix(base, after) + "-", after
}

// prune removes the oldest rotated files, also ones that were compressed since, but
// for the newest keep. What cannot be removed stays.
func prune(path string, keep int) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	var backups []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && isBackup(entry.Name(), path) {
			backups = append(backups, entry.Name())
		}
	}
	slices.Sort(backups) // oldest first
	for _, name := range backups[:max(0, len(backups)-keep)] {
		_ = os.Remove(filepath.Join(filepath.Dir(path), name))
	}
}

func isBackup(name, path string) bool {
	before, after := backupParts(path)
	name, fits := strings.CutPrefix(name, before)
	if !fits {
		return false
	}
	if name, fits = strings.CutSuffix(strings.TrimSuffix(name, ".gz"), after); !fits {
		return false
	}
	_, err := time.Parse(backupTime, name)
	return err == nil
}

// CheckFile returns why messages cannot be written to a file of that name, nil if
// nothing speaks against it. It creates nothing and does not wait.
func CheckFile(name string) error {
	if name == "-" {
		return errors.New("is no file: standard output gets the messages in any case (a file of that name is ./-)")
	}
	if _, descriptor := follow(name); descriptor >= 0 {
		return nil
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return errors.New("cannot be written by this user")
		}
		return f.Close()
	case err == nil:
		return refuse(info)
	}
	// One missing folder will be created; more than one is likely a typo.
	folder := filepath.Dir(name)
	info, err = os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		folder = filepath.Dir(folder)
		info, err = os.Stat(folder)
	}
	if err != nil || !info.IsDir() {
		return errors.New("cannot be created: there is no folder " + Quote(folder))
	}
	return nil
}

// refuse returns why messages are not written to what has the name.
func refuse(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return errors.New("is a directory, not a file")
	case mode&fs.ModeSocket != 0:
		return errors.New("is a socket, which cannot be opened")
	case mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0:
		return errors.New("is a disk (a block device), and messages would overwrite it")
	}
	return nil
}
