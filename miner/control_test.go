package miner_test

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/telemetry"
)

// throttled is a device that remembers its duty.
type throttled struct {
	*minertest.Reference
	duty float64
}

func (d *throttled) SetDuty(duty float64) { d.duty = duty }

// TestControl: a pause sets the duty to 0, whatever sets it meanwhile; resuming
// restores what is wanted then.
func TestControl(t *testing.T) {
	device := &throttled{minertest.NewReference("reference", 1), 1}
	books := telemetry.New(nil, device.Counters())
	core, logs := observer.New(zap.InfoLevel)
	c, err := miner.NewControl([]miner.Device{device}, books, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		do     func() bool
		change bool
		duty   float64
		paused bool
	}{
		{c.Resume, false, 1, false},
		{func() bool { c.SetDuty(0.5); return true }, true, 0.5, false},
		{c.Pause, true, 0, true},
		{c.Pause, false, 0, true},
		{func() bool { c.SetDuty(0.25); return true }, true, 0, true},
		{c.Resume, true, 0.25, false},
	} {
		if change := step.do(); change != step.change || device.duty != step.duty || c.Paused() != step.paused || books.Snapshot().Paused != step.paused {
			t.Errorf("step %d: change %v, duty %v, paused %v, snapshot %v", i, change, device.duty, c.Paused(), books.Snapshot().Paused)
		}
	}
	if n := logs.FilterMessage("mining paused").Len(); n != 1 || logs.Len() != 2 {
		t.Errorf("logged %v", logs.All())
	}
	if _, err := miner.NewControl([]miner.Device{device.Reference}, books, nil); err == nil {
		t.Error("a device that cannot be slowed down is controlled")
	}
}
