package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/hashing"
	"quarry/telemetry"
)

// Sample is one measurement of a kernel on some threads.
type Sample struct {
	Rate    float64       // hashes a second: the sum of the threads' own rates
	Hashes  uint64        // of all threads
	Elapsed time.Duration // the longest of the threads' times
	Threads []ThreadSample
	Proof   report.ProofCount
	// Hertz is the median of the threads' clocks; unavailable where one is.
	Hertz telemetry.Reading

	shared bool // the threads had less than a CPU each
}

// ThreadSample is one thread's part of a Sample.
type ThreadSample struct {
	CPU     int // -1 if it was not pinned
	Hashes  uint64
	Elapsed time.Duration
	Proof   report.ProofCount
	Hertz   telemetry.Reading // its clock, measured right before and after

	slices []slice // if looks were taken
}

// WrongKernel reports a kernel whose hits were not the planted winners.
type WrongKernel struct {
	Kernel string
	Thread int               // index into the placements
	CPU    int               // -1 if the thread was not pinned
	Count  report.ProofCount // of that thread, up to then
	Fault  error             // a panic or a violation of Scan's contract; nil for wrong hits
}

// Error names the kernel, the thread and the fault.
func (w *WrongKernel) Error() string {
	where := fmt.Sprintf("thread %d", w.Thread)
	if w.CPU >= 0 {
		where += fmt.Sprintf(" (cpu %d)", w.CPU)
	}
	if w.Fault != nil {
		return fmt.Sprintf("kernel %q is wrong on %s: %v", w.Kernel, where, w.Fault)
	}
	return fmt.Sprintf("kernel %q is wrong on %s: %v", w.Kernel, where, w.Count)
}

// Unwrap returns the fault.
func (w *WrongKernel) Unwrap() error { return w.Fault }

// Rate runs the kernel on one thread for each placement, simultaneously,
// over the proofs for d. Each thread is locked, pinned where its placement
// says so, and ends with the call; GOMAXPROCS must leave room for them and
// some more. A thread runs whole batches, until it has met at least one
// winner, and its rate uses the time that it really took. All proofs must have the
// same number of versions.
//
// The first wrong hit ends the call with a *WrongKernel. It also fails when
// ctx ends, with ctx's error, and when a thread cannot be pinned.
func Rate(ctx context.Context, kernel hashing.Kernel, proofs []*Proof, places []affinity.Placement, d time.Duration) (Sample, error) {
	return rate(ctx, kernel, proofs, places, stint{d: d, winners: 1, meters: unlooked})
}

// stint is what each thread measures.
type stint struct {
	d       time.Duration
	winners uint64       // minimum to meet, however long that takes
	meters  func() meter // made on the thread
	shared  bool         // the threads have less than a CPU each: only all of them together have a rate
}

// meter is a thread's clock, and how it takes looks at its core.
type meter struct {
	now  func() time.Time
	look func() look // nil for none
}

func unlooked() meter { return meter{now: time.Now} }

// looking returns a meter that takes looks where the system's clock is fine enough.
func looking() meter {
	m := unlooked()
	if l, ok := newLooker(m.now); ok {
		m.look = l.look
	}
	return m
}

func rate(ctx context.Context, kernel hashing.Kernel, proofs []*Proof, places []affinity.Placement, how stint) (Sample, error) {
	if len(places) == 0 || !slices.ContainsFunc(proofs, func(p *Proof) bool { return len(p.winners) > 0 }) {
		return Sample{}, errors.New("measuring a rate: no threads, or no work with winners")
	}
	var stop atomic.Bool
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	threads := make([]ThreadSample, len(places))
	faults := make([]error, len(places))
	var ready, ended sync.WaitGroup
	ready.Add(len(places))
	begin := make(chan struct{})
	for i := range places {
		ended.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread dies, and its pinning with it
			s := newScanner(kernel, proofs, i)
			threads[i].CPU = places[i].CPU
			err := pinThread(places[i])
			m := how.meters()
			ready.Done()
			<-begin
			if err == nil {
				err = threads[i].run(s, how, m, &stop)
			}
			if wrong := (*WrongKernel)(nil); errors.As(err, &wrong) {
				wrong.Thread = i
			}
			if err != nil {
				stop.Store(true)
			}
			faults[i] = err
		})
	}
	ready.Wait()
	began := time.Now()
	close(begin)
	ended.Wait()
	took := time.Since(began)
	sample := sum(threads)
	if how.shared {
		sample.shared, sample.Elapsed, sample.Rate = true, took, float64(sample.Hashes)/took.Seconds()
	}
	for _, err := range faults {
		if err != nil {
			return sample, err
		}
	}
	return sample, ctx.Err()
}

// pinThread pins the calling thread as the placement says.
func pinThread(place affinity.Placement) error {
	if !place.Pinned {
		return nil
	}
	return affinity.PinThread(place.CPU)
}

// run measures on the calling thread until the stint is over or stop is set.
func (t *ThreadSample) run(s *scanner, how stint, m meter, stop *atomic.Bool) error {
	var kept record
	s.now = m.now
	look := func() look { return look{} }
	if m.look != nil {
		look = m.look
	}
	hertz := clock()
	began := m.now()
	for before := look(); ; {
		count, err := s.next()
		after := look()
		t.Proof.Add(count)
		t.Elapsed = m.now().Sub(began)
		if err != nil || !count.Right() {
			return &WrongKernel{Kernel: s.kernel.Name, CPU: t.CPU, Count: t.Proof, Fault: err}
		}
		if m.look != nil && s.took > 0 {
			kept.add(slice{count.Hashes, s.took, before, after})
		}
		if t.Elapsed >= how.d && t.Proof.Planted >= how.winners || stop.Load() {
			break
		}
		before = after
	}
	t.Hertz = agreed(hertz, clock())
	t.Hashes, t.slices = t.Proof.Hashes, kept.slices
	return nil
}

func sum(threads []ThreadSample) Sample {
	s := Sample{Threads: threads}
	var clocks []float64
	for _, t := range threads {
		s.Hashes += t.Hashes
		s.Elapsed = max(s.Elapsed, t.Elapsed)
		s.Proof.Add(t.Proof)
		if t.Elapsed > 0 {
			s.Rate += float64(t.Hashes) / t.Elapsed.Seconds()
		}
		if t.Hertz.OK {
			clocks = append(clocks, t.Hertz.Value)
		}
	}
	if len(clocks) == len(threads) {
		slices.Sort(clocks)
		s.Hertz = telemetry.Known(clocks[len(clocks)/2])
	}
	return s
}
