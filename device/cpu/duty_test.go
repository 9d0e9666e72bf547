package cpu

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/telemetry"
	"quarry/work"
)

// TestPacerIsExact: whatever batches take and however late rests end, hashing time
// is the duty's part of 10 s to 0.5 %, on a clock of its own.
func TestPacerIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	for _, batch := range []time.Duration{100 * time.Microsecond, 400 * time.Microsecond, 20 * time.Millisecond} {
		for _, late := range []time.Duration{0, 100 * time.Microsecond, 15 * time.Millisecond} {
			for _, part := range []float64{0.01, 0.25, 0.5, 0.9, 0.99} {
				began := time.Now()
				now, p, hashed := began, pacer{}, time.Duration(0)
				p.due(now, part)
				for now.Sub(began) < 10*time.Second {
					for rest := p.due(now, part); rest > 0; rest = p.due(now, part) {
						now = now.Add(rest + time.Duration(rng.Float64()*float64(late)))
					}
					took := time.Duration((0.5 + rng.Float64()) * float64(batch))
					p.worked += took
					hashed += took
					now = now.Add(took + 300*time.Nanosecond) // besides the kernel
				}
				// The last batch may be long.
				allowed := 0.005 + float64(2*batch)/float64(10*time.Second)
				if got := hashed.Seconds() / now.Sub(began).Seconds(); math.Abs(got-part) > allowed {
					t.Errorf("duty %v, batches of %v, wake-ups %v late: hashed %.4f of the time", part, batch, late, got)
				}
			}
		}
	}
}

// TestPacerForgets: time without a job is no rest, and what a thread without a CPU
// did not do is made up for within bounds.
func TestPacerForgets(t *testing.T) {
	now, p := time.Now(), pacer{duty: new(duty)}
	p.duty.set(0.5)
	p.due(now, 0.5)
	p.worked = time.Millisecond
	p.pause(now.Add(time.Millisecond))
	p.resume(now.Add(time.Hour))
	if p.debt != 500*time.Microsecond {
		t.Errorf("a debt of %v after a pause, want 0.5 ms", p.debt)
	}
	p.due(now.Add(2*time.Hour), 0.5)
	if p.debt != -mostCredit {
		t.Errorf("a credit of %v, want %v", -p.debt, mostCredit)
	}
	p.worked = time.Hour
	if rest := p.due(now.Add(3*time.Hour), 0.5); rest != longestRest || p.debt != mostDebt {
		t.Errorf("a rest of %v for a debt of %v", rest, p.debt)
	}
}

// timed is a kernel that counts the time it has run.
func timed(k hashing.Kernel, hashed *atomic.Int64) hashing.Kernel {
	scan := k.Scan
	k.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		began := time.Now()
		found, done := scan(p, start, count, hits)
		hashed.Add(int64(time.Since(began)))
		return found, done
	}
	return k
}

// idleKernel finds nothing at 4 MH/s, without a CPU.
func idleKernel() hashing.Kernel {
	k := claims(func(p *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) {
		time.Sleep(time.Duration(float64(count) * float64(p.Versions) / 4e6 * 1e9))
		return 0, count
	})
	k.Lanes = 8
	return k
}

// latest measures by how much a sleeping thread wakes up too late at worst.
func latest(ctx context.Context) (worst time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for ctx.Err() == nil {
		began := time.Now()
		time.Sleep(5 * time.Millisecond)
		worst = max(worst, time.Since(began)-5*time.Millisecond)
	}
	return worst
}

// TestDuty: real workers hash the duty's part of 10 s, to 0.5 %. All but one of
// the devices have a kernel that takes time and no CPU.
func TestDuty(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s: not with -short")
	}
	o := testMining(t, 1, minertest.Source{OnRun: minertest.Jobs(minertest.Job(t, 1, "1000"))})
	generic := o.cpu.Kernels[0]
	duties := []float64{0.25, 0.9, 0.1}
	hashed := make([]atomic.Int64, len(duties))
	var devices []*Device
	var counters []*telemetry.Device
	o.Devices = nil
	for i, part := range duties {
		kernel := idleKernel()
		if i == len(duties)-1 {
			kernel = generic
		}
		d, err := New(Options{Kernels: []hashing.Kernel{timed(kernel, &hashed[i])}, Placements: make([]affinity.Placement, 1)})
		if err != nil {
			t.Fatal(err)
		}
		d.SetDuty(part)
		devices, counters, o.Devices = append(devices, d), append(counters, d.Counters()), append(o.Devices, d)
	}
	o.Telemetry = telemetry.New(nil, counters...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, o.Options) }()
	for _, d := range devices {
		settled(t, d)
	}
	measuring, measured := context.WithCancel(ctx)
	lateness := make(chan time.Duration, 1)
	go func() { lateness <- latest(measuring) }()
	began, before := time.Now(), make([]int64, len(duties))
	for i := range hashed {
		before[i] = hashed[i].Load()
	}
	time.Sleep(10 * time.Second)
	took := time.Since(began)
	var parts []float64
	for i := range hashed {
		parts = append(parts, float64(hashed[i].Load()-before[i])/float64(took))
	}
	measured()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	late := <-lateness
	for i, part := range duties {
		t.Logf("duty %v: hashed %.4f of the time (wake-ups up to %v late)", part, parts[i], late)
		switch {
		case math.Abs(parts[i]-part) <= 0.005:
		case late > 50*time.Millisecond:
			t.Skipf("threads get no CPU for up to %v here: duty %v was %.4f", late, part, parts[i])
		default:
			t.Errorf("duty %v: hashed %.4f of the time", part, parts[i])
		}
	}
}

// settled waits until the device's batches are as long as they shall be.
func settled(t *testing.T, d *Device) {
	t.Helper()
	for began := time.Now(); d.Counters().Hashes() < 1<<17; time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the device does not hash")
		}
	}
}

// TestDutyZero: workers stand still, go on when they may, notice jobs, and end at
// once, whatever sets the duty.
func TestDutyZero(t *testing.T) {
	jobs, next := make(chan string, 100), make(chan struct{})
	first, second := minertest.Job(t, 1, "1000"), minertest.Job(t, 2, "1000")
	o := testMining(t, 2, minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		publish(first)
		<-next
		publish(second)
		<-ctx.Done()
		return nil
	}})
	device := o.Devices[0].(*Device)
	o.Trace.Switched = func(_ int, job *work.Job) { jobs <- job.ID }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, o.Options) }()
	settled(t, device)

	device.SetDuty(math.NaN()) // is 0
	var before uint64
	for before = device.Counters().Hashes() + 1; before != device.Counters().Hashes(); time.Sleep(100 * time.Millisecond) {
		before = device.Counters().Hashes()
	}
	close(next)
	for range 2 * o.Telemetry.Counters.Len() { // the first job's, and those of the second
		<-jobs
	}
	if now := device.Counters().Hashes(); now != before {
		t.Errorf("%d hashes at duty 0", now-before)
	}
	var setting sync.WaitGroup
	for i := range 8 {
		setting.Go(func() {
			for n := range 100 {
				device.SetDuty(float64(i*n%7) / 7)
			}
		})
	}
	setting.Wait()
	device.SetDuty(1)
	for began := time.Now(); device.Counters().Hashes() == before; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the workers do not go on")
		}
	}
	device.SetDuty(0)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestDutyOneIsFree: nothing is counted, so that nothing can cost.
func TestDutyOneIsFree(t *testing.T) {
	d := new(duty)
	d.set(1)
	p := newPacer(d)
	p.worked = time.Hour
	if n := testing.AllocsPerRun(100, func() {
		if !p.ready(t.Context(), nil) {
			t.Fatal("not ready")
		}
	}); n != 0 || !p.last.IsZero() || p.timer != nil {
		t.Errorf("%v allocations, counting since %v", n, p.last)
	}
	for part, want := range map[float64]float64{-1: 0, 2: 1, 0.3: 0.3, math.Inf(1): 1} {
		if d.set(part); d.current.Load().part != want {
			t.Errorf("%v is set as %v", part, d.current.Load().part)
		}
	}
}
