package telemetry

import (
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"
)

func zone(name, energy, limit string) map[string]string {
	return map[string]string{"name": name + "\n", "energy_uj": energy + "\n", "max_energy_range_uj": limit + "\n"}
}

// tree makes files of zones, by their directories' names.
func tree(zones map[string]map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for dir, files := range zones {
		for file, text := range files {
			root["sys/class/powercap/"+dir+"/"+file] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return root
}

func TestReadEnergy(t *testing.T) {
	energy, err := ReadEnergy(tree(map[string]map[string]string{
		"intel-rapl":        {"name": "x"},
		"intel-rapl:0":      zone("package-0", "1000000", "262143328850"),
		"intel-rapl:0:0":    zone("core", "7", "262143328850"),
		"intel-rapl:1":      zone("package-1", "2000000", "262143328850"),
		"intel-rapl:2":      zone("psys", "9", "262143328850"),
		"intel-rapl-mmio:0": zone("package-0", "1000000", "262143328850"),
	}))
	if err != nil || len(energy) != 2 || energy["intel-rapl:1"] != (EnergyCounter{2000000, 262143328850}) {
		t.Errorf("%v, %v; want the two packages", energy, err)
	}
	for name, c := range map[string]struct {
		root fs.FS
		says string
	}{
		"none":     {fstest.MapFS{}, "no energy counters"},
		"nonsense": {tree(map[string]map[string]string{"intel-rapl:0": zone("package-0", "lots", "5")}), `"lots" is not a number`},
		"half":     {tree(map[string]map[string]string{"intel-rapl:0": {"name": "package-0", "energy_uj": "1"}}), "max_energy_range_uj"},
		"refused":  {refusing{tree(map[string]map[string]string{"intel-rapl:0": zone("package-0", "1", "5")})}, "only root may read"},
	} {
		if _, err := ReadEnergy(c.root); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.says)
		}
	}
}

// refusing is a file system whose energy counters only root may read.
type refusing struct{ fstest.MapFS }

func (r refusing) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "energy_uj") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return r.MapFS.Open(name)
}

func (r refusing) ReadFile(name string) ([]byte, error) {
	if strings.HasSuffix(name, "energy_uj") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return r.MapFS.ReadFile(name)
}

func TestEnergySince(t *testing.T) {
	a := Energy{"0": {1_000_000, 10_000_000}, "1": {9_500_000, 10_000_000}}
	b := Energy{"0": {3_500_000, 10_000_000}, "1": {500_000, 10_000_000}} // 1 went around
	if got := b.Since(a); !got.OK || math.Abs(got.Value-3.5) > 1e-9 {
		t.Errorf("%v joules, want 3.5", got)
	}
	for name, pair := range map[string][2]Energy{
		"nothing": {nil, nil}, "one gone": {b, {"0": {}}}, "another": {b, {"0": {}, "2": {}}},
	} {
		if got := pair[0].Since(pair[1]); got.OK {
			t.Errorf("%s: %v joules, want unavailable", name, got)
		}
	}
}

func TestReadThrottles(t *testing.T) {
	const cpu = "sys/devices/system/cpu/cpu"
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	got, ok := ReadThrottles(fstest.MapFS{
		cpu + "0/thermal_throttle/core_throttle_count":      file("3\n"),
		cpu + "0/thermal_throttle/package_throttle_count":   file("20\n"),
		cpu + "17/thermal_throttle/core_throttle_count":     file("4\n"),
		cpu + "1/thermal_throttle/core_throttle_count":      file("junk\n"),
		cpu + "1/thermal_throttle/core_throttle_max_count":  file("99\n"),
		cpu + "freq/thermal_throttle/core_throttle_count":   file("99\n"),
		cpu + "17/thermal_throttle/core_power_limit_count":  file("99\n"),
		cpu + "17/thermal_throttle/package_throttle_counts": file("99\n"),
	})
	if !ok || got != (Throttles{Core: 7, Package: 20}) {
		t.Errorf("%+v, %v; want 7 and 20", got, ok)
	}
	if got, ok := ReadThrottles(fstest.MapFS{}); ok || got != (Throttles{}) {
		t.Errorf("without counters: %+v, %v", got, ok)
	}
}
