package cpu

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/miner"
	"quarry/telemetry"
)

// Options configure a Device. Placements, and Kernels or Tune, are required.
type Options struct {
	// Kernels are tried in this order: when one reports a hit that the reference
	// does not confirm, all workers switch to the next, and never back.
	Kernels []hashing.Kernel
	// Tune, if it is not nil, may add kernels and choose their order while the device
	// runs. It ends with its context. Without Kernels nothing is hashed before it adds
	// one.
	Tune       func(context.Context, *Selector)
	Placements []affinity.Placement // one worker for each
	Priority   affinity.Priority

	nonces uint64        // in a work, for tests; 0: all
	pause  time.Duration // between two tests of a worker's kernel, for tests; 0: checkPause
}

// Device is the CPUs that workers are placed on.
type Device struct {
	options  Options
	counters *telemetry.Device
	duty     duty
}

var (
	_ miner.Device    = (*Device)(nil)
	_ miner.Throttler = (*Device)(nil)
)

// New makes a device, which hashes all the time until [Device.SetDuty] reduces that.
func New(o Options) (*Device, error) {
	if len(o.Placements) == 0 || len(o.Kernels) == 0 && o.Tune == nil {
		return nil, errors.New("cpu: needs a kernel and at least one placement")
	}
	for _, k := range o.Kernels {
		if k.Scan == nil || k.Lanes < 1 || k.Versions < 1 {
			return nil, fmt.Errorf("cpu: kernel %q cannot scan", k.Name)
		}
	}
	if o.nonces == 0 {
		o.nonces = nonces
	}
	if o.pause == 0 {
		o.pause = checkPause
	}
	d := &Device{options: o, counters: telemetry.NewDevice("cpu", len(o.Placements))}
	d.counters.SetSensors(func(h telemetry.Hardware) telemetry.DeviceSensors {
		return telemetry.DeviceSensors{Celsius: h.CPUCelsius, FrequencyHertz: h.FrequencyHertz}
	})
	d.SetDuty(1)
	return d, nil
}

// Counters returns what the workers count.
func (d *Device) Counters() *telemetry.Device { return d.counters }

// SetDuty sets the part of the time, 0 to 1, in which each worker hashes. At 0 none
// hashes. It may be called at any time.
func (d *Device) SetDuty(part float64) { d.duty.set(part) }

// Run hashes until ctx ends, and returns when all workers have ended.
func (d *Device) Run(ctx context.Context, s *miner.Search) error {
	kernels := newKernelSet(d.options.Kernels)
	examiner := sync.OnceValue(hashing.NewExaminer)
	var running sync.WaitGroup
	for i, place := range d.options.Placements {
		w := &worker{
			index: i, place: place, kernels: kernels, search: s, counters: d.counters, counter: d.counters.Worker(i),
			examiner: examiner, nonces: d.options.nonces, pause: d.options.pause, log: s.Log(), pacer: newPacer(&d.duty),
		}
		running.Go(func() { w.run(ctx, d.options.Priority) })
	}
	if d.options.Tune != nil {
		running.Go(func() {
			d.options.Tune(ctx, &Selector{search: s, kernels: kernels, workers: len(d.options.Placements)})
		})
	}
	running.Wait()
	return nil
}
