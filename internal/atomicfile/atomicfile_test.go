package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWrite replaces a file, also by way of a link, which stays; a device is written
// to, and a folder refused.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, link, device := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "device")
	if err := errors.Join(os.Symlink(file, link), os.Symlink(os.DevNull, device)); err != nil {
		t.Skip("this system makes no symbolic links: ", err)
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

// TestMountedFile: a file that is mounted into a container cannot be replaced, and is
// written.
func TestMountedFile(t *testing.T) {
	if file := os.Getenv("MOUNTED_FILE"); file != "" { // in the namespace
		if err := Write(file, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if exec.Command("unshare", "-m", "true").Run() != nil {
		t.Skip("needs a mount namespace: Linux, as root")
	}
	dir := t.TempDir()
	real, mounted := filepath.Join(dir, "real"), filepath.Join(dir, "mounted")
	if err := errors.Join(os.WriteFile(real, []byte("old and longer"), 0o600), os.WriteFile(mounted, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	inside := exec.Command("unshare", "-m", "sh", "-c", `mount --bind "$0" "$1" && exec "$2" -test.run '^TestMountedFile$'`, real, mounted, os.Args[0])
	inside.Env = append(os.Environ(), "MOUNTED_FILE="+mounted)
	if out, err := inside.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	entries, _ := os.ReadDir(dir)
	if text, err := os.ReadFile(real); string(text) != "new" || len(entries) != 2 {
		t.Errorf("%q, %v, in %v", text, err, entries)
	}
}

// TestErrorLeavesTheOldFile: an error leaves the old content, and no temporary file.
func TestErrorLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if irreplaceable(syscall.ENOSPC) || irreplaceable(nil) {
		t.Error("a full disk would cost the old content")
	}
	if err := Write(filepath.Join(file, "below"), []byte("x"), 0o600); err == nil {
		t.Error("a file is no folder")
	}
	entries, _ := os.ReadDir(dir)
	if text, err := os.ReadFile(file); string(text) != "old" || len(entries) != 1 {
		t.Errorf("%q, %v, in %v", text, err, entries)
	}
}
