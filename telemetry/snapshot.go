package telemetry

import (
	"slices"
	"strings"
	"time"
)

// Schema is the number of the Snapshot's form. It grows when a key changes its meaning or goes; new keys may come
// without.
const Schema = 1

// Snapshot is everything telemetry knows at one moment. Nothing in it changes later. It is the only form in which
// this is shown: the status line, the summary and the JSON log are made from it.
type Snapshot struct {
	Schema         int              `json:"schema"`
	Rig            Text             `json:"rig"`  // the machine's name among others
	Time           time.Time        `json:"time"` // when this was read
	StartedAt      time.Time        `json:"started_at"`
	Seconds        float64          `json:"seconds"` // of the session, up to the end of the hashing
	Paused         bool             `json:"paused"`  // nothing is hashed because the user said so
	Hashes         uint64           `json:"hashes"`
	HardwareErrors uint64           `json:"hardware_errors"`
	Hashrate       Rates            `json:"hashrate"` // of all devices
	Devices        []DeviceSnapshot `json:"devices"`
	Pools          []Pool           `json:"pools"`  // in the order of preference
	Shares         Shares           `json:"shares"` // of all pools
	Ever           *Totals          `json:"ever"`   // of all sessions; null: not kept

	Difficulty            Reading   `json:"difficulty"` // currently assigned by the pool
	ExpectedShareSeconds  Reading   `json:"expected_share_seconds"`
	NetworkDifficulty     Reading   `json:"network_difficulty"` // from the current job's nbits
	Effective             Effective `json:"effective_hashrate"`
	Hardware              Hardware  `json:"hardware"`
	HardwareSampleSeconds Reading   `json:"hardware_sample_age_seconds"`
}

// Pool returns the pool that is mined, else the best one that is tried; nil if there is none.
func (s Snapshot) Pool() *Pool {
	for _, fits := range []func(PoolState) bool{
		func(state PoolState) bool { return state == PoolActive },
		func(state PoolState) bool { return state != PoolUnused },
		func(PoolState) bool { return true },
	} {
		if i := slices.IndexFunc(s.Pools, func(p Pool) bool { return fits(p.State) }); i >= 0 {
			return &s.Pools[i]
		}
	}
	return nil
}

// Kernel names the kernels in use, each once: "shani" for one device.
func (s Snapshot) Kernel() Text {
	var names []string
	for _, d := range s.Devices {
		if d.Kernel != "" && !slices.Contains(names, string(d.Kernel)) {
			names = append(names, string(d.Kernel))
		}
	}
	return Text(strings.Join(names, "+"))
}

// Hardware is one reading of the machine. What it does not have is unavailable, not zero.
type Hardware struct {
	SampledAt time.Time `json:"sampled_at,omitzero"`

	CPUModel      Text    `json:"cpu_model"`
	PhysicalCores Reading `json:"physical_cores"`
	LogicalCores  Reading `json:"logical_cores"`

	FrequencyHertz    Reading   `json:"frequency_hertz"`      // current, mean over the cores
	CoreLoadPercent   []float64 `json:"core_load_percent"`    // 0 to 100 for each logical CPU since the last sample; nil: unavailable
	LoadPercent       Reading   `json:"load_percent"`         // mean of the above
	LoadAverage1      Reading   `json:"load_average_1m"`      // runnable tasks
	LoadAverage5      Reading   `json:"load_average_5m"`      // runnable tasks
	LoadAverage15     Reading   `json:"load_average_15m"`     // runnable tasks
	CPUCelsius        Reading   `json:"cpu_celsius"`          // hottest CPU package
	CriticalCelsius   Reading   `json:"cpu_critical_celsius"` // at which the CPU shuts down, according to the sensor
	TemperatureSensor Text      `json:"temperature_sensor"`

	MemoryTotalBytes Reading `json:"memory_total_bytes"`
	MemoryUsedBytes  Reading `json:"memory_used_bytes"`
	ResidentBytes    Reading `json:"resident_bytes"` // this process

	HostOS        Text    `json:"host_os"` // GOOS/GOARCH
	HostPlatform  Text    `json:"host_platform"`
	HostKernel    Text    `json:"host_kernel"`
	UptimeSeconds Reading `json:"host_uptime_seconds"`
}
