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
	if err := json.Unmarshal(text, &c); err != nil {
		return telemetry.Totals{}, fmt.Errorf("%w: %w", errDamaged, err)
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

// maxNumber is above what any sum can reach, and small enough to add to.
const maxNumber = 1e90

// store replaces the file.
func store(path string, totals telemetry.Totals) error {
	text, err := json.MarshalIndent(content{schema, totals}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'), 0o600)
}
