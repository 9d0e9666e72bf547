// Package minertest has what tests of the miner and of devices share: a source
// made of functions, jobs, and the simplest possible device.
package minertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/miner"
	"quarry/telemetry"
	"quarry/work"
)

// Source is a [miner.Source] made of two functions.
type Source struct {
	OnRun    func(ctx context.Context, publish func(*work.Job)) error
	OnSubmit func(ctx context.Context, share *work.Share) work.Verdict
}

// Run calls OnRun.
func (s Source) Run(ctx context.Context, publish func(*work.Job)) error { return s.OnRun(ctx, publish) }

// Submit calls OnSubmit.
func (s Source) Submit(ctx context.Context, share *work.Share) work.Verdict {
	return s.OnSubmit(ctx, share)
}

// Status returns no pool.
func (Source) Status() []telemetry.PoolStatus { return nil }

// Jobs is a [Source]'s OnRun that publishes the jobs and waits for the end.
func Jobs(jobs ...*work.Job) func(context.Context, func(*work.Job)) error {
	return func(ctx context.Context, publish func(*work.Job)) error {
		for _, job := range jobs {
			publish(job)
		}
		<-ctx.Done()
		return nil
	}
}

// Accept is a [Source]'s OnSubmit that accepts all shares.
func Accept(context.Context, *work.Share) work.Verdict {
	return work.Verdict{Kind: work.Accepted, Sent: true}
}

// Job makes jobs that differ by the seed.
func Job(t testing.TB, seed byte, difficulty string) *work.Job {
	t.Helper()
	d, err := hashing.ParseDifficulty(difficulty)
	if err != nil {
		t.Fatal(err)
	}
	return &work.Job{
		ID: fmt.Sprint("job", seed), PrevHash: hashing.Hash{seed}, Coinb1: []byte{seed}, Coinb2: []byte{2},
		Extranonce1: []byte{3}, Extranonce2Size: 4, Version: 0x20000000, VersionMask: 0x1fffe000,
		NBits: 0x1d00ffff, NTime: 1_700_000_000, Difficulty: d, Received: time.Now(),
	}
}

// Reference is a device of goroutines that hash with the readable reference.
type Reference struct {
	Nonces uint64 // in a work
	Batch  func() // called before each few hashes; may be nil

	counters *telemetry.Device
}

// NewReference makes a device with so many workers.
func NewReference(name string, workers int) *Reference {
	return &Reference{Nonces: 1 << 32, counters: telemetry.NewDevice(name, workers)}
}

// Counters returns what the workers count.
func (r *Reference) Counters() *telemetry.Device { return r.counters }

// Run hashes until ctx ends.
func (r *Reference) Run(ctx context.Context, s *miner.Search) error {
	r.counters.SetKernel("reference")
	var running sync.WaitGroup
	for i := range r.counters.Len() {
		running.Go(func() { r.work(ctx, s, i) })
	}
	running.Wait()
	return nil
}

func (r *Reference) work(ctx context.Context, s *miner.Search, index int) {
	var w work.Work
	var last *miner.Assignment
	for a := s.Await(ctx); a != nil; a = s.Await(ctx) {
		start, ok := s.Next(ctx, &w, a, 4)
		if !ok {
			continue
		}
		if a != last {
			s.Switched(index, a.Job)
		}
		last = a
		for n := uint64(0); n < r.Nonces && s.Newest() == a && ctx.Err() == nil; n++ {
			if r.Batch != nil {
				r.Batch()
			}
			for version := range w.Versions {
				if share, kind := w.Verify(hashing.Hit{Nonce: start + uint32(n), Version: uint32(version)}); kind == work.Found {
					s.Found(share)
				}
			}
			r.counters.Worker(index).Add(uint64(w.Versions))
		}
	}
}

var _ miner.Device = (*Reference)(nil)
