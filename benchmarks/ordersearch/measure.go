package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"quarry/bench"
	"quarry/hashing"
)

// measuring is the order of the measuring process, and its answer.
type measuring struct {
	Kernel   string  `json:"kernel"` // the one in use, which the candidates are compared with
	Versions []int   `json:"versions"`
	Rounds   int     `json:"rounds"`  // wanted
	Seconds  float64 `json:"seconds"` // at most, if few samples are undisturbed
	Winners  int     `json:"winners"` // hashes by each candidate to test it with
	Free     float64 `json:"free"`    // see gate
}

type measured struct {
	Free       float64   `json:"free"`
	Samples    int       `json:"samples"`
	Kept       int       `json:"kept"`
	InUse      []*series `json:"in_use"` // one for each number of versions
	Candidates []outcome `json:"candidates"`
}

type outcome struct {
	Fault  string    `json:"fault,omitempty"` // why it hashes wrong
	Series []*series `json:"series"`
}

// series is the cycles per hash of each round, 0 where too few samples were kept.
type series struct {
	Versions int       `json:"versions"`
	Cycles   []float64 `json:"cycles"`

	work *work
}

// measure runs the measuring process: the candidates against the kernel in use,
// all in turn, round by round. It ends with its input. The goroutine is locked to its thread.
func measure(in io.Reader, out io.Writer) error {
	var m measuring
	if err := json.NewDecoder(in).Decode(&m); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	closed := make(chan struct{})
	go func() {
		io.Copy(io.Discard, in) // until it ends, for whatever reason
		close(closed)
	}()
	inUse, err := hashing.Lookup(m.Kernel)
	if err != nil {
		return err
	}
	var done measured
	all, err := done.prepare(&m, inUse)
	if err != nil {
		return err
	}
	core, err := bench.NewCore()
	if err != nil {
		return err
	}
	g := newGate(core, m.Free)
	ends := time.Now().Add(time.Duration(m.Seconds * float64(time.Second)))
	for round := 0; round < m.Rounds && time.Now().Before(ends); {
		select {
		case <-closed:
			return errors.New("standard input was closed before all was measured")
		default:
		}
		if done.round(g, all) {
			round++
		}
	}
	done.Free = g.free
	return json.NewEncoder(out).Encode(&done)
}

// round measures all once. It reports false if not even the first could be measured,
// because a neighbor is busy.
func (d *measured) round(g *gate, all []*series) bool {
	for i, s := range all {
		cycles, kept, tried := s.work.round(g)
		d.Kept += kept
		d.Samples += tried
		if i == 0 && cycles == 0 {
			return false
		}
		s.Cycles = append(s.Cycles, cycles)
	}
	return true
}

// prepare tests the candidates and lists what is to be measured.
func (d *measured) prepare(m *measuring, inUse hashing.Kernel) (all []*series, err error) {
	e, err := newExaminer(m.Versions, m.Winners)
	if err != nil {
		return nil, err
	}
	lines := func(k hashing.Kernel) (list []*series) {
		for _, v := range m.Versions {
			list = append(list, &series{Versions: v, work: newWork(k, v)})
		}
		return list
	}
	d.InUse = lines(inUse)
	all = append(all, d.InUse...)
	for _, k := range candidates() {
		var o outcome
		if err := e.test(k); err != nil {
			o.Fault = err.Error()
		} else {
			o.Series = lines(k)
			all = append(all, o.Series...)
		}
		d.Candidates = append(d.Candidates, o)
	}
	return all, nil
}

// work is a search that never finds anything.
type work struct {
	kernel  hashing.Kernel
	prehash hashing.Prehash
	hits    []hashing.Hit
}

func newWork(k hashing.Kernel, versions int) *work {
	w := &work{kernel: k, hits: make([]hashing.Hit, hashing.MinHits)}
	w.prehash.Set(someHeader(), someVersions(versions), 0)
	return w
}

func (w *work) scan(nonces uint32) { w.kernel.Scan(&w.prehash, rand.Uint32(), nonces, w.hits) }

// nonces returns a number of nonces in whole groups, at least one, of about that many
// hashes.
func (w *work) nonces(hashes int) uint32 {
	group := w.kernel.Lanes * w.prehash.Versions
	return uint32(max(hashes/group, 1) * w.kernel.Lanes)
}

const (
	// sampleHashes is the hashes of a short sample; a long one has longer times as
	// many: 4 and 13 microseconds, because with a busy neighbor quiet times are not
	// much longer.
	sampleHashes = 256
	longer       = 3
	wantSamples  = 20 // of each length in a round
	fewSamples   = 10
	roundTime    = 20 * time.Millisecond // at most: undisturbed ones take 1
)

// round returns one figure: long samples minus short ones, so that the overhead of a
// call does not count. Single good samples among rejected ones are likely disturbed
// too, between their looks, and dropped.
func (w *work) round(g *gate) (cycles float64, kept, tried int) {
	nonces := w.nonces(sampleHashes)
	var short, long []float64
	rejected := 0 // among these samples
	for ends := time.Now().Add(roundTime); len(long) < wantSamples && time.Now().Before(ends); tried++ {
		sample, n := &short, nonces
		if len(long) < len(short) {
			sample, n = &long, nonces*longer
		}
		if c, ok := g.cycles(func() { w.scan(n) }); ok {
			*sample = append(*sample, c)
			kept++
			continue
		}
		if rejected++; rejected > len(short)+fewSamples/2 {
			short, long, rejected = nil, nil, 0
		}
	}
	if len(long) < fewSamples {
		return 0, kept, tried
	}
	return (typical(long) - typical(short)) / float64(nonces*(longer-1)*uint32(w.prehash.Versions)), kept, tried
}

// typical returns the lower quartile, because unnoticed disturbances only add time.
func typical(cycles []float64) float64 {
	slices.Sort(cycles)
	return cycles[len(cycles)/4]
}
