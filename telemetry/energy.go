package telemetry

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Energy is a reading of the CPU packages' energy counters (RAPL, through
// Linux's powercap): microjoules by zone. They wrap around: see Since.
type Energy map[string]EnergyCounter

// EnergyCounter is one package's counter.
type EnergyCounter struct {
	Microjoules uint64
	Range       uint64 // it wraps to 0 after this value
}

const powercap = "sys/class/powercap"

// ReadEnergy reads the counters of all CPU packages; root is the file system's
// root. The error explains to the user why there are none.
func ReadEnergy(root fs.FS) (Energy, error) {
	zones, err := fs.Glob(root, powercap+"/intel-rapl:*") // AMD's too
	if err != nil {
		return nil, err
	}
	energy := Energy{}
	for _, zone := range zones {
		// Other zones are parts of a package, or the whole board (psys).
		if name, err := readLine(root, path.Join(zone, "name")); err != nil || !strings.HasPrefix(name, "package") {
			continue
		}
		counter, err := readCounter(root, zone)
		if err != nil {
			return nil, err
		}
		energy[path.Base(zone)] = counter
	}
	if len(energy) == 0 {
		return nil, errors.New("this system has no energy counters of the CPU (RAPL in /" + powercap + ")")
	}
	return energy, nil
}

func readCounter(root fs.FS, zone string) (c EnergyCounter, err error) {
	for _, part := range []struct {
		file string
		to   *uint64
	}{{"energy_uj", &c.Microjoules}, {"max_energy_range_uj", &c.Range}} {
		name := path.Join(zone, part.file)
		text, err := readLine(root, name)
		if errors.Is(err, fs.ErrPermission) {
			return c, fmt.Errorf("only root may read the CPU's energy counter /%s: run as root", name)
		}
		if err != nil {
			return c, fmt.Errorf("the CPU's energy counter: %w", err)
		}
		if *part.to, err = strconv.ParseUint(text, 10, 64); err != nil {
			return c, fmt.Errorf("the CPU's energy counter /%s: %.40q is not a number", name, text)
		}
	}
	return c, nil
}

// Since returns the energy used since the earlier reading. It is correct unless
// a counter wrapped twice, which takes minutes. Unavailable if the zones differ.
func (e Energy) Since(earlier Energy) (joules Reading) {
	if len(e) == 0 || len(e) != len(earlier) {
		return Reading{}
	}
	var microjoules uint64
	for zone, now := range e {
		before, ok := earlier[zone]
		if !ok {
			return Reading{}
		}
		used := now.Microjoules - before.Microjoules
		if now.Microjoules < before.Microjoules {
			used += now.Range // the counter wrapped to 0; so did the subtraction
		}
		microjoules += used
	}
	return Known(float64(microjoules) / 1e6)
}

// readLine returns the text of a small file without surrounding spaces.
func readLine(root fs.FS, name string) (string, error) {
	text, err := fs.ReadFile(root, name)
	return strings.TrimSpace(string(text)), err
}
