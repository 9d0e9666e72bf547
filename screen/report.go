package screen

import (
	"context"
	"time"

	"go.uber.org/zap"

	"quarry/telemetry"
)

// Reporter logs the machine once, the status periodically and the summary when asked.
type Reporter struct {
	Log       *zap.Logger
	Always    *zap.Logger // at any level: status and summary
	Telemetry *telemetry.Telemetry
	Practice  bool // the pool is our own
	Interval  time.Duration
}

// machineDelay is when the sensors have been read for the first time.
const machineDelay = time.Second

// Run logs until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	tick, once := time.NewTicker(r.Interval), time.After(machineDelay)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-once:
			r.Log.Info("machine", zap.Reflect("hardware", machine{r.Telemetry.Snapshot().Hardware}))
		case <-tick.C:
			r.Status()
		}
	}
}

// Status logs how the session stands.
func (r *Reporter) Status() {
	r.Always.Info("status", zap.Reflect("snapshot", status{Snapshot: r.Telemetry.Snapshot(), practice: r.Practice}))
}

// Summary logs how the session went: the last line of the output.
func (r *Reporter) Summary() {
	r.Always.Info("summary", zap.Reflect("snapshot", summary{r.Telemetry.Snapshot()}))
}
