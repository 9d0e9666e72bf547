package miner

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"

	"quarry/telemetry"
)

// Device searches jobs: the CPU, a GPU.
type Device interface {
	// Counters are the device's name, what it counts and its sensors. They must be
	// among those that the session's telemetry was made with.
	Counters() *telemetry.Device
	// Run searches what s offers until ctx ends, and returns as soon as its
	// workers have ended. An error before that means that the device cannot continue.
	Run(ctx context.Context, s *Search) error
}

// Throttler is a device that can be slowed down to limit heat and power.
type Throttler interface {
	// SetDuty sets the part of the time, 0 to 1, in which the device hashes. It
	// may be called at any time, and takes effect within 100 ms.
	SetDuty(duty float64)
}

// errNoDevice ends a run when no device is left.
var errNoDevice = errors.New("no device is left")

// devices are those of one run.
type devices struct {
	log     *zap.Logger
	running sync.WaitGroup

	mu struct {
		sync.Mutex
		left   int
		failed error // of those that ended early
	}
}

// start runs the devices until ctx ends. It logs those that end early, and calls
// none after the last one.
func (d *devices) start(ctx context.Context, list []Device, s *Search, none func()) {
	d.mu.left = len(list)
	for _, device := range list {
		d.running.Go(func() {
			err := device.Run(ctx, s)
			if ctx.Err() != nil {
				return
			}
			name := device.Counters().Name()
			if err == nil {
				err = errors.New("it ended without an error")
			}
			d.log.Error("device stopped mining", zap.String("device", name), zap.Error(err))
			if d.ended(fmt.Errorf("device %s stopped: %w", name, err)) {
				none()
			}
		})
	}
}

// ended records why one device ended, and reports whether it was the last.
func (d *devices) ended(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.left--
	d.mu.failed = errors.Join(d.mu.failed, err)
	return d.mu.left == 0
}

// err returns why no device is left; nil if one is.
func (d *devices) err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.left > 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", errNoDevice, d.mu.failed)
}
