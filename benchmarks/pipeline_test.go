package benchmarks

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/affinity"
	"quarry/bench/stats"
	"quarry/device/cpu"
	"quarry/hashing"
	"quarry/miner"
	"quarry/stratum"
	"quarry/stratum/localpool"
	"quarry/stratum/v1"
	"quarry/telemetry"
)

// spareProcs is the threads that cmd/quarry gives Go in addition to the workers.
const spareProcs = 4

// rig is a complete miner on every CPU of the machine, against a practice pool
// over a real TCP connection, all in this process.
type rig struct {
	pool       *localpool.Pool
	kernel     hashing.Kernel
	placements []affinity.Placement
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
	serving, stopPool := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.pool.Run(serving); err != nil {
			b.Errorf("pool: %v", err)
		}
	})
	var stopMining func()
	r.telemetry, stopMining = mine(b, r.pool.Addr(), session, cpu.Options{Kernels: []hashing.Kernel{r.kernel}, Placements: r.placements}, trace)
	r.stop = func() {
		stopMining()
		stopPool()
		running.Wait()
	}
	return r
}

// mine starts a miner with the priority that quarry mine has, which
// QUARRY_PRIORITY may change. It must be stopped.
func mine(b *testing.B, address string, session v1.Trace, o cpu.Options, trace miner.Trace) (t *telemetry.Telemetry, stop func()) {
	b.Helper()
	var err error
	o.Priority, err = affinity.ParsePriority(cmp.Or(os.Getenv("QUARRY_PRIORITY"), "low"))
	check(b, err)
	device, err := cpu.New(o)
	check(b, err)
	t = telemetry.New(nil, device.Counters())
	client, err := stratum.New(stratum.Options{
		Pools: []stratum.Pool{{URL: "stratum+tcp://" + address, User: "bench", Password: "x"}}, Trace: session,
	})
	check(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	mined := make(chan error, 1)
	go func() {
		mined <- miner.Run(ctx, miner.Options{Source: client, Devices: []miner.Device{device}, Telemetry: t, Trace: trace})
	}()
	return t, func() {
		cancel()
		if err := <-mined; err != nil {
			b.Errorf("miner: %v", err)
		}
	}
}

func allCPUs(b *testing.B) (hashing.Kernel, []affinity.Placement) {
	b.Helper()
	kernel, _, err := hashing.ChooseFrom(hashing.Kernels(), hashing.Auto)
	check(b, err)
	set, err := affinity.UsableCPUs()
	check(b, err)
	placements, err := affinity.ChooseCPUs(set, 0, nil)
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

// BenchmarkMiningRate compares the rate while mining with the same kernel's
// raw rate on the same threads, each in hashes per second of the workers' CPU
// time. The two take turns of a tenth of a second in one run, because shared
// machines change their speed from one second to the next. ratio is
// mining/raw; one iteration is 10 s.
func BenchmarkMiningRate(b *testing.B) {
	const turn, turns = 100 * time.Millisecond, 50
	var raw rawTurns
	r := startRig(b, "0.01", miner.Trace{}, v1.Trace{}, raw.wrap)
	defer r.stop()
	var ratios, raws, minings []float64
	time.Sleep(time.Second)
	for b.Loop() {
		began, mined := raw.clocks.sum(), r.telemetry.Counters.Hashes()
		raw.nanoseconds.Store(0)
		raw.hashes.Store(0)
		for range turns {
			raw.on.Store(true)
			time.Sleep(turn)
			raw.on.Store(false)
			time.Sleep(turn)
		}
		rawTime := time.Duration(raw.nanoseconds.Load()).Seconds()
		mineTime := (raw.clocks.sum() - began).Seconds() - rawTime
		rawRate := float64(raw.hashes.Load()) / rawTime
		mineRate := float64(r.telemetry.Counters.Hashes()-mined) / mineTime
		ratios, raws, minings = append(ratios, mineRate/rawRate), append(raws, rawRate), append(minings, mineRate)
	}
	workers := float64(len(r.placements))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(workers*stats.Median(raws)/1e6, "raw-MH/s")
	b.ReportMetric(workers*stats.Median(minings)/1e6, "mining-MH/s")
	b.ReportMetric(stats.Median(ratios), "ratio")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
}

// rawTurns makes workers run the kernel alone while on is set: no new jobs,
// no shares, no checks between the calls, which are as long as the miner's (and
// quarry bench's).
type rawTurns struct {
	on                  atomic.Bool
	hashes, nanoseconds atomic.Int64
	clocks              threadClocks
}

func (r *rawTurns) wrap(kernel hashing.Kernel) hashing.Kernel {
	scan := kernel.Scan
	kernel.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		if r.on.Load() {
			began := threadTime()
			impossible := *p
			impossible.Limit = 0
			var hashes int64
			for nonce := start; r.on.Load(); nonce += count {
				_, done := scan(&impossible, nonce, count, hits)
				hashes += int64(done) * int64(p.Versions)
			}
			r.hashes.Add(hashes)
			r.nanoseconds.Add(int64(threadTime() - began))
		}
		return scan(p, start, count, hits)
	}
	return r.clocks.wrap(kernel)
}

// threadClocks records the CPU time of the threads that call a kernel, each with its
// own hit buffer.
type threadClocks struct{ byBuffer sync.Map }

func (c *threadClocks) wrap(kernel hashing.Kernel) hashing.Kernel {
	scan := kernel.Scan
	kernel.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		found, done := scan(p, start, count, hits)
		clock, known := c.byBuffer.Load(&hits[0])
		if !known {
			clock, _ = c.byBuffer.LoadOrStore(&hits[0], new(atomic.Int64))
		}
		clock.(*atomic.Int64).Store(int64(threadTime()))
		return found, done
	}
	return kernel
}

func (c *threadClocks) sum() (all time.Duration) {
	c.byBuffer.Range(func(_, clock any) bool {
		all += time.Duration(clock.(*atomic.Int64).Load())
		return true
	})
	return all
}
