package telemetry

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestTelemetrySnapshot(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := newClock()
	first, second := NewDevice("cpu", 1), NewDevice("gpu", 1)
	first.SetSensors(func(h Hardware) DeviceSensors {
		return DeviceSensors{Celsius: Known(61), FrequencyHertz: h.FrequencyHertz}
	})
	tel := New(nil, first, second)
	tel.Meter, tel.Ledger = NewMeter(tel.Counters, c.now), NewLedger(c.now)
	tel.Sensors = newSensors(nil, nil)

	empty := tel.Snapshot()
	if empty.Difficulty.OK || empty.ExpectedShareSeconds.OK || empty.Effective.HashesPerSecond.OK || empty.HardwareSampleSeconds.OK {
		t.Errorf("a snapshot at the start: %+v", empty)
	}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tel.Run(ctx) }()

	tel.SetDifficulty(0.5)
	tel.SetNetworkDifficulty(1e14)
	c.advance(10 * time.Second)
	first.Worker(0).Add(100e6)
	second.Worker(0).Add(300e6)
	second.Worker(0).AddHardwareError()
	second.SetKernel("opencl")
	tel.Ledger.Accepted(tel.Ledger.Found(FoundShare{Achieved: 0.7, Assigned: 0.5}))

	s := tel.Snapshot()
	near(t, "rate", s.Hashrate.TenSeconds, 40e6, 1e-9)
	near(t, "session rate", s.Hashrate.Session, 40e6, 1e-9)
	near(t, "first device", s.Devices[0].Hashrate.Session, 10e6, 1e-9)
	near(t, "second device", s.Devices[1].Hashrate.TenSeconds, 30e6, 1e-9)
	if first, second := s.Devices[0].Sensors, s.Devices[1].Sensors; first.Celsius != Known(61) || first.FrequencyHertz.OK || second.Celsius.OK {
		t.Errorf("sensors %+v and %+v", first, second)
	}
	near(t, "its worker", s.Devices[1].Workers[0].TenSeconds, 30e6, 1e-9)
	near(t, "expected share", s.ExpectedShareSeconds.Value, 0.5*HashesPerDifficulty/40e6, 1e-9)
	near(t, "effective", s.Effective.HashesPerSecond.Value, 0.5*HashesPerDifficulty/10, 1e-9)
	if s.Hashes != 400e6 || s.Seconds != 10 || s.HardwareErrors != 1 || s.Kernel() != "opencl" ||
		s.Devices[0].HardwareErrors != 0 || s.Devices[1].HardwareErrors != 1 || s.Devices[1].Hashes != 300e6 || s.Devices[0].Name != "cpu" ||
		s.Shares.Accepted != 1 || s.Difficulty != Known(0.5) || s.NetworkDifficulty != Known(1e14) {
		t.Errorf("snapshot %+v", s)
	}

	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Run does not return")
	}
}

func TestSnapshotJSONNames(t *testing.T) {
	b, err := json.Marshal(New(nil, NewDevice("cpu", 1)).Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]any
	if err := json.Unmarshal(b, &top); err != nil {
		t.Fatal(err)
	}
	device := top["devices"].([]any)[0].(map[string]any)
	worker := device["workers"].([]any)[0].(map[string]any)
	shares := top["shares"].(map[string]any)
	hardware := top["hardware"].(map[string]any)
	for where, names := range map[string]struct {
		object map[string]any
		want   []string
	}{
		"top":      {top, []string{"seconds", "hashes", "hardware_errors", "hashrate", "difficulty", "effective_hashrate"}},
		"device":   {device, []string{"name", "kernel", "hashes", "hardware_errors", "hashrate", "workers", "sensors"}},
		"worker":   {worker, []string{"hashes", "hardware_errors", "hashes_per_second_10s", "hashes_per_second_session"}},
		"shares":   {shares, []string{"found", "accepted", "rejected", "stale", "lost", "pending", "rejected_by_reason", "lost_by_reason"}},
		"hardware": {hardware, []string{"cpu_celsius", "frequency_hertz", "memory_total_bytes", "resident_bytes", "core_load_percent"}},
	} {
		for _, name := range names.want {
			if _, ok := names.object[name]; !ok {
				t.Errorf("%s has no %q: %s", where, name, b)
			}
		}
	}
	for _, name := range []string{"cpu_celsius", "frequency_hertz", "resident_bytes", "cpu_model"} {
		if hardware[name] != nil {
			t.Errorf("hardware.%s before the first sample = %v, want null", name, hardware[name])
		}
	}
	if _, ok := shares["last_accepted"]; ok {
		t.Error("last_accepted is there although nothing was accepted")
	}
}
