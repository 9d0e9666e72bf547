package benchmarks

import (
	"context"
	"runtime"
	"slices"
	"sync"
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

func startRig(b *testing.B, difficulty string, trace miner.Trace, session v1.Trace) *rig {
	b.Helper()
	r := &rig{}
	var err error
	r.pool, err = localpool.New(localpool.Config{
		Difficulty: difficulty, JobInterval: time.Hour, BlockInterval: time.Hour, NBits: "1a00ffff",
	})
	check(b, err)
	check(b, r.pool.Listen())
	r.kernel, r.placements = allCPUs(b)
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
			Source: client, Kernel: r.kernel, Placements: r.placements, Priority: miner.PriorityLow,
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
	runtime.GOMAXPROCS(len(placements) + spareProcs)
	return kernel, placements
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMiningRate compares the summed rate while mining with the same
// kernel's raw rate on as many threads, placed the same way, in alternating
// slices of one run. ratio is mining/raw, the median over the rounds.
func BenchmarkMiningRate(b *testing.B) {
	const slice, rounds = 2 * time.Second, 5
	var ratios, raws, minings []float64
	for b.Loop() {
		for range rounds {
			raw := rawRate(b, slice)
			mining := miningRate(b, slice)
			ratios, raws, minings = append(ratios, mining/raw), append(raws, raw), append(minings, mining)
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(raws)/1e6, "raw-MH/s")
	b.ReportMetric(median(minings)/1e6, "mining-MH/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(ratios[0], "ratio-min")
	b.ReportMetric(ratios[len(ratios)-1], "ratio-max")
}

// miningRate mines for a while after the first job has come, and counts only
// from then on.
func miningRate(b *testing.B, d time.Duration) float64 {
	switched := make(chan struct{}, 1024)
	r := startRig(b, "0.01", miner.Trace{Switched: func(int, *work.Job) { switched <- struct{}{} }}, v1.Trace{})
	defer r.stop()
	for range r.placements {
		<-switched
	}
	return hashesOver(r.telemetry.Counters, d)
}

// rawRate runs the kernel alone on as many threads: no jobs, no shares, no
// checks between long calls.
func rawRate(b *testing.B, d time.Duration) float64 {
	kernel, placements := allCPUs(b)
	counters := telemetry.NewCounters(len(placements))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range placements {
		running.Go(func() { scanForever(ctx, kernel, uint32(i)<<28, counters.Worker(i)) })
	}
	rate := hashesOver(counters, d)
	cancel()
	running.Wait()
	return rate
}

func scanForever(ctx context.Context, kernel hashing.Kernel, nonce uint32, counter *telemetry.WorkerCounter) {
	const call = 1 << 17 // nonces: some milliseconds
	runtime.LockOSThread()
	var header hashing.Header
	var prehash hashing.Prehash
	prehash.Set(&header, []uint32{0x20000000}, 0)
	hits := make([]hashing.Hit, hashing.MinHits)
	for ctx.Err() == nil {
		_, done := kernel.Scan(&prehash, nonce, call, hits)
		nonce += done
		counter.Add(uint64(done))
	}
}

// hashesOver is the summed rate over d, after a moment of warming up.
func hashesOver(c *telemetry.Counters, d time.Duration) float64 {
	time.Sleep(d / 8)
	began, before := time.Now(), c.Hashes()
	time.Sleep(d)
	return float64(c.Hashes()-before) / time.Since(began).Seconds()
}

// BenchmarkJobSwitch measures from just before the pool writes a notify to
// the last worker starting its first scan of the new job, all CPUs hashing.
func BenchmarkJobSwitch(b *testing.B) {
	type seen struct {
		job *work.Job
		at  time.Time
	}
	switched := make(chan seen, 1024)
	r := startRig(b, "1000", miner.Trace{Switched: func(_ int, job *work.Job) { switched <- seen{job, time.Now()} }}, v1.Trace{})
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
	r := startRig(b, "0.0002", miner.Trace{Settled: settled}, session)
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
