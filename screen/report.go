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

	odds time.Time // when they were shown last; Run's
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
			due := time.Since(r.odds) >= oddsPause
			if due {
				r.odds = time.Now()
			}
			r.status(due)
		}
	}
}

// Status logs how the session stands.
func (r *Reporter) Status() { r.status(true) }

func (r *Reporter) status(odds bool) {
	s := status{Snapshot: r.Telemetry.Snapshot(), practice: r.Practice}
	s.withOdds = odds && s.alone()
	r.Always.Info("status", zap.Reflect("snapshot", s))
}

// Rates logs the hash rate of each worker.
func (r *Reporter) Rates() {
	r.Always.Info("rates", zap.Reflect("devices", rates(r.Telemetry.Snapshot().Devices)))
}

// Summary logs how the session went: the last line of the output.
func (r *Reporter) Summary() {
	r.Always.Info("summary", zap.Reflect("snapshot", summary{r.Telemetry.Snapshot()}))
}
