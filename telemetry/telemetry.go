package telemetry

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// samplePeriod is the time between samples of the counters.
const samplePeriod = 500 * time.Millisecond

// Telemetry is one mining session's counters, meter, ledger and sensors. New sets the fields, and Rig may be set
// before the session starts.
type Telemetry struct {
	Rig      string // the name of this machine among others; empty: none
	Devices  []*Device
	Counters *Counters // those of all devices, in their order
	Meter    *Meter
	Ledger   *Ledger
	Sensors  *Sensors

	difficulty atomic.Uint64 // float64 bits
	network    atomic.Uint64 // float64 bits
	paused     atomic.Bool
	source     atomic.Pointer[func() []PoolStatus]
	spending   spending
	earlier    atomic.Pointer[earlier]
}

// New starts a session of the devices. log may be nil.
func New(log *zap.Logger, devices ...*Device) *Telemetry {
	counters := &Counters{}
	for _, d := range devices {
		counters.workers = append(counters.workers, d.workers...)
	}
	return &Telemetry{
		Devices:  devices,
		Counters: counters,
		Meter:    NewMeter(counters, nil),
		Ledger:   NewLedger(nil),
		Sensors:  NewSensors(log),
	}
}

// SetSource has status called for each snapshot: it says how the pools and nodes are that jobs come from.
func (t *Telemetry) SetSource(status func() []PoolStatus) { t.source.Store(&status) }

// SetPool records whose jobs are mined from now on, by PoolStatus.Name; empty: nobody's.
func (t *Telemetry) SetPool(name string) { t.spending.change(name, t.Meter) }

// SetDifficulty records the share difficulty that jobs now carry.
func (t *Telemetry) SetDifficulty(d float64) { t.difficulty.Store(math.Float64bits(clamp(d))) }

// SetNetworkDifficulty records the difficulty that makes a block.
func (t *Telemetry) SetNetworkDifficulty(d float64) { t.network.Store(math.Float64bits(clamp(d))) }

// SetPaused records whether hashing stands still because the user said so.
func (t *Telemetry) SetPaused(paused bool) { t.paused.Store(paused) }

// Run samples the meter and the sensors until ctx ends, then returns nil.
func (t *Telemetry) Run(ctx context.Context) error {
	sensors := make(chan error, 1)
	go func() { sensors <- t.Sensors.Run(ctx) }()
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.Meter.Sample()
		case <-ctx.Done():
			return <-sensors
		}
	}
}

// Snapshot returns the current state of everything.
func (t *Telemetry) Snapshot() Snapshot {
	var statuses []PoolStatus // before the time is read: no state begins after it
	if source := t.source.Load(); source != nil {
		statuses = (*source)()
	}
	read, spent := t.spending.read(t.Meter, statuses)
	shares, books := t.Ledger.Books()
	hardware := t.Sensors.Snapshot()
	now := t.Meter.now() // past read.At, which stands still once the meter was stopped
	difficulty := math.Float64frombits(t.difficulty.Load())
	s := Snapshot{
		Schema:         Schema,
		Rig:            Text(t.Rig),
		Pools:          pools(statuses, spent, books),
		Time:           now,
		StartedAt:      read.At.Add(-read.Elapsed),
		Seconds:        read.Elapsed.Seconds(),
		Paused:         t.paused.Load(),
		Hashes:         read.Hashes,
		HardwareErrors: t.Counters.HardwareErrors(),
		Hashrate:       read.Total,
		Shares:         shares,
		Difficulty:     positive(difficulty),
		// The rate over a minute follows changes soon and does not jump.
		ExpectedShareSeconds: ExpectedShareSeconds(difficulty, read.Total.Minute),
		NetworkDifficulty:    positive(math.Float64frombits(t.network.Load())),
		Effective:            shares.Effective(read.Elapsed, difficulty),
		Hardware:             hardware,
	}
	for _, d := range t.Devices {
		s.Devices = append(s.Devices, d.snapshot(read.Workers[:d.Len():d.Len()], hardware))
		read.Workers = read.Workers[d.Len():]
	}
	if !hardware.SampledAt.IsZero() {
		s.HardwareSampleSeconds = Known(max(now.Sub(hardware.SampledAt).Seconds(), 0))
	}
	if e := t.earlier.Load(); e != nil {
		ever := e.saved.Add(s.Session().Since(e.session))
		s.Ever = &ever
	}
	return s
}

// positive returns a reading for which 0 means "unknown".
func positive(v float64) Reading {
	if !(v > 0) {
		return Reading{}
	}
	return Known(v)
}
