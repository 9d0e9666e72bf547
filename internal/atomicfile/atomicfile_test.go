package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestWrite replaces a file, also by way of a link, which stays; a device is written
// to, and a folder refused.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, link, device := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "device")
	if err := errors.Join(os.Symlink(file, link), os.Symlink(os.DevNull, device)); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{file, link, device} {
		if err := Write(name, []byte("in "+filepath.Base(name)), 0o600); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "in link" {
		t.Errorf("%q, %v", text, err)
	}
	for _, name := range []string{link, device} {
		if info, err := os.Lstat(name); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v, %v", name, info, err)
		}
	}
	if err := Write(dir, nil, 0o600); err == nil {
		t.Error("a folder was written")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("left %v", entries)
	}
}
