package telemetry

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// This file finds the CPU's temperature sensor among those of Linux, and reads no other one: reading the sensor of
// a disk (nvme, drivetemp) wakes the disk or keeps it awake, and that of a board chip can take a tenth of a second.

const (
	hwmonFolder   = "sys/class/hwmon"
	thermalFolder = "sys/class/thermal"
	maxSensors    = 1024 // that are kept: a core each, at most
)

// sensor is one temperature of the CPU.
type sensor struct {
	key      string // driver and label: "k10temp_tctl"
	rank     int
	name     string // file with the driver's name
	label    string // file with the sensor's label
	input    string // file with the temperature, in thousandths of a degree Celsius
	critical Reading
}

// thermometer reads the CPU's temperature. One goroutine at a time may use it.
type thermometer struct {
	root  fs.FS    // the file system's
	known []sensor // those that are read; empty until found
}

// read returns the hottest of the CPU's sensors. It searches for them first, and again once one of them is gone:
// numbers change when a driver is loaded again, and may then be another device's.
func (t *thermometer) read() (hottest sensor, celsius float64, err error) {
	for range 2 {
		if len(t.known) == 0 {
			t.known = findSensors(t.root)
		}
		moved := slices.ContainsFunc(t.known, func(s sensor) bool { return !s.same(t.root) })
		if !moved {
			break
		}
		t.known = nil
	}
	for _, s := range t.known {
		if c, ok := s.read(t.root); ok && c > celsius {
			hottest, celsius = s, c
		}
	}
	if celsius == 0 {
		t.known = nil
		return hottest, 0, errors.New("no sensor of the CPU's temperature")
	}
	return hottest, celsius, nil
}

// same reports whether the files still belong to this sensor.
func (s *sensor) same(root fs.FS) bool { return sensorKey(root, s.name, s.label) == s.key }

// read returns the temperature in degrees Celsius. Disconnected sensors read 0, -128 or 255.
func (s *sensor) read(root fs.FS) (celsius float64, ok bool) {
	c := readDegrees(root, s.input)
	return c.Value, c.OK && c.Value >= 1 && c.Value < 150
}

func readDegrees(root fs.FS, name string) Reading {
	text, err := readLine(root, name)
	if err != nil {
		return Reading{}
	}
	thousandths, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return Reading{}
	}
	return Known(float64(thousandths) / 1000)
}

// findSensors returns the sensors of the best kind that has a temperature now. Of other devices it reads nothing
// but the name.
func findSensors(root fs.FS) []sensor {
	all := hwmonSensors(root)
	for _, folder := range subfolders(root, thermalFolder, "thermal_zone") {
		name := path.Join(folder, "type")
		all = appendSensor(root, all, name, "", path.Join(folder, "temp"))
	}
	slices.SortStableFunc(all, func(a, b sensor) int { return cmp.Compare(a.rank, b.rank) })
	for _, best := range all {
		if _, ok := best.read(root); !ok {
			continue
		}
		kind := slices.DeleteFunc(all, func(s sensor) bool { return s.rank != best.rank })
		for i := range kind {
			kind[i].critical = criticalOf(root, kind[i].input)
		}
		return kind[:min(len(kind), maxSensors)]
	}
	return nil
}

func hwmonSensors(root fs.FS) (all []sensor) {
	for _, folder := range subfolders(root, hwmonFolder, "hwmon") {
		for _, place := range []string{folder, path.Join(folder, "device")} { // the second one before Linux 3.15
			name := path.Join(place, "name")
			driver := sensorKey(root, name, "")
			if driver == "" {
				continue
			}
			if !mayBeCPU(driver) {
				break
			}
			inputs, _ := fs.Glob(root, path.Join(place, "temp*_input"))
			for _, input := range inputs {
				label := strings.TrimSuffix(input, "input") + "label"
				all = appendSensor(root, all, name, label, input)
			}
			if len(inputs) > 0 {
				break
			}
		}
	}
	return all
}

func appendSensor(root fs.FS, all []sensor, name, label, input string) []sensor {
	key := sensorKey(root, name, label)
	if rank := sensorRank(key); rank >= 0 {
		return append(all, sensor{key: key, rank: rank, name: name, label: label, input: input})
	}
	return all
}

// criticalOf returns the temperature at which the CPU shuts down, in degrees Celsius.
func criticalOf(root fs.FS, input string) Reading {
	critical, found := strings.CutSuffix(input, "input")
	if !found {
		return Reading{}
	}
	c := readDegrees(root, critical+"crit")
	if c.OK && c.Value > 0 && c.Value < 200 {
		return c
	}
	return Reading{}
}

// subfolders returns the folders whose name has the prefix, in the order of their numbers.
func subfolders(root fs.FS, folder, prefix string) (list []string) {
	entries, _ := fs.ReadDir(root, folder)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) {
			list = append(list, path.Join(folder, entry.Name()))
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return list
}

// sensorKey returns the driver's name and the sensor's label in lower case, joined: "coretemp_package_id_0". It is
// empty without a name. Most sensors have a label.
func sensorKey(root fs.FS, name, label string) string {
	key, err := readLine(root, name)
	if err != nil || key == "" {
		return ""
	}
	if label != "" {
		if text, err := readLine(root, label); err == nil && text != "" {
			key += " " + text
		}
	}
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(cleanName(key)))
}

// sensorKind is a kind of CPU sensor.
type sensorKind struct{ driver, label, part string }

// sensorKinds are the kinds, from the CPU package down to its parts: the beginning of the driver's name and of the
// label, and what else the key has. acpitz and board chips are left out because they often show a constant.
func sensorKinds() []sensorKind {
	return []sensorKind{
		{"coretemp", "package", ""},  // Intel
		{"coretemp", "physical", ""}, // Intel, old Linux
		{"k10temp", "tdie", ""},      // AMD: the true temperature
		{"zenpower", "tdie", ""},
		{"k10temp", "tctl", ""}, // AMD: for fan control, on some models with an offset
		{"zenpower", "tctl", ""},
		{"k10temp", "", ""},
		{"zenpower", "", ""},
		{"x86_pkg_temp", "", ""},
		{"cpu", "", "therm"},     // arm64: cpu_thermal, cpu0_thermal, cpuss0_thermal, cpu_therm
		{"bigcore", "", "therm"}, // Rockchip
		{"cluster", "", "therm"},
		{"package", "", "therm"},
		{"soc", "", "therm"},
		{"coretemp", "", ""}, // single cores
		{"via_cputemp", "", ""},
		{"thinkpad", "cpu", ""},
		{"dell_smm", "cpu", ""},
	}
}

// sensorRank returns the place of the sensor's kind; -1 means not one of a CPU.
func sensorRank(key string) int {
	return slices.IndexFunc(sensorKinds(), func(k sensorKind) bool {
		rest, is := strings.CutPrefix(key, k.driver)
		if k.label != "" {
			rest, is = strings.CutPrefix(key, k.driver+"_"+k.label)
		}
		return is && strings.Contains(rest, k.part)
	})
}

// mayBeCPU reports whether a driver of that name has sensors of the CPU.
func mayBeCPU(driver string) bool {
	return slices.ContainsFunc(sensorKinds(), func(k sensorKind) bool {
		return strings.HasPrefix(driver, k.driver) && strings.Contains(driver, k.part)
	})
}
