package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"quarry/internal/atomicfile"
	"quarry/telemetry"
)

// schema is the number of the file's form. It grows when a key changes its meaning
// or goes.
const schema = 1

// maxFile bounds what is read: the file has less than a kilobyte.
const maxFile = 64 << 10

// content is the file's content.
type content struct {
	Schema int              `json:"schema"`
	Totals telemetry.Totals `json:"totals"`
}

var (
	errDamaged = errors.New("it is damaged")
	errNewer   = errors.New("it was written by a newer quarry")
	errNoFile  = errors.New("it is not a regular file")
)

// DefaultPath returns the file that is used unless another one is named.
func DefaultPath() (string, error) {
	if folder := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "quarry", "state.json"), nil
	}
	if runtime.GOOS == "windows" {
		folder, err := os.UserCacheDir() // %LocalAppData%
		return filepath.Join(folder, "quarry", "state.json"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "quarry", "state.json"), err
}

// load reads the totals; zero ones if there is no file. Devices and pipes are not
// opened: that may block.
func load(path string) (telemetry.Totals, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return telemetry.Totals{}, nil
	case err != nil:
		return telemetry.Totals{}, err
	case !info.Mode().IsRegular():
		return telemetry.Totals{}, errNoFile
	case info.Size() > maxFile:
		return telemetry.Totals{}, fmt.Errorf("%w: it has %d bytes", errDamaged, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return telemetry.Totals{}, err
	}
	return parse(text)
}

func parse(text []byte) (telemetry.Totals, error) {
	var form struct{ Schema int }
	if err := json.Unmarshal(text, &form); err != nil {
		return telemetry.Totals{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if form.Schema > schema {
		return telemetry.Totals{}, errNewer
	}
	var c content
	var given struct{ Totals map[string]any }
	if err := errors.Join(json.Unmarshal(text, &c), json.Unmarshal(text, &given)); err != nil {
		return telemetry.Totals{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	for _, key := range needed() {
		if given.Totals[key] == nil {
			return telemetry.Totals{}, fmt.Errorf("%w: %q is missing in totals", errDamaged, key)
		}
	}
	t := c.Totals
	for _, number := range []float64{t.Seconds, t.AcceptedDifficulty, t.BestDifficulty} {
		if number < 0 || number > maxNumber {
			return telemetry.Totals{}, fmt.Errorf("%w: a sum is %v", errDamaged, number)
		}
	}
	if c.Schema < 1 || t.Hashes > math.MaxUint64/2 {
		return telemetry.Totals{}, fmt.Errorf("%w: it has no schema, or impossible sums", errDamaged)
	}
	return t, nil
}

// needed returns the keys that files of this schema have had from the first one on:
// a sum that is missing would begin at zero unnoticed.
func needed() []string {
	return []string{
		"seconds", "hashes", "accepted", "rejected", "stale", "lost", "accepted_difficulty", "blocks_found", "best_difficulty",
	}
}

// maxNumber is above what any sum can reach, and small enough to add to.
const maxNumber = 1e90

// mostAside is how many damaged files are kept.
const mostAside = 5

// setAside renames a damaged file, so that somebody may look at it. The first ones,
// which are the most likely to have sums, stay; the last is replaced.
func setAside(path string) (aside string, err error) {
	aside = path + ".damaged"
	for n := 2; n <= mostAside; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s.damaged.%d", path, n)
	}
	return aside, os.Rename(path, aside)
}

// makeFolder makes the folder of the file. More than one that is missing is likely a
// typo, unless the place is not the user's choice.
func makeFolder(path string, all bool) error {
	folder := filepath.Dir(path)
	if all {
		return os.MkdirAll(folder, 0o700)
	}
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return nil
	}
	err := os.Mkdir(folder, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist): // another miner was faster
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %q: make it, or name another file with --state", filepath.Dir(folder))
	}
	return err
}

// store replaces the file.
func store(path string, totals telemetry.Totals) error {
	text, err := json.MarshalIndent(content{schema, totals}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'), 0o600)
}
