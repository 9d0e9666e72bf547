// Package report holds what "quarry bench" measured: the report, read again and
// compared with another, as JSON, CSV, tables and the Go benchmark format.
package report

import (
	"fmt"
	"slices"
	"time"

	"quarry/bench/stats"
	"quarry/telemetry"
)

// ReportSchema is the schema number of Report. A reader rejects others.
const Schema = 1

// Report is what "quarry bench" measured. Its JSON is what --out writes and
// what "quarry bench compare" reads. Rates are hashes a second, temperatures
// degrees Celsius, frequencies hertz, powers watts; what the machine does not
// report is null.
type Report struct {
	Schema   int       `json:"schema"` // ReportSchema
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"` // from beginning to end
	Build    Build     `json:"build"`
	Machine  Machine   `json:"machine"`
	Settings Settings  `json:"settings"`
	// Best is the fastest series, the one to quote.
	Best Best `json:"best"`
	// Kernels were measured on one thread, taking turns.
	Kernels []Series `json:"kernels"`
	// Scaling is the best kernel on increasing numbers of threads.
	Scaling []Series `json:"scaling"`
	// Skipped lists the kernels that this machine cannot run.
	Skipped []Skipped `json:"skipped"`
	// Environment is the sensors' readings before, during and after the run.
	Environment Environment `json:"climate"`
	// Timeline is every sample in the order of measurement.
	Timeline []Point `json:"timeline"`
	// Warnings says in words what makes the figures doubtful.
	Warnings []string `json:"warnings"`
	// Proven is set if every planted winner was found and nothing else.
	Proven bool `json:"proven"`
	// Incomplete is set if the run ended before everything was measured.
	Incomplete bool `json:"incomplete,omitempty"`
}

// Build is the program that measured.
type Build struct {
	Version string `json:"version"` // with the commit where it is known
	Go      string `json:"go"`
	Target  string `json:"target"` // such as linux/amd64
	Tags    string `json:"tags"`   // build tags such as purego, empty for none
}

// Machine is what a reader elsewhere needs to judge a rate.
type Machine struct {
	CPU           string            `json:"cpu"`
	Family        int               `json:"family"`
	Model         int               `json:"model"`
	Stepping      int               `json:"stepping"`
	Microcode     string            `json:"microcode"` // "unavailable" if unknown
	Features      []string          `json:"features"`  // those that affect kernels
	PhysicalCores telemetry.Reading `json:"physical_cores"`
	LogicalCores  telemetry.Reading `json:"logical_cores"`
	UsableCPUs    []int             `json:"usable_cpus"`
	// Quota is the CPU time that the cgroup grants, in CPUs; null for no limit.
	Quota      telemetry.Reading `json:"cpu_quota"`
	Governor   string            `json:"governor"`
	Hypervisor string            `json:"hypervisor"` // empty on bare metal
	OS         string            `json:"os"`         // name and kernel version
}

// Settings describes how the run was measured.
type Settings struct {
	Samples       int     `json:"samples"` // of each series
	SampleSeconds float64 `json:"sample_seconds"`
	SliceSeconds  float64 `json:"slice_seconds,omitempty"` // approximate length of the slices of a sample; 0 in old reports
	WarmupSeconds float64 `json:"warmup_seconds"`
	Seed          uint64  `json:"seed"` // of the headers that were hashed
	Priority      string  `json:"priority"`
}

// Best names the fastest series of a report.
type Best struct {
	Kernel   string  `json:"kernel"`
	Versions int     `json:"versions"`
	Threads  int     `json:"threads"`
	Median   float64 `json:"median_hashes_per_second"`
}

// Series is one kernel on some threads, measured several times.
type Series struct {
	Kernel   string    `json:"kernel"`
	Versions int       `json:"versions"` // headers searched at once: 1 is plain, more are rolled versions
	Threads  int       `json:"threads"`
	CPUs     []int     `json:"cpus"`                     // that the threads were pinned to; empty if they were not
	Samples  []float64 `json:"samples"`                  // hashes a second of all threads together, in the order of measuring; undisturbed ones
	Median   float64   `json:"median_hashes_per_second"` // of the samples
	Low      float64   `json:"low_hashes_per_second"`    // 95 % interval of the median (bootstrap)
	High     float64   `json:"high_hashes_per_second"`
	Min      float64   `json:"min_hashes_per_second"`
	Max      float64   `json:"max_hashes_per_second"`
	// CyclesPerHash is per thread, by the clock measured with each sample.
	CyclesPerHash telemetry.Reading `json:"cycles_per_hash"`
	// Efficiency is the median over threads times the median of one thread.
	Efficiency telemetry.Reading `json:"efficiency"`
	// PortBound is the least that the CPU's pipes allow, in cycles per hash and
	// thread, if its family is known.
	PortBound telemetry.Reading `json:"port_bound_cycles_per_hash"`
	// Slices is the kernel calls in all samples, Kept those during which no other
	// program disturbed the core: only they count. Both are 0 if that was not
	// measured, because the system's clock is too coarse or threads share cores.
	Slices int `json:"slices"`
	Kept   int `json:"slices_kept"`
	// Disturbed is set if too few were kept. The samples then include disturbed
	// slices; the machine's own rate, and the interval's end, may be up to twice as
	// high.
	Disturbed bool `json:"disturbed,omitempty"`
	// Shared is set if the threads had less than a CPU each, by a quota or because
	// there were more of them than CPUs. The rate is that of all together.
	Shared bool       `json:"shared,omitempty"`
	Proof  ProofCount `json:"proof"`
	// Error says why there is no figure; all rates are then 0.
	Error string `json:"error,omitempty"`
}

// ProofCount counts planted winners.
type ProofCount struct {
	Planted uint64 `json:"planted"` // winners in what was hashed
	Found   uint64 `json:"found"`
	Wrong   uint64 `json:"wrong"` // false hits, and winners found twice
	Hashes  uint64 `json:"hashes"`
}

// Right reports whether every planted winner was found and nothing else.
func (c ProofCount) Right() bool { return c.Found == c.Planted && c.Wrong == 0 }

// Errors returns the number of missed winners and false hits.
func (c ProofCount) Errors() uint64 { return c.Planted - c.Found + c.Wrong }

// Add adds another count.
func (c *ProofCount) Add(more ProofCount) {
	c.Planted += more.Planted
	c.Found += more.Found
	c.Wrong += more.Wrong
	c.Hashes += more.Hashes
}

// String returns text such as "2 of 39 planted winners missed, 1 false hits".
func (c ProofCount) String() string {
	return fmt.Sprintf("%d of %d planted winners missed, %d false hits", c.Planted-c.Found, c.Planted, c.Wrong)
}

// Skipped is a kernel without a figure because it cannot run here.
type Skipped struct {
	Kernel string `json:"kernel"`
	Lacks  string `json:"lacks"` // of the CPU
}

// Environment is the machine's temperature, clock and power during the run.
type Environment struct {
	Before  Conditions        `json:"before"`
	After   Conditions        `json:"after"`
	Hottest telemetry.Reading `json:"hottest_celsius"`
	Slowest telemetry.Reading `json:"slowest_hertz"`
	// Throttled describes the throttling noticed; empty if none was.
	Throttled []string `json:"throttled"`
	// Watts is the mean power of the CPU packages (RAPL) during the samples of
	// the best series, and JoulesPerTerahash the energy of its hashes.
	Watts               telemetry.Reading `json:"watts"`
	JoulesPerTerahash   telemetry.Reading `json:"joules_per_terahash"`
	PowerUnavailableWhy string            `json:"power_unavailable_why,omitempty"`
}

// Conditions is one reading of the sensors. Hertz is the clock of the hashing
// threads, which they measured with the sample; where that is not possible (not
// amd64 or arm64), the mean over all CPUs that the system reports.
type Conditions struct {
	Celsius telemetry.Reading `json:"celsius"`
	Hertz   telemetry.Reading `json:"hertz"`
}

// Point is one sample of the timeline.
type Point struct {
	Seconds  float64           `json:"seconds"` // since the beginning, at the sample's end
	Kernel   string            `json:"kernel"`
	Versions int               `json:"versions"`
	Threads  int               `json:"threads"`
	Rate     float64           `json:"hashes_per_second"`
	Celsius  telemetry.Reading `json:"celsius"`
	Hertz    telemetry.Reading `json:"hertz"`
	// Disturbed is set if neighbors disturbed most of it.
	Disturbed bool `json:"disturbed,omitempty"`
}

// Key returns the series that the sample belongs to.
func (p *Point) Key() SeriesKey { return SeriesKey{p.Kernel, p.Versions, p.Threads} }

// leastDrift is the drift assumed after a run without any: on a shared machine the
// clock may hold for ten seconds and then move by a few percent.
const leastDrift = 0.005

// halved is the greatest slowdown of a kernel by a program on the core's second
// thread, because the core serves both in turn.
const halved = 2

// Summarize fills in the figures of a series from its samples.
func (s *Series) Summarize(drift float64, seed uint64) {
	if len(s.Samples) == 0 {
		return
	}
	s.Median = stats.Median(s.Samples)
	s.Low, s.High = stats.Interval(s.Samples, max(drift, leastDrift), seed)
	if s.Disturbed {
		s.High *= halved
	}
	s.Min, s.Max = slices.Min(s.Samples), slices.Max(s.Samples)
}
