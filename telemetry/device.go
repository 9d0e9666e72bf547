package telemetry

import "sync/atomic"

// Device counts the work of one device: it has a counter for each of its threads
// or queues.
type Device struct {
	*Counters
	name    string
	kernel  atomic.Pointer[string]
	sensors func(Hardware) DeviceSensors // nil: none
}

// DeviceSensors is one reading of a device's sensors.
type DeviceSensors struct {
	Celsius        Reading `json:"celsius"`
	FrequencyHertz Reading `json:"frequency_hertz"`
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

// SetSensors has read called for each snapshot, with the machine's newest reading.
// It must not wait: what is slow to read is read ahead. SetSensors is called
// before the session starts.
func (d *Device) SetSensors(read func(Hardware) DeviceSensors) { d.sensors = read }

// DeviceSnapshot is one device at one moment. Rates are sums over its workers.
type DeviceSnapshot struct {
	Name           string        `json:"name"`
	Kernel         Text          `json:"kernel"` // in use now
	Hashes         uint64        `json:"hashes"`
	HardwareErrors uint64        `json:"hardware_errors"`
	Hashrate       Rates         `json:"hashrate"`
	Workers        []WorkerRates `json:"workers"`
	Sensors        DeviceSensors `json:"sensors"`
}

// snapshot makes it from the readings of the device's workers and the machine.
func (d *Device) snapshot(workers []WorkerRates, machine Hardware) DeviceSnapshot {
	s := DeviceSnapshot{Name: d.name, Workers: workers}
	if d.sensors != nil {
		s.Sensors = d.sensors(machine)
	}
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
