package tune

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSave: the newest entry of a key is found, old ones are dropped, and no other
// user may read the file.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "kernels.json")
	if found, err := load(path, Key{}); found != nil || err != nil {
		t.Errorf("no file: %v, %v", found, err)
	}
	rated := func(threads int, rate float64) entry {
		return entry{Key: Key{Threads: threads}, Measured: time.Unix(1000, 0).UTC(), Kernels: []Finding{{Kernel: "a", Plain: rate, Rolled: 2 * rate}}}
	}
	for n := range maxEntries + 8 {
		if err := save(path, rated(n, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := save(path, rated(20, 7)); err != nil {
		t.Fatal(err)
	}
	for threads, want := range map[int]float64{20: 7, 21: 1, maxEntries + 7: 1, 0: 0} {
		found, err := load(path, Key{Threads: threads})
		if err != nil || (len(found) > 0) != (want > 0) || want > 0 && (found[0].Plain != want || found[0].Rolled != 2*want) {
			t.Errorf("%d threads: %+v, %v; want %v", threads, found, err, want)
		}
	}
	if found, _ := load(path, Key{Threads: 20, Quarry: "later"}); found != nil {
		t.Error("another build's entry was taken")
	}
	if entries, err := readEntries(path); err != nil || len(entries) != maxEntries {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("file mode %v, %v", info.Mode(), err)
	}
}

func TestFileThatCannotBeTrusted(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "cut": `{"schema":2,"entries":[`, "other schema": `{"schema":1,"entries":[]}`, "unknown field": `{"schema":2,"entries":[],"x":1}`,
		"more": `{"schema":2,"entries":[]} {}`, "negative": `{"schema":2,"entries":[{"kernels":[{"kernel":"a","plain_hashes_per_second":-1}]}]}`,
		"no name": `{"schema":2,"entries":[{"kernels":[{"kernel":""}]}]}`, "twice": `{"schema":2,"entries":[{"kernels":[{"kernel":"a"},{"kernel":"a"}]}]}`,
		"large": `{"schema":2,"entries":[]}` + strings.Repeat(" ", maxFileBytes), "huge": `{"schema":2,"entries":[{"kernels":[{"kernel":"a","plain_hashes_per_second":1e300}]}]}`,
	} {
		path := filepath.Join(t.TempDir(), "kernels.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := load(path, Key{}); err == nil || found != nil {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, err := load(t.TempDir(), Key{}); err == nil {
		t.Error("a folder is taken for the file")
	}
	if os.PathSeparator == '/' {
		path := filepath.Join(t.TempDir(), "kernels.json")
		if err := errors.Join(os.WriteFile(path, []byte(`{"schema":2,"entries":[]}`), 0o600), os.Chmod(path, 0o666)); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path, Key{}); err == nil {
			t.Error("a file that everybody may write is trusted")
		}
	}
}

func TestOrder(t *testing.T) {
	found := []Finding{{Kernel: "b", Plain: 1, Rolled: 9}, {Kernel: "c", Plain: 3, Rolled: 3}, {Kernel: "d", Plain: 99, Rolled: 99, Fault: "wrong"}}
	for rolling, want := range map[bool][]string{true: {"b", "c", "a", "d"}, false: {"c", "b", "a", "d"}} {
		list := kernelsNamed("a", "b", "c", "d")
		if got := names(Order(list, found, rolling)); !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
		if list[0].Name != "a" {
			t.Error("Order changes its input")
		}
	}
}

func FuzzParseEntries(f *testing.F) {
	f.Add([]byte(`{"schema":2,"entries":[{"cpu":"x","threads":2,"measured":"2026-11-25T00:00:00Z","kernels":[{"kernel":"a","plain_hashes_per_second":1}]}]}`))
	f.Add([]byte(`{"schema":2,"entries":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := parseEntries(text)
		if err != nil {
			return
		}
		for _, e := range entries {
			if got := Order(kernelsNamed("a", "b"), e.Kernels, true); len(got) != 2 {
				t.Errorf("%+v gives %v", e, got)
			}
		}
	})
}
