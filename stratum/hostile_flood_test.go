package stratum

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/device/cpu"
	"quarry/hashing"
	"quarry/miner"
	"quarry/stratum/stratumtest"
	"quarry/telemetry"
	"quarry/work"
)

// hostileJobFlood: a pool that sends a flood of jobs is left within 10 seconds,
// and until then the workers search the newest of its jobs; no more than 64 are
// kept.
func hostileJobFlood(t *testing.T) {
	var sent, begun atomic.Int64 // begun: in nanoseconds since 1970
	flooding := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		begun.CompareAndSwap(0, time.Now().UnixNano())
		for {
			var lines strings.Builder
			for range 20 { // 2,000 a second
				fmt.Fprintf(&lines, `{"id":null,"method":"mining.notify","params":%s}`+"\n", today(fmt.Sprint(sent.Add(1))).Params())
			}
			if _, err := c.Raw().Write([]byte(lines.String())); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // the pool's pace, not a wait of the test
		}
	})
	shares := make(chan stratumtest.Request, 10)
	calm := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(today("calm").Params())
		takes(c, shares)
	})
	r := run(t, pools(flooding.URL, calm.URL), func(r *running) {
		withoutDebug(r)
		r.speed = 1 // or the flood would be back before the other pool is connected to
	})
	w := newWorkers(t)
	first := r.jobOf(flooding)
	w.jobs <- first
	last, second, hashes := first, time.Now(), uint64(0)
	for count := 1; last.Pool == flooding.URL; count++ {
		job := r.job()
		if job == nil { // the pool cannot resume the session
			job = r.jobOf(calm)
		}
		switch {
		case job.Pool == flooding.URL && (len(job.ID) < len(last.ID) || len(job.ID) == len(last.ID) && job.ID <= last.ID):
			t.Fatalf("job %s after %s", job.ID, last.ID)
		case count == 200: // more than are kept
			r.unsentStale(share(first, 1))
		}
		last = job
		w.jobs <- job
		if now := time.Now(); now.Sub(second) >= time.Second {
			if have := w.counters.Hashes(); have == hashes {
				t.Fatalf("no hash within %v", now.Sub(second))
			} else {
				second, hashes = now, have
			}
		}
	}
	// v1's TestFlood has the exact limits; this machine may be late.
	if took, n := time.Since(time.Unix(0, begun.Load())), sent.Load(); took < 8900*time.Millisecond || took > 12*time.Second || n < 2000 {
		t.Errorf("%d jobs of the flood within %v", n, took)
	}
	r.drops(flooding, "more than 100 messages a second for 10 seconds", time.Second)
	if v := r.submit(share(last, 2)); v.Kind != work.Accepted || last.ID != "calm" {
		t.Errorf("job %s after the flood: %v", last.ID, v)
	}
}

// workers are a miner's, for the jobs that a test hands them.
type workers struct {
	jobs     chan *work.Job
	counters *telemetry.Counters
}

func newWorkers(t *testing.T) *workers {
	device, err := cpu.New(cpu.Options{Kernels: []hashing.Kernel{pacedKernel(t, 500_000)}, Placements: make([]affinity.Placement, 1)})
	if err != nil {
		t.Fatal(err)
	}
	counters := telemetry.New(nil, device.Counters())
	w := &workers{jobs: make(chan *work.Job), counters: counters.Counters}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- miner.Run(ctx, miner.Options{
			Source: w, Devices: []miner.Device{device},
			Telemetry: counters, Log: zap.NewNop(),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the workers ended with %v", err)
		}
	})
	return w
}

// Run is the miner's source.
func (w *workers) Run(ctx context.Context, publish func(*work.Job)) error {
	for {
		select {
		case job := <-w.jobs:
			publish(job)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Submit takes every share.
func (w *workers) Submit(context.Context, *work.Share) work.Verdict {
	return work.Verdict{Kind: work.Accepted, Sent: true}
}

// Status is of nobody.
func (w *workers) Status() []telemetry.PoolStatus { return nil }

// withoutDebug leaves out the log's debug lines, one for each job.
func withoutDebug(r *running) { r.level.SetLevel(zap.InfoLevel) }
