package logsink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tested is a log file with a clock of its own and what it reported.
type tested struct {
	*File
	said *reports
	at   time.Time
}

func openTested(t *testing.T, name string, size int64, files int) *tested {
	t.Helper()
	f := &tested{said: &reports{}, at: time.Date(2026, 11, 27, 18, 31, 59, 0, time.UTC)}
	var err error
	if f.File, err = OpenFile(FileOptions{Name: name, MaxSize: size, MaxFiles: files, Report: f.said.report}); err != nil {
		t.Fatal(err)
	}
	f.now = func() time.Time { return f.at }
	t.Cleanup(func() { f.Close() })
	return f
}

func (f *tested) lines(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if _, err := fmt.Fprintln(f, line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		f.at = f.at.Add(time.Second)
	}
}

// folder returns the folder's regular files and their content.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text := entry.Type().String()
		if entry.Type().IsRegular() {
			text = read(t, filepath.Join(dir, entry.Name()))
		}
		files[entry.Name()] = text
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wantFolder(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := folder(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestRotation: a full file is renamed with its time, as before, so that backups of
// earlier versions, compressed ones too, count when the oldest are removed.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"rig-2025-01-01T00-00-00.000.log", "rig-2025-01-02T00-00-00.000.log.gz", "rig-2025.log", "other-2025-01-01T00-00-00.000.log"} {
		os.WriteFile(filepath.Join(dir, name), nil, 0o600)
	}
	f := openTested(t, filepath.Join(dir, "rig.log"), 10, 2)
	f.lines(t, "1234", "5678", "abcd", "longer than the limit", "efgh")
	wantFolder(t, dir, map[string]string{
		"rig.log":                         "efgh\n",
		"rig-2026-11-27T18-32-03.000.log": "longer than the limit\n",
		"rig-2026-11-27T18-32-02.000.log": "abcd\n",
		"rig-2025.log":                    "", "other-2025-01-01T00-00-00.000.log": "",
	})
	if info, err := os.Stat(f.Name()); err != nil || info.Mode().Perm() != 0o600 && closedForRename == false {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if len(f.said.lines) > 0 {
		t.Errorf("said %q", f.said.lines)
	}
}

// TestRotationReplacesNothing: a backup of the same millisecond stays, and a new
// file keeps the mode of the old one.
func TestRotationReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	f := openTested(t, filepath.Join(dir, "log"), 5, 10)
	os.WriteFile(filepath.Join(dir, "log-2026-11-27T18-32-00.000"), []byte("kept"), 0o600)
	os.Chmod(f.Name(), 0o640)
	f.lines(t, "1234", "5678")
	wantFolder(t, dir, map[string]string{"log": "5678\n", "log-2026-11-27T18-32-00.000": "kept", "log-2026-11-27T18-32-00.001": "1234\n"})
	if info, _ := os.Stat(f.Name()); !closedForRename && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want that of the old file", info.Mode())
	}
}

// TestCannotRotate: a file that cannot be renamed, or after whose renaming no new one
// can be made, is written to beyond its limit. There is one warning, also after a
// restart, and a new attempt every ten minutes.
func TestCannotRotate(t *testing.T) {
	for name, fail := range map[string]func(f *tested){
		"rename": func(f *tested) {
			f.rename = func(from, to string) error {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: errors.New("busy")}
			}
		},
		"no new file": func(f *tested) { // a folder takes the name
			f.rename = func(from, to string) error {
				if from == f.Name() {
					return errors.Join(os.Rename(from, to), os.Mkdir(f.Name(), 0o700))
				}
				return errors.Join(os.Remove(f.Name()), os.Rename(from, to))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rig.log")
			want := ""
			for range 2 { // the second one finds the file full
				f := openTested(t, file, 10, 3)
				tries := 0
				fail(f)
				failing := f.rename
				f.rename = func(from, to string) error {
					if from == f.Name() {
						tries++
					}
					return failing(from, to)
				}
				for i := range 20 {
					f.lines(t, fmt.Sprint("line ", i))
					want += fmt.Sprint("line ", i, "\n")
				}
				if got := read(t, file); got != want {
					t.Errorf("in the file: %q, want %q", got, want)
				}
				if n := f.said.count("log file cannot be rotated"); n != 1 || len(f.said.lines) != 1 || tries != 1 {
					t.Errorf("tried %d times, said %q", tries, f.said.lines)
				}
				f.at = f.at.Add(fileRetry)
				f.lines(t, "again")
				want += "again\n"
				if f.lines(t, "again"); tries != 2 || len(f.said.lines) != 1 {
					t.Errorf("after ten minutes: tried %d times, said %q", tries, f.said.lines)
				}
				want += "again\n"
				f.rename = os.Rename
				f.at = f.at.Add(fileRetry)
				if f.lines(t, "at last"); read(t, file) != "at last\n" {
					t.Errorf("once it can be renamed: %q", read(t, file))
				}
				f.Close()
				os.WriteFile(file, []byte(want), 0o600)
			}
		})
	}
}

// TestFileIsFollowedByName: a file that was deleted, moved or replaced while it was
// open is opened again, and so is its folder; SIGHUP and rotation go together.
func TestFileIsFollowedByName(t *testing.T) {
	if closedForRename {
		t.Skip("an open file cannot be moved on Windows")
	}
	dir := filepath.Join(t.TempDir(), "logs")
	name := filepath.Join(dir, "rig.log")
	f := openTested(t, name, 1000, 3) // makes the folder
	f.lines(t, "first")
	os.Remove(name)
	f.lines(t, "after deleting")
	if got := read(t, name); got != "after deleting\n" {
		t.Errorf("after deleting: %q", got)
	}
	os.RemoveAll(dir)
	f.lines(t, "after deleting all")
	os.Rename(name, name+".1")
	f.lines(t, "after moving")
	f.Reopen()
	f.lines(t, "after reopening")
	os.Truncate(name, 0) // logrotate's copytruncate
	f.lines(t, "after cutting")
	wantFolder(t, dir, map[string]string{"rig.log": "after cutting\n", "rig.log.1": "after deleting all\n"})

	os.Rename(dir, dir+"2")
	os.WriteFile(dir, nil, 0o600) // no folder can take its place
	f.lines(t, "kept", "kept too")
	if got := read(t, filepath.Join(dir+"2", "rig.log")); !strings.HasSuffix(got, "kept\nkept too\n") || f.said.count("cannot be opened again") != 1 {
		t.Errorf("with the folder gone: %q, said %q", got, f.said.lines)
	}
	f.Reopen()
	f.lines(t, "third")
	if f.said.count("cannot be opened again") != 1 {
		t.Errorf("said %q", f.said.lines)
	}
}

// TestTwoWriters: two miners may share a file, and neither loses a line when the
// other rotates it.
func TestTwoWriters(t *testing.T) {
	if closedForRename {
		t.Skip("an open file cannot be renamed on Windows")
	}
	dir := t.TempDir()
	a, b := openTested(t, filepath.Join(dir, "rig.log"), 500, 1000), openTested(t, filepath.Join(dir, "rig.log"), 500, 1000)
	for i := range 200 {
		a.lines(t, fmt.Sprint("a ", i))
		b.lines(t, fmt.Sprint("b ", i))
	}
	all := ""
	for name, text := range folder(t, dir) {
		if all += text; len(text) > 500 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
	if n := strings.Count(all, "\n"); n != 400 {
		t.Errorf("%d lines, want 400", n)
	}
}

// TestEndOfTheFile: a file whose last line was cut short, by a crash or a full disk,
// goes on with a line of its own.
func TestEndOfTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rig.log")
	os.WriteFile(name, []byte("whole\ncut sho"), 0o600)
	f := openTested(t, name, 1000, 3)
	f.lines(t, "next", "and next")
	if got := read(t, name); got != "whole\ncut sho\nnext\nand next\n" {
		t.Errorf("%q", got)
	}
}

// TestSymbolicLink: the file that a link leads to is rotated in its own folder, and
// the link stays.
func TestSymbolicLink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	link, file := filepath.Join(dir, "log"), filepath.Join(other, "rig.log")
	if err := os.Symlink(file, link); err != nil {
		t.Skip("this system makes no symbolic links: ", err)
	}
	f := openTested(t, link, 10, 3) // the file is not there yet
	f.lines(t, "12345678", "next")
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Fatalf("the link: %v, %v", info, err)
	}
	var names []string
	for name := range folder(t, other) {
		names = append(names, name)
	}
	if slices.Sort(names); read(t, file) != "next\n" || len(names) != 2 || len(folder(t, dir)) != 1 {
		t.Errorf("%q, and %q in %v", read(t, file), names, folder(t, dir))
	}
}

// TestRefusedFiles: what cannot be a log file is refused before anything is written,
// by the check of the settings as well as at the start.
func TestRefusedFiles(t *testing.T) {
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "file"), filepath.Join(dir, "folder")
	os.WriteFile(file, nil, 0o600)
	os.Mkdir(folder, 0o700)
	for name, want := range map[string]string{
		folder:                          "is a directory, not a file",
		filepath.Join(file, "x"):        "", // differs by system
		filepath.Join(dir, "a/b/c"):     "there is no folder",
		filepath.Join(dir, "a/b/c/d.l"): "there is no folder",
	} {
		err := CheckFile(name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check of %s: %v, want %s", name, err, want)
		}
		if f, err := OpenFile(FileOptions{Name: name}); err == nil {
			f.Close()
			t.Errorf("%s was opened", name)
		}
	}
	if err := CheckFile("-"); err == nil || !strings.Contains(err.Error(), "standard output gets the messages in any case") {
		t.Errorf("check of -: %v", err)
	}
	for _, name := range []string{"./-", filepath.Join(dir, "new"), filepath.Join(dir, "newfolder", "new"), file} {
		if err := CheckFile(name); err != nil {
			t.Errorf("check of %s: %v", name, err)
		}
	}
	if got := len(folderNames(t, dir)); got != 2 {
		t.Errorf("the check left %v", folderNames(t, dir))
	}
	screen, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if _, err := OpenFile(FileOptions{Name: file, Screen: screen}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("the file of standard output: %v", err)
	}
}

func folderNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	for name := range folder(t, dir) {
		names = append(names, name)
	}
	return names
}
