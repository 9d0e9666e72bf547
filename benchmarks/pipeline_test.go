package benchmarks

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/miner"
	"quarry/stratum"
	"quarry/stratum/localpool"
	"quarry/stratum/v1"
	"quarry/telemetry"
	"quarry/work"
)

// spareProcs is what cmd/quarry gives Go beside the workers.
const spareProcs = 4

// rig is a whole miner on every CPU of the machine, against a practice pool
// over a real TCP connection, all in this process.
type rig struct {
	pool       *localpool.Pool
	kernel     hashing.Kernel
	placements []miner.Placement
	telemetry  *telemetry.Telemetry
	stop       func()
}

func startRig(b *testing.B, difficulty string, trace miner.Trace, session v1.Trace, wrap func(hashing.Kernel) hashing.Kernel) *rig {
	b.Helper()
	r := &rig{}
	var err error
	r.pool, err = localpool.New(localpool.Config{
		Difficulty: difficulty, JobInterval: time.Hour, BlockInterval: time.Hour, NBits: "1a00ffff",
	})
	check(b, err)
	check(b, r.pool.Listen())
	r.kernel, r.placements = allCPUs(b)
	if wrap != nil {
		r.kernel = wrap(r.kernel)
	}
	r.telemetry = telemetry.New(len(r.placements), nil)
	client, err := stratum.New(stratum.Options{
		Pools: []stratum.Pool{{URL: "stratum+tcp://" + r.pool.Addr(), User: "bench", Password: "x"}}, Trace: session,
	})
	check(b, err)

	serving, stopPool := context.WithCancel(context.Background())
	mining, stopMining := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.pool.Run(serving); err != nil {
			b.Errorf("pool: %v", err)
		}
	})
	mined := make(chan error, 1)
	go func() {
		mined <- miner.Run(mining, miner.Options{
			Source: client, Kernels: []hashing.Kernel{r.kernel}, Placements: r.placements, Priority: miner.PriorityLow,
			Telemetry: r.telemetry, Trace: trace,
		})
	}()
	r.stop = func() {
		stopMining()
		if err := <-mined; err != nil {
			b.Errorf("miner: %v", err)
		}
		stopPool()
		running.Wait()
	}
	return r
}

func allCPUs(b *testing.B) (hashing.Kernel, []miner.Placement) {
	b.Helper()
	kernel, _, err := hashing.Choose(hashing.Auto)
	check(b, err)
	set, err := miner.UsableCPUs()
	check(b, err)
	placements, err := miner.ChooseCPUs(set, 0, nil)
	check(b, err)
	before := runtime.GOMAXPROCS(len(placements) + spareProcs)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
	return kernel, placements
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMiningRate compares the summed rate while mining with the same
// kernel's raw rate on the same threads. The two take turns of a tenth of a
// second in one run, because shared machines change their speed from one
// second to the next. ratio is mining/raw; one iteration is 10 s.
func BenchmarkMiningRate(b *testing.B) {
	const turn, turns = 100 * time.Millisecond, 50
	var raw rawTurns
	r := startRig(b, "0.01", miner.Trace{}, v1.Trace{}, raw.wrap)
	defer r.stop()
	var ratios, raws, minings []float64
	time.Sleep(time.Second)
	for b.Loop() {
		began, mined := time.Now(), r.telemetry.Counters.Hashes()
		raw.nanoseconds.Store(0)
		raw.hashes.Store(0)
		for range turns {
			raw.on.Store(true)
			time.Sleep(turn)
			raw.on.Store(false)
			time.Sleep(turn)
		}
		// Thread seconds: a worker is either in a raw turn or mining.
		rawTime := time.Duration(raw.nanoseconds.Load()).Seconds()
		mineTime := float64(len(r.placements))*time.Since(began).Seconds() - rawTime
		rawRate := float64(raw.hashes.Load()) / rawTime
		mineRate := float64(r.telemetry.Counters.Hashes()-mined) / mineTime
		ratios, raws, minings = append(ratios, mineRate/rawRate), append(raws, rawRate), append(minings, mineRate)
	}
	workers := float64(len(r.placements))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(workers*median(raws)/1e6, "raw-MH/s")
	b.ReportMetric(workers*median(minings)/1e6, "mining-MH/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
}

// rawTurns makes workers run the kernel alone while on is set: no new jobs,
// no shares, no checks between the calls.
type rawTurns struct {
	on                  atomic.Bool
	hashes, nanoseconds atomic.Int64
}

func (r *rawTurns) wrap(kernel hashing.Kernel) hashing.Kernel {
	const call = 1 << 11 // nonces under each version: some milliseconds
	scan := kernel.Scan
	kernel.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		if r.on.Load() {
			began := time.Now()
			impossible := *p
			impossible.Limit = 0
			var hashes int64
			for nonce := start; r.on.Load(); nonce += call {
				_, done := scan(&impossible, nonce, call, hits)
				hashes += int64(done) * int64(p.Versions)
			}
			r.hashes.Add(hashes)
			r.nanoseconds.Add(int64(time.Since(began)))
		}
		return scan(p, start, count, hits)
	}
	return kernel
}

// BenchmarkJobSwitch measures from just before the pool writes a notify to
// the last worker starting its first scan of the new job, all CPUs hashing.
func BenchmarkJobSwitch(b *testing.B) {
	type seen struct {
		job *work.Job
		at  time.Time
	}
	switched := make(chan seen, 1024)
	r := startRig(b, "1000", miner.Trace{Switched: func(_ int, job *work.Job) { switched <- seen{job, time.Now()} }}, v1.Trace{}, nil)
	defer r.stop()
	for range r.placements {
		<-switched
	}
	var all []float64
	for b.Loop() {
		// Not in step with anything: batches, ticks, the scheduler.
		time.Sleep(time.Duration(5+len(all)%17) * time.Millisecond)
		began := time.Now()
		check(b, r.pool.NewJob())
		var last time.Time
		for range r.placements {
			last = (<-switched).at
		}
		all = append(all, last.Sub(began).Seconds()*1e3)
	}
	reportLatencies(b, all)
}

// BenchmarkSubmit measures from a verified hit in the worker to the last byte
// of its submit written to the socket, all CPUs hashing.
func BenchmarkSubmit(b *testing.B) {
	var mu sync.Mutex
	written := map[*work.Share]time.Time{}
	latencies := make(chan float64, 1<<16)
	session := v1.Trace{SubmitWritten: func(share *work.Share, at time.Time) {
		mu.Lock()
		defer mu.Unlock()
		written[share] = at
	}}
	settled := func(share *work.Share, found time.Time, verdict error) {
		mu.Lock()
		at, ok := written[share]
		delete(written, share)
		mu.Unlock()
		if ok && verdict == nil {
			latencies <- at.Sub(found).Seconds() * 1e3
		}
	}
	r := startRig(b, "0.0002", miner.Trace{Settled: settled}, session, nil)
	defer r.stop()
	var all []float64
	for b.Loop() {
		all = append(all, <-latencies)
	}
	reportLatencies(b, all)
}

// reportLatencies prints milliseconds.
func reportLatencies(b *testing.B, all []float64) {
	slices.Sort(all)
	b.ReportMetric(0, "ns/op")
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50-ms", 0.5}, {"p99-ms", 0.99}, {"max-ms", 1}} {
		b.ReportMetric(all[min(int(q.at*float64(len(all))), len(all)-1)], q.name)
	}
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
