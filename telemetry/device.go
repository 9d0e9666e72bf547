package telemetry

import "sync/atomic"

// Device counts the work of one device: it has a counter for each of its threads
// or queues.
type Device struct {
	*Counters
	name   string
	kernel atomic.Pointer[string]
}

// NewDevice returns the counters of a device with that many workers. The name is
// short and unique among the devices of a session.
func NewDevice(name string, workers int) *Device {
	return &Device{Counters: NewCounters(workers), name: name}
}

// Name returns the device's name.
func (d *Device) Name() string { return d.name }

// SetKernel records which kernel the device uses now.
func (d *Device) SetKernel(name string) { d.kernel.Store(&name) }

// DeviceSnapshot is one device at one moment. Rates are sums over its workers.
type DeviceSnapshot struct {
	Name           string        `json:"name"`
	Kernel         Text          `json:"kernel"` // in use now
	Hashes         uint64        `json:"hashes"`
	HardwareErrors uint64        `json:"hardware_errors"`
	Hashrate       Rates         `json:"hashrate"`
	Workers        []WorkerRates `json:"workers"`
}

// snapshot returns it from the readout of the device's workers.
func (d *Device) snapshot(workers []WorkerRates) DeviceSnapshot {
	s := DeviceSnapshot{Name: d.name, Workers: workers}
	if name := d.kernel.Load(); name != nil {
		s.Kernel = Text(*name)
	}
	for _, w := range workers {
		s.Hashes += w.Hashes
		s.HardwareErrors += w.HardwareErrors
		s.Hashrate.TenSeconds += w.TenSeconds
		s.Hashrate.Minute += w.Minute
		s.Hashrate.FifteenMinutes += w.FifteenMinutes
		s.Hashrate.Session += w.Session
	}
	return s
}
