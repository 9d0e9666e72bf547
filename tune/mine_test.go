package tune

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/miner"
	"quarry/telemetry"
	"quarry/work"
)

// onejob is a source of one job.
type onejob struct{ job *work.Job }

func (o onejob) Run(ctx context.Context, publish func(*work.Job)) error {
	publish(o.job)
	<-ctx.Done()
	return nil
}

func (onejob) Submit(context.Context, *work.Share) work.Verdict {
	return work.Verdict{Kind: work.Accepted, Sent: true}
}

// TestTunesARealMiner: with the real child and kernels, it mines from the first
// that passed to the best known, which it keeps. On a busy machine that takes as
// long as it takes.
func TestTunesARealMiner(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	d, err := hashing.ParseDifficulty("0.0001")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var tried string
	log := zap.New(hook{zapcore.NewNopCore(), func(e zapcore.Entry, fields []zapcore.Field) {
		if e.Message == "kernels tried" {
			tried = fields[0].String
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
	job := &work.Job{
		ID: "1", Coinb1: []byte{1}, Coinb2: []byte{2}, Extranonce1: []byte{3}, Extranonce2Size: 4,
		Version: 0x20000000, VersionMask: 0x1fffe000, NBits: 0x1d00ffff, Difficulty: d, Received: time.Now(),
	}
	o := miner.Options{Source: onejob{job}, Tune: tuner.Run, Placements: places, Telemetry: telemetry.New(1, nil)}
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

// hook is a core that shows each entry to a function.
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
