package tune

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSave: the newest entry of a key is found, old ones are dropped, and no other
// user may read the file.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "kernels.json")
	if found, _, err := load(path, Key{}); found != nil || err != nil {
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
		found, _, err := load(path, Key{Threads: threads})
		if err != nil || (len(found) > 0) != (want > 0) || want > 0 && (found[0].Plain != want || found[0].Rolled != 2*want) {
			t.Errorf("%d threads: %+v, %v; want %v", threads, found, err, want)
		}
	}
	if found, guess, _ := load(path, Key{Threads: 20, Quarry: "later"}); found != nil || guess != nil {
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

// TestOtherThreads: another number of threads begins with the rates by the core, and
// nothing is measured before it hashes.
func TestOtherThreads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kernels.json")
	on := func(threads, cores int) Key { return Key{CPU: CPU{CPU: "x"}, Threads: threads, Cores: cores} }
	if err := save(path, entry{Key: on(2, 2), Kernels: []Finding{{Kernel: "a", Plain: 10, Rolled: 30}}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  Key
		want float64
	}{{on(1, 1), 5}, {on(8, 4), 20}, {on(99, 2), 10}, {Key{CPU: CPU{CPU: "y"}, Threads: 2, Cores: 2}, 0}} {
		known, guess, err := load(path, c.key)
		if err != nil || known != nil || (len(guess) > 0) != (c.want > 0) || c.want > 0 && (guess[0].Plain != c.want || guess[0].Rolled != 3*c.want) {
			t.Errorf("%+v: known %v, guess %v, %v; want %v", c.key, known, guess, err, c.want)
		}
	}
	unknown := on(99, 0)
	if got := unknown.wider(on(1, 1)); got != float64(min(99, runtime.NumCPU())) {
		t.Errorf("99 threads are %v times as wide as one, want no more than there are CPUs", got)
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
		if found, guess, err := load(path, Key{}); err == nil || guess != nil || found != nil {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, _, err := load(t.TempDir(), Key{}); err == nil {
		t.Error("a folder is taken for the file")
	}
	if os.PathSeparator == '/' {
		path := filepath.Join(t.TempDir(), "kernels.json")
		if err := errors.Join(os.WriteFile(path, []byte(`{"schema":2,"entries":[]}`), 0o600), os.Chmod(path, 0o666)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := load(path, Key{}); err == nil {
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
