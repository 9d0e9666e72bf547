package screen

import (
	"strings"
	"testing"

	"quarry/telemetry"
)

// TestNothingUnavailable: what is not known is left out of the lines for people.
func TestNothingUnavailable(t *testing.T) {
	snapshot := telemetry.New(nil, telemetry.NewDevice("cpu", 1)).Snapshot()
	for name, lines := range map[string][]string{
		"machine": machine{telemetry.Hardware{CPUModel: "AMD EPYC"}}.TextLines(), "status": status{Snapshot: snapshot}.TextLines(),
		"summary": summary{snapshot}.TextLines(),
	} {
		text := strings.Join(lines, "\n")
		if strings.Contains(text, "unavailable") || strings.Contains(text, "best 0") {
			t.Errorf("%s: %s", name, text)
		}
	}
	hot := snapshot
	hot.Hardware.CPUCelsius = telemetry.Known(61)
	if text := (status{Snapshot: hot}).TextLines()[0]; !strings.Contains(text, "temp 61°C") || !strings.Contains(text, "best none") {
		t.Error(text)
	}
}

// TestUnknownMachine: there is no line of a machine of which nothing is known.
func TestUnknownMachine(t *testing.T) {
	unknown, known := machine{}, machine{telemetry.Hardware{LogicalCores: telemetry.Known(2)}}
	if text, lines := unknown.TextLines(), unknown.lines(); len(text) > 0 || len(lines) > 0 {
		t.Errorf("%q, %v", text, lines)
	}
	if text, lines := known.TextLines(), known.lines(); len(text) != 1 || text[0] != "machine  logical_cores=2" || len(lines) != 1 {
		t.Errorf("%q, %v", text, lines)
	}
}
