package telemetry

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	sensorPeriod  = 5 * time.Second
	sensorTimeout = 2 * time.Second // one round; a probe that takes longer is unavailable in it
	sensorGrace   = time.Second     // how long Run waits for running probes when it ends
)

// probe reads one group of sensors. It returns what to write into a Hardware; with an error the result may still
// hold the part that could be read. It must not keep what it writes.
type probe struct {
	name string
	once bool // never changes: read only until it succeeds
	read func(context.Context) (func(*Hardware), error)
}

// probeState is what the sampler knows about a probe; only the sampler's goroutine touches it.
type probeState struct {
	probe
	busy   bool // a read is running; no second one is started
	warned bool
	apply  func(*Hardware) // from the newest read, nil: none
}

type probeResult struct {
	index int
	apply func(*Hardware)
	err   error
}

// Sensors samples the machine every few seconds, away from the hot path.
type Sensors struct {
	log     *zap.Logger
	period  time.Duration
	timeout time.Duration
	grace   time.Duration

	probes  []probeState
	results chan probeResult // has room for a result of every probe: sending never blocks
	latest  atomic.Pointer[Hardware]
}

// NewSensors prepares the sensors of this machine; nothing is read before Run. log may be nil.
func NewSensors(log *zap.Logger) *Sensors { return newSensors(log, machineProbes()) }

func newSensors(log *zap.Logger, probes []probe) *Sensors {
	if log == nil {
		log = zap.NewNop()
	}
	s := &Sensors{
		log:     log,
		period:  sensorPeriod,
		timeout: sensorTimeout,
		grace:   sensorGrace,
		results: make(chan probeResult, len(probes)),
	}
	for _, p := range probes {
		s.probes = append(s.probes, probeState{probe: p})
	}
	return s
}

// Snapshot returns the newest sample, without waiting; before the first one everything is unavailable.
func (s *Sensors) Snapshot() Hardware {
	if h := s.latest.Load(); h != nil {
		return *h
	}
	return Hardware{}
}

// Run samples until ctx ends and returns nil. It waits for its probes, but not for more than a second for
// one that hangs in the kernel: nothing can interrupt it. Call it once.
func (s *Sensors) Run(ctx context.Context) error {
	tick := time.NewTicker(s.period)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.round(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	s.collect(context.Background(), s.grace)
	return nil
}

// Sample reads the sensors now and returns what came back within two seconds,
// for programs that must choose the moment, such as a benchmark between two
// measurements. Not together with Run, and by one goroutine at a time.
func (s *Sensors) Sample(ctx context.Context) Hardware {
	s.round(ctx)
	return s.Snapshot()
}

// round reads every idle probe once and publishes what came back in time.
func (s *Sensors) round(ctx context.Context) {
	s.drain()
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for i := range s.probes {
		p := &s.probes[i]
		if p.busy || p.once && p.apply != nil {
			continue
		}
		p.busy, p.apply = true, nil
		go func() { s.results <- call(limited, i, p.read) }()
	}
	s.collect(ctx, s.timeout)
	if ctx.Err() != nil {
		return
	}
	h := &Hardware{SampledAt: time.Now()}
	for i := range s.probes {
		p := &s.probes[i]
		if p.busy {
			s.warn(p, "sensor does not respond", nil)
		} else if p.apply != nil {
			p.apply(h)
		}
	}
	s.latest.Store(h)
}

// collect takes results until no probe is busy, the time is over or ctx ends.
func (s *Sensors) collect(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for s.anyBusy() {
		select {
		case r := <-s.results:
			s.take(r)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// drain takes results that came after their round. They free the probe, but are too old to show.
func (s *Sensors) drain() {
	for {
		select {
		case r := <-s.results:
			s.take(r)
		default:
			return
		}
	}
}

func (s *Sensors) take(r probeResult) {
	p := &s.probes[r.index]
	p.busy, p.apply = false, r.apply
	if r.err != nil {
		s.warn(p, "sensor unavailable or incomplete", r.err)
	}
}

// warn logs only the first problem of each probe: a missing sensor is not alarming.
func (s *Sensors) warn(p *probeState, message string, err error) {
	if !p.warned {
		p.warned = true
		s.log.Debug(message, zap.String("sensor", p.name), zap.Error(err))
	}
}

func (s *Sensors) anyBusy() bool {
	for i := range s.probes {
		if s.probes[i].busy {
			return true
		}
	}
	return false
}

// call runs one probe. Its parsers read what drivers and vendors write: a panic there loses the reading, not
// the miner.
func call(ctx context.Context, index int, read func(context.Context) (func(*Hardware), error)) (r probeResult) {
	r.index = index
	defer func() {
		if p := recover(); p != nil {
			r.apply, r.err = nil, fmt.Errorf("sensor panicked: %v", p)
		}
	}()
	r.apply, r.err = read(ctx)
	return r
}
