package telemetry

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sysfs is a tree of sensors that records which files are opened.
type sysfs struct {
	fstest.MapFS
	opened map[string]int
}

func (s *sysfs) Open(name string) (fs.File, error) {
	s.opened[name]++
	return s.MapFS.Open(name)
}

// ReadFile hides MapFS's own, which does not pass Open.
func (s *sysfs) ReadFile(name string) ([]byte, error) {
	s.opened[name]++
	return s.MapFS.ReadFile(name)
}

// files returns the regular files that were opened, and forgets them.
func (s *sysfs) files() []string {
	var names []string
	for name := range s.opened {
		if f := s.MapFS[name]; f != nil && f.Mode.IsRegular() {
			names = append(names, name)
		}
	}
	clear(s.opened)
	return slices.Sorted(slices.Values(names))
}

func newSysfs(files map[string]string) *sysfs {
	s := &sysfs{MapFS: fstest.MapFS{}, opened: map[string]int{}}
	s.add(files)
	return s
}

func (s *sysfs) add(files map[string]string) {
	for name, text := range files {
		s.MapFS["sys/class/"+name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
}

// disks have sensors whose reading would wake them, next to a sensor that takes its time.
var disks = map[string]string{
	"hwmon/hwmon0/name": "nvme", "hwmon/hwmon0/temp1_input": "41850", "hwmon/hwmon0/temp1_label": "Composite",
	"hwmon/hwmon1/name": "drivetemp", "hwmon/hwmon1/temp1_input": "33000",
	"hwmon/hwmon2/name": "acpitz", "hwmon/hwmon2/temp1_input": "27800",
	"hwmon/hwmon3/name": "nct6798", "hwmon/hwmon3/temp1_input": "90000", "hwmon/hwmon3/temp1_label": "CPUTIN",
	"thermal/thermal_zone0/type": "acpitz", "thermal/thermal_zone0/temp": "27800",
	"thermal/thermal_zone1/type": "nvme-thermal", "thermal/thermal_zone1/temp": "55000",
	"thermal/cooling_device0/type": "Processor",
}

// TestOnlyTheCPUsSensorIsRead: the temperature of no other device is ever read, and once the CPU's sensor is
// known, no other file.
func TestOnlyTheCPUsSensorIsRead(t *testing.T) {
	root := newSysfs(disks)
	root.add(map[string]string{
		"hwmon/hwmon4/name":        "k10temp",
		"hwmon/hwmon4/temp1_input": "61500", "hwmon/hwmon4/temp1_label": "Tctl", "hwmon/hwmon4/temp1_crit": "95000",
		"hwmon/hwmon4/temp3_input": "70000", "hwmon/hwmon4/temp3_label": "Tccd1",
	})
	read := temperatureProbe(root)
	for range 3 {
		apply, err := read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var h Hardware
		if apply(&h); h.CPUCelsius != Known(61.5) || h.CriticalCelsius != Known(95) || h.TemperatureSensor != "k10temp_tctl" {
			t.Errorf("read %+v", h)
		}
		for _, name := range root.files() {
			if strings.HasSuffix(name, "_input") || strings.HasSuffix(name, "/temp") {
				if !strings.Contains(name, "hwmon4") {
					t.Errorf("%s was read", name)
				}
			}
		}
	}
	if _, err := read(t.Context()); err != nil {
		t.Fatal(err)
	}
	const cpu = "sys/class/hwmon/hwmon4/"
	if got, want := root.files(), []string{cpu + "name", cpu + "temp1_input", cpu + "temp1_label"}; !slices.Equal(got, want) {
		t.Errorf("a later reading opens %q, want %q", got, want)
	}
}

// TestNoSensorReadsNothing: where the CPU has no sensor, disks are left alone too.
func TestNoSensorReadsNothing(t *testing.T) {
	root := newSysfs(disks)
	read := temperatureProbe(root)
	for range 2 {
		if apply, err := read(t.Context()); err == nil || apply != nil {
			t.Errorf("a temperature from nothing: %v", err)
		}
	}
	for _, name := range root.files() {
		if !strings.HasSuffix(name, "/name") && !strings.HasSuffix(name, "/type") {
			t.Errorf("%s was read", name)
		}
	}
}

// TestSensorMoves: a driver that is loaded again gets another number, and its old one may be a disk's then.
func TestSensorMoves(t *testing.T) {
	const hwmon = "sys/class/hwmon/"
	root := newSysfs(map[string]string{"hwmon/hwmon0/name": "nvme", "hwmon/hwmon0/temp1_input": "41000",
		"hwmon/hwmon1/name": "coretemp", "hwmon/hwmon1/temp1_input": "50000", "hwmon/hwmon1/temp1_label": "Package id 0"})
	thermometer := thermometer{root: root}
	expect := func(what string, want float64) {
		t.Helper()
		if s, celsius, err := thermometer.read(); (err == nil) != (want > 0) || celsius != want {
			t.Errorf("%s: %+v %v, %v; want %v", what, s, celsius, err, want)
		}
		for _, name := range root.files() {
			if driver := root.MapFS[filepath.ToSlash(filepath.Dir(name))+"/name"]; strings.HasSuffix(name, "_input") && string(driver.Data) == "nvme\n" {
				t.Errorf("%s: %s was read", what, name)
			}
		}
	}
	expect("at first", 50)
	for name := range maps.Clone(root.MapFS) {
		if strings.HasPrefix(name, hwmon+"hwmon1") {
			delete(root.MapFS, name)
		}
	}
	expect("while the driver is away", 0)
	root.add(map[string]string{"hwmon/hwmon1/name": "nvme", "hwmon/hwmon1/temp1_input": "42000", "hwmon/hwmon1/temp1_label": "Composite",
		"hwmon/hwmon2/name": "coretemp", "hwmon/hwmon2/temp1_input": "52000", "hwmon/hwmon2/temp1_label": "Package id 0"})
	expect("loaded again", 52)
	root.add(map[string]string{"hwmon/hwmon2/name": "nvme", "hwmon/hwmon1/name": "coretemp", "hwmon/hwmon1/temp1_label": "Package id 0"})
	expect("numbers exchanged", 42)
	root.add(map[string]string{"hwmon/hwmon1/temp1_input": "0"})
	expect("a reading that is none", 0)
	root.add(map[string]string{"hwmon/hwmon1/temp1_input": "43000"})
	expect("and back", 43)
}

// TestSensorOfEachMachine: the package before its parts, the true temperature before that for fans, the hottest
// of several packages, and zones where hwmon has nothing.
func TestSensorOfEachMachine(t *testing.T) {
	hwmon := func(number, driver string, temperatures ...string) map[string]string {
		files := map[string]string{"hwmon/hwmon" + number + "/name": driver}
		for i, text := range temperatures { // "Tctl 61500"
			at := strings.LastIndex(text, " ")
			file := "hwmon/hwmon" + number + "/temp" + string(rune('1'+i))
			if files[file+"_input"] = text[at+1:]; at > 0 {
				files[file+"_label"] = text[:at]
			}
		}
		return files
	}
	zone := func(number, kind, value string) map[string]string {
		return map[string]string{"thermal/thermal_zone" + number + "/type": kind, "thermal/thermal_zone" + number + "/temp": value}
	}
	for name, row := range map[string]struct {
		files []map[string]string
		want  string // empty: none
		c     float64
	}{
		"intel":           {[]map[string]string{hwmon("5", "coretemp", "Core 0 70000", "Package id 0 65000")}, "coretemp_package_id_0", 65},
		"two sockets":     {[]map[string]string{hwmon("5", "coretemp", "Package id 0 65000"), hwmon("10", "coretemp", "Package id 1 71000")}, "coretemp_package_id_1", 71},
		"amd with tdie":   {[]map[string]string{hwmon("5", "k10temp", "Tctl 92000", "Tdie 65000", "Tccd1 70000")}, "k10temp_tdie", 65},
		"amd of old":      {[]map[string]string{hwmon("5", "k10temp", " 44000")}, "k10temp", 44},
		"zenpower":        {[]map[string]string{hwmon("5", "zenpower", "Tctl 66000")}, "zenpower_tctl", 66},
		"raspberry pi":    {[]map[string]string{hwmon("5", "rp1_adc", " 48000"), hwmon("6", "cpu_thermal", " 55000")}, "cpu_thermal", 55},
		"only a zone":     {[]map[string]string{zone("5", "cpu-thermal", "56000")}, "cpu_thermal", 56},
		"rockchip":        {[]map[string]string{zone("5", "gpu-thermal", "80000"), zone("6", "soc-thermal", "51000")}, "soc_thermal", 51},
		"package by zone": {[]map[string]string{zone("5", "x86_pkg_temp", "57000")}, "x86_pkg_temp", 57},
		"only cores":      {[]map[string]string{hwmon("5", "coretemp", "Core 0 60000", "Core 1 64000")}, "coretemp_core_1", 64},
		"broken package":  {[]map[string]string{hwmon("5", "coretemp", "Package id 0 0", "Core 0 61000")}, "coretemp_core_0", 61},
		"second broken":   {[]map[string]string{hwmon("5", "coretemp", "Package id 0 255000", "Package id 1 61000")}, "coretemp_package_id_1", 61},
		"thinkpad":        {[]map[string]string{hwmon("5", "thinkpad", "GPU 90000", "CPU 62000")}, "thinkpad_cpu", 62},
		"old linux":       {[]map[string]string{{"hwmon/hwmon5/device/name": "coretemp", "hwmon/hwmon5/device/temp1_input": "48000"}}, "coretemp", 48},
		"degrees":         {[]map[string]string{zone("5", "cpu-thermal", "56")}, "", 0}, // not thousandths
		"nonsense":        {[]map[string]string{hwmon("5", "k10temp", "Tctl 5e4", "Tdie NaN")}, "", 0},
		"gpu":             {[]map[string]string{hwmon("5", "amdgpu", "edge 50000")}, "", 0},
		"nothing":         {nil, "", 0},
	} {
		root := newSysfs(disks)
		for _, files := range row.files {
			root.add(files)
		}
		thermometer := thermometer{root: root}
		got, celsius, err := thermometer.read()
		if (err == nil) != (row.want != "") || got.key != row.want || celsius != row.c {
			t.Errorf("%s: %q %v, %v; want %q %v", name, got.key, celsius, err, row.want, row.c)
		}
	}
}

// TestSensorsBehindLinks: in the real /sys, the folders of the sensors are links.
func TestSensorsBehindLinks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has these folders")
	}
	top := t.TempDir()
	device := filepath.Join(top, "devices", "hwmon7")
	for _, folder := range []string{device, filepath.Join(top, hwmonFolder)} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(device, filepath.Join(top, hwmonFolder, "hwmon7")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"name": "coretemp\n", "temp1_input": "47000\n", "temp1_label": "Package id 0\n"} {
		if err := os.WriteFile(filepath.Join(device, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	apply, err := temperatureProbe(os.DirFS(top))(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var h Hardware
	if apply(&h); h.CPUCelsius != Known(47) {
		t.Errorf("read %+v", h)
	}
}
