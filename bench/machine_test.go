package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"quarry/telemetry"
)

func TestMachineOfMadeUpTrees(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const cpu = "sys/devices/system/cpu/cpu"
	root := fstest.MapFS{
		"proc/cpuinfo":                         file("processor\t: 0\nmicrocode\t: 0xb00212e\n\nmicrocode : 0x1\n"),
		cpu + "0/cpufreq/scaling_governor":     file("performance\n"),
		cpu + "1/cpufreq/scaling_governor":     file("powersave\n"),
		cpu + "10/cpufreq/scaling_governor":    file("performance\n"),
		cpu + "freq/policy0/scaling_governor":  file("x\n"),
		cpu + "0/cpufreq/scaling_max_governor": file("y\n"),
	}
	m := describeMachine(root, telemetry.Hardware{HostKernel: "6.1"}, []int{0, 3})
	if m.Microcode != "0xb00212e" || m.Governor != "performance, powersave" || !strings.Contains(m.OS, "6.1") {
		t.Errorf("%+v", m)
	}
	m = describeMachine(fstest.MapFS{"proc/cpuinfo": file("model : 1\n")}, telemetry.Hardware{}, nil)
	if m.Microcode != unavailable || m.Governor != unavailable || m.CPU == "" || !strings.Contains(m.OS, unavailable) {
		t.Errorf("%+v", m)
	}
	text, err := json.Marshal(m)
	if err != nil || !strings.Contains(string(text), `"physical_cores":null`) {
		t.Errorf("%s, %v", text, err)
	}
}
