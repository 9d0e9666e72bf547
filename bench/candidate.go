package bench

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/bench/stats"
	"quarry/hashing"
	"quarry/telemetry"
)

// candidate is a series being measured.
type candidate struct {
	kernel   hashing.Kernel
	versions int
	places   []affinity.Placement
	series   report.Series
	tally    tally

	unmeasured bool // the run ended before its first sample

	joules, seconds float64 // of the samples whose energy is known
	hashes          uint64  // of the same samples
}

func newCandidate(k hashing.Kernel, versions int, places []affinity.Placement) *candidate {
	c := &candidate{kernel: k, versions: versions, places: places}
	c.series = report.Series{Kernel: k.Name, Versions: versions, Threads: len(places), CPUs: []int{}, Samples: []float64{}}
	for _, p := range places {
		if p.Pinned {
			c.series.CPUs = append(c.series.CPUs, p.CPU)
		}
	}
	return c
}

// String returns text such as "shani, 32 versions, 2 threads".
func (c *candidate) String() string {
	text := c.kernel.Name
	if c.versions > 1 {
		text += fmt.Sprintf(", %d versions", c.versions)
	}
	if len(c.places) > 1 {
		text += fmt.Sprintf(", %d threads", len(c.places))
	}
	return text
}

// add adds a sample and the energy that it took in joules. It returns the sample's
// figures so far, and whether they come from undisturbed slices of its own.
func (c *candidate) add(g *gate, s Sample, joules telemetry.Reading, most int) (figures, bool) {
	if joules.OK {
		c.joules += joules.Value
		c.seconds += s.Elapsed.Seconds()
		c.hashes += s.Hashes
	}
	return c.tally.add(g, s, most)
}

// rates returns the rates of the samples so far, in hashes a second.
func (c *candidate) rates() (list []float64) {
	all, _ := c.tally.figures()
	for _, f := range all {
		list = append(list, f.rate)
	}
	return list
}

// readings returns the known readings among the samples' figures.
func (c *candidate) readings(of func(f figures) telemetry.Reading) (list []float64) {
	all, _ := c.tally.figures()
	for _, f := range all {
		if r := of(f); r.OK {
			list = append(list, r.Value)
		}
	}
	return list
}

// drop clears a series' figures and records the reason.
func (c *candidate) drop(why string, count report.ProofCount) {
	c.series.Error = why
	c.series.Proof.Add(count)
	c.tally = tally{}
}

// summarize completes the series.
func (c *candidate) summarize(drift float64, seed uint64) {
	switch {
	case c.series.Error != "":
	case len(c.tally.samples) == 0:
		c.series.Error, c.unmeasured = "not measured: the run ended early", true
	default:
		c.series.Samples = c.rates()
		c.series.Slices, c.series.Kept = c.tally.slices, c.tally.kept
		_, c.series.Disturbed = c.tally.figures()
		c.series.Summarize(drift, seed)
		// A clock that was disturbed in most samples is not reported.
		if cycles := c.readings(figures.perHash); 2*len(cycles) > len(c.series.Samples) {
			c.series.CyclesPerHash = telemetry.Known(stats.Median(cycles))
		}
	}
}

// candidates returns all kernels that can run, on one thread, plain and with their
// number of rolled versions. One that fails its self-test is listed with its error
// only.
func (b *bench) candidates(ctx context.Context) ([]*candidate, error) {
	places, err := b.place(1)
	if err != nil {
		return nil, err
	}
	b.Progress(Progress{Now: "testing the kernels"})
	var list []*candidate
	for _, tested := range b.Examine(ctx, b.Kernels) {
		k := tested.Kernel
		plain := b.newCandidate(k, 1, places)
		switch {
		case tested.Missing != "":
			b.report.Skipped = append(b.report.Skipped, report.Skipped{Kernel: k.Name, Lacks: tested.Missing})
			continue
		case tested.Err != nil && ctx.Err() == nil:
			plain.drop(tested.Err.Error(), report.ProofCount{})
		}
		list = append(list, plain)
		if tested.Usable() && k.Versions > 1 {
			list = append(list, b.newCandidate(k, k.Versions, places))
		}
	}
	return list, nil
}

// scaled returns the best kernel on that many threads.
func (b *bench) scaled(best *candidate, threads []int) ([]*candidate, error) {
	var list []*candidate
	for _, n := range threads {
		places, err := b.place(n)
		if err != nil {
			return nil, err
		}
		list = append(list, b.newCandidate(best.kernel, best.versions, places))
	}
	return list, nil
}

// newCandidate marks a series whose threads have less than a CPU each.
func (b *bench) newCandidate(k hashing.Kernel, versions int, places []affinity.Placement) *candidate {
	c := newCandidate(k, versions, places)
	c.series.Shared = b.shares(len(places))
	return c
}

// shares reports whether so many threads have less than a CPU each.
func (b *bench) shares(threads int) bool {
	cpus := cmp.Or(len(b.List), len(b.CPUs.CPUs))
	quota := b.CPUs.Quota
	return threads > cpus || quota > 0 && float64(threads) > quota
}

// place chooses CPUs for n threads as the miner does. Where pinning fails, the
// threads go unpinned and a warning says so.
func (b *bench) place(n int) ([]affinity.Placement, error) {
	places, err := affinity.ChooseCPUs(b.CPUs, n, b.List)
	if err != nil {
		return nil, err
	}
	for i, p := range places {
		if !p.Pinned {
			b.warnOnce("threads are not pinned to CPUs: " + p.Reason)
		} else if err := tryPinning(p); err != nil {
			places[i] = affinity.Placement{CPU: -1, Reason: err.Error()}
			b.warnOnce("threads are not pinned to CPUs: " + err.Error())
		}
	}
	return places, nil
}

func (b *bench) warnOnce(text string) {
	if !slices.Contains(b.report.Warnings, text) {
		b.warn("%s", text)
	}
}

// tryPinning pins a thread, which then exits.
func tryPinning(p affinity.Placement) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		result <- pinThread(p)
	}()
	return <-result
}

// fastest returns the candidate with the highest median so far; nil if all failed.
func fastest(list []*candidate) *candidate {
	var best *candidate
	for _, c := range list {
		if len(c.tally.samples) > 0 && (best == nil || stats.Median(c.rates()) > stats.Median(best.rates())) {
			best = c
		}
	}
	return best
}

// KernelNames returns the kernels' names, separated by commas.
func KernelNames(list []hashing.Kernel) string {
	var names []string
	for _, k := range list {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}
