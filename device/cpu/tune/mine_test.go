package tune

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/affinity"
	"quarry/device/cpu"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/telemetry"
)

// TestTunesARealMiner: with the real child and kernels, it starts with the first
// that passes and ends with the fastest, which it saves. On a busy machine that may
// take long.
func TestTunesARealMiner(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var tried string
	log := zap.New(hook{zapcore.NewNopCore(), func(e zapcore.Entry, fields []zapcore.Field) {
		if e.Message == "kernels compared" {
			tried = fmt.Sprint(fields[0].Interface)
			cancel()
		}
		if e.Level > zap.InfoLevel {
			t.Errorf("%s %v", e.Message, fields)
		}
	}})
	places := []affinity.Placement{{CPU: -1}}
	tuner := New(Options{Placements: places, Child: Spawn(ctx), Log: log})
	tuner.budget.atOnce = time.Hour // a busy machine spoils most of its windows
	tuner.Start(ctx, "")
	defer tuner.Stop()
	job := minertest.Job(t, 1, "0.0001")
	device, err := cpu.New(cpu.Options{Tune: tuner.Run, Placements: places})
	if err != nil {
		t.Fatal(err)
	}
	source := minertest.Source{OnRun: minertest.Jobs(job), OnSubmit: minertest.Accept}
	o := miner.Options{Source: source, Devices: []miner.Device{device}, Telemetry: telemetry.New(nil, device.Counters())}
	if err := miner.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if s := o.Telemetry.Snapshot(); s.Hashes == 0 || s.HardwareErrors > 0 {
		t.Errorf("%d hashes, %d errors", s.Hashes, s.HardwareErrors)
	}
	if len(runnable()) > 1 {
		best := New(Options{Placements: places, Log: log}).Kernels(true)[0].Name
		if want := fmt.Sprintf("%s ", best); tried == "" || len(tried) < len(want) || tried[:len(want)] != want {
			t.Errorf("tried %q, kept %s as the best", tried, best)
		}
	}
}

// hook is a zap core that passes each entry to a function.
type hook struct {
	zapcore.Core
	see func(zapcore.Entry, []zapcore.Field)
}

func (h hook) Enabled(level zapcore.Level) bool { return level >= zap.InfoLevel }

func (h hook) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if h.Enabled(e.Level) {
		return to.AddCore(e, h)
	}
	return to
}

func (h hook) Write(e zapcore.Entry, fields []zapcore.Field) error {
	h.see(e, fields)
	return nil
}
