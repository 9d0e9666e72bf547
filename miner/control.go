package miner

import (
	"fmt"
	"sync"

	"go.uber.org/zap"

	"quarry/telemetry"
)

// Control slows down, pauses and resumes the devices of a session, whoever asks: a
// key, an API, a limit of temperature. While paused, jobs are followed and shares
// sent as always. Safe for concurrent use.
type Control struct {
	devices   []Throttler
	telemetry *telemetry.Telemetry
	log       *zap.Logger

	mu     sync.Mutex
	duty   float64 // while not paused
	paused bool
}

// NewControl returns the control of devices that hash all the time. The error names
// one that cannot be slowed down.
func NewControl(devices []Device, t *telemetry.Telemetry, log *zap.Logger) (*Control, error) {
	c := &Control{telemetry: t, log: log, duty: 1}
	for _, d := range devices {
		throttler, ok := d.(Throttler)
		if !ok {
			return nil, fmt.Errorf("device %s cannot be slowed down or paused", d.Counters().Name())
		}
		c.devices = append(c.devices, throttler)
	}
	return c, nil
}

// SetDuty sets the part of the time, 0 to 1, in which devices hash; if they are paused,
// from the time they are resumed.
func (c *Control) SetDuty(duty float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.duty = duty
	c.apply()
}

// Pause stops hashing. It reports whether that is a change.
func (c *Control) Pause() bool { return c.setPaused(true, "mining paused") }

// Resume ends a pause. It reports whether there was one.
func (c *Control) Resume() bool { return c.setPaused(false, "mining resumed") }

// Paused reports whether hashing is paused.
func (c *Control) Paused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}

func (c *Control) setPaused(paused bool, message string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused == paused {
		return false
	}
	c.paused = paused
	c.apply()
	c.telemetry.SetPaused(paused)
	c.log.Info(message)
	return true
}

// apply brings the devices to what is wanted. The caller holds mu.
func (c *Control) apply() {
	duty := c.duty
	if c.paused {
		duty = 0
	}
	for _, d := range c.devices {
		d.SetDuty(duty)
	}
}
