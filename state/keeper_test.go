package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"quarry/telemetry"
)

// session mines: it finds a share of each difficulty, which is accepted, and ends.
func session(t *testing.T, path string, difficulties ...float64) (telemetry.Snapshot, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	device := telemetry.NewDevice("cpu", 1)
	tm := telemetry.New(nil, device)
	k := Keep(path, tm, zap.New(core))
	for _, d := range difficulties {
		device.Worker(0).Add(1000)
		tm.Ledger.Accepted(tm.Ledger.Found(telemetry.FoundShare{Achieved: d, Assigned: 1, Pool: "tcp://a:1"}))
	}
	k.Close()
	return tm.Snapshot(), logs
}

// TestTotalsSurvive: the next session knows what the earlier ones did.
func TestTotalsSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "state.json")
	first, logs := session(t, path, 3, 9, 5)
	if ever := first.Ever; ever == nil || ever.Accepted != 3 || ever.Hashes != 3000 || ever.BestDifficulty != 9 || logs.Len() != 0 {
		t.Fatalf("after the first session %+v, said %v", first.Ever, logs.All())
	}
	second, logs := session(t, path, 4)
	ever := second.Ever
	if ever.Accepted != 4 || ever.Hashes != 4000 || ever.BestDifficulty != 9 || ever.BestPool != "tcp://a:1" || !ever.BestAt.Equal(first.Shares.BestAt) || ever.AcceptedDifficulty != 4 {
		t.Errorf("after the second session %+v", ever)
	}
	if said := logs.FilterMessage("totals of all sessions so far").All(); len(said) != 1 || said[0].ContextMap()["best_difficulty"] != 9.0 {
		t.Errorf("said %v", logs.All())
	}
	third, _ := session(t, path, 11)
	if third.Ever.BestDifficulty != 11 || third.Ever.Begun.Sub(first.StartedAt).Abs() > time.Second {
		t.Errorf("after the third session %+v", third.Ever)
	}
}

// TestTwoMiners: those that share a file add up, and each sees the sum.
func TestTwoMiners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				session(t, path, 1, 2)
			}
		})
	}
	all.Wait()
	if got, err := load(path); err != nil || got.Accepted != 40 || got.Hashes != 40000 {
		t.Errorf("%+v, %v", got, err)
	}
}

// whole is a file with the least that one has.
const whole = `{"schema":1,"totals":{"seconds":1,"hashes":2,"accepted":3,"rejected":4,"stale":5,"lost":6,` +
	`"accepted_difficulty":7,"blocks_found":8,"best_difficulty":9}}`

// TestBadFiles: whatever is there instead of the file, mining goes on, and it is said
// once.
func TestBadFiles(t *testing.T) {
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	for name, c := range map[string]struct {
		make func(path string) error
		say  string
		kept bool // afterwards the file has this session's totals
	}{
		"empty":          {write(""), "totals begin at zero", true},
		"torn":           {write(`{"schema":1,"totals":{"hash`), "totals begin at zero", true},
		"not ours":       {write(`{}`), "totals begin at zero", true},
		"negative":       {write(`{"schema":1,"totals":{"hashes":-5}}`), "totals begin at zero", true},
		"no totals":      {write(`{"schema":1}`), "totals begin at zero", true},
		"null":           {write(`{"schema":1,"totals":null}`), "totals begin at zero", true},
		"none in totals": {write(`{"schema":1,"totals":{}}`), "totals begin at zero", true},
		"wrong key":      {write(`{"schema":1,"Total":{"accepted":5}}`), "totals begin at zero", true},
		"sum misspelled": {write(strings.Replace(whole, `"accepted"`, `"acepted"`, 1)), "totals begin at zero", true},
		"sum is null":    {write(strings.Replace(whole, `"hashes":2`, `"hashes":null`, 1)), "totals begin at zero", true},
		"absurd":         {write(`{"schema":1,"totals":{"seconds":1e300}}`), "totals begin at zero", true},
		"huge":           {write(strings.Repeat(" ", maxFile+1)), "totals begin at zero", true},
		"newer":          {write(`{"schema":2,"totals":"else"}`), "totals are not kept", false},
		"folder":         {func(path string) error { return os.Mkdir(path, 0o700) }, "totals are not kept", false},
		"folder missing": {func(path string) error { return os.WriteFile(filepath.Dir(path), nil, 0o600) }, "totals are not kept", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.json")
			if name == "folder missing" {
				path = filepath.Join(t.TempDir(), "file", "state.json")
			}
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			s, logs := session(t, path, 7)
			if logs.Len() != 1 || logs.All()[0].Message != c.say || logs.All()[0].Level != zapcore.WarnLevel {
				t.Errorf("said %v", logs.All())
			}
			got, err := load(path)
			if c.kept && (err != nil || got.Accepted != 1 || s.Ever == nil || s.Ever.BestDifficulty != 7) {
				t.Errorf("kept %+v, %v; shown %+v", got, err, s.Ever)
			}
			if after, _ := os.ReadFile(path); !c.kept && (string(after) != string(before) || s.Ever != nil) {
				t.Errorf("the file became %q, shown is %+v", after, s.Ever)
			}
			if aside, _ := os.ReadFile(path + ".damaged"); c.kept && string(aside) != string(before) {
				t.Errorf("set aside: %q", aside)
			}
		})
	}
}

// TestLeastFile: no more keys than these are asked for.
func TestLeastFile(t *testing.T) {
	want := telemetry.Totals{
		Seconds: 1, Hashes: 2, Accepted: 3, Rejected: 4, Stale: 5, Lost: 6, AcceptedDifficulty: 7, BlocksFound: 8, BestDifficulty: 9,
	}
	if got, err := parse([]byte(whole)); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestManyDamages: the first copies stay.
func TestManyDamages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for n := range 7 {
		if err := os.WriteFile(path, []byte{byte('0' + n)}, 0o600); err != nil {
			t.Fatal(err)
		}
		session(t, path, 1)
	}
	copies, err := filepath.Glob(path + ".damaged*")
	if err != nil {
		t.Fatal(err)
	}
	var kept string
	for _, file := range copies { // in the order of names
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kept += string(text)
	}
	if kept != "01236" {
		t.Errorf("kept %s in %q", kept, copies)
	}
}

// TestMissingFolders: one is made, also later; more are not, unless quarry chose them.
func TestMissingFolders(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "no", "folder", "state.json")
	_, logs := session(t, path, 1)
	if all := logs.All(); len(all) != 1 || all[0].Message != "totals cannot be saved" || !strings.Contains(all[0].ContextMap()["error"].(string), "there is no folder") {
		t.Errorf("said %v", all)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 0 {
		t.Errorf("made %v, %v", made, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "no"), 0o700); err != nil {
		t.Fatal(err)
	}
	session(t, path, 1)
	if got, err := load(path); err != nil || got.Accepted != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "a", "b"))
	if session(t, Auto, 1); !exists(filepath.Join(dir, "a", "b", "quarry", "state.json")) {
		t.Error("the standard folder is not made")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestUnwritable: what was saved is still known, and the failure is said once.
func TestUnwritable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	session(t, path, 5)
	if err := os.Mkdir(path+".lock.d", 0o700); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.InfoLevel)
	k := &Keeper{path: path, telemetry: telemetry.New(nil), log: zap.New(core)}
	k.open()
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".lock.d", path+".lock"); err != nil { // a folder cannot be locked, also not by root
		t.Fatal(err)
	}
	for range 3 {
		k.save(telemetry.Totals{Hashes: 10})
	}
	if said := logs.FilterMessage("totals cannot be saved").Len(); said != 1 || k.telemetry.Snapshot().Ever.BestDifficulty != 5 {
		t.Errorf("said %v, ever %+v", logs.All(), k.telemetry.Snapshot().Ever)
	}
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	k.save(telemetry.Totals{Hashes: 11})
	if got, err := load(path); err != nil || got.Hashes != 1011 || logs.FilterMessage("totals saved again").Len() != 1 {
		t.Errorf("%+v, %v, said %v", got, err, logs.All())
	}
}

// TestLock: a second holder has to wait, and gives up.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(path); !errors.Is(err, errLocked) {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	again, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestFileThatVanished: what it said is not lost.
func TestFileThatVanished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	session(t, path, 5)
	k := &Keeper{path: path, telemetry: telemetry.New(nil), log: zap.NewNop()}
	k.open()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	k.save(telemetry.Totals{Hashes: 1})
	if got, err := load(path); err != nil || got.Hashes != 1001 || got.BestDifficulty != 5 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestNone: nothing is kept, and nothing has to be checked for.
func TestNone(t *testing.T) {
	for _, path := range []string{"", None} {
		k := Keep(path, telemetry.New(nil), zap.NewNop())
		if k.Close(); k != nil {
			t.Errorf("%q keeps totals", path)
		}
	}
}

// TestDefaultPath: XDG_STATE_HOME counts if it is absolute.
func TestDefaultPath(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", filepath.Join(t.TempDir(), "x"))
	if path, err := DefaultPath(); err != nil || path != filepath.Join(os.Getenv("XDG_STATE_HOME"), "quarry", "state.json") {
		t.Errorf("%s, %v", path, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", t.TempDir())
	if path, err := DefaultPath(); err != nil || !filepath.IsAbs(path) || strings.Contains(path, "relative") {
		t.Errorf("%s, %v", path, err)
	}
}

// TestStamp: an unknown time is no text.
func TestStamp(t *testing.T) {
	if Stamp(time.Time{}) != "" || !strings.HasPrefix(Stamp(time.Unix(1e9, 0)), "2001-09-0") {
		t.Errorf("%q, %q", Stamp(time.Time{}), Stamp(time.Unix(1e9, 0)))
	}
}
