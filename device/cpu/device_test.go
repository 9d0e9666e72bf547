package cpu

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry/affinity"
	"quarry/hashing"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/telemetry"
	"quarry/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mining is a miner with one device; its options may be changed before it runs.
type mining struct {
	miner.Options
	cpu *Options
}

func testMining(t testing.TB, workers int, source miner.Source) mining {
	t.Helper()
	kernel, _, err := hashing.ChooseFrom(hashing.Kernels(), "generic")
	if err != nil {
		t.Fatal(err)
	}
	device, err := New(Options{Kernels: []hashing.Kernel{kernel}, Placements: make([]affinity.Placement, workers)})
	if err != nil {
		t.Fatal(err)
	}
	return mining{
		Options: miner.Options{Source: source, Devices: []miner.Device{device}, Telemetry: telemetry.New(nil, device.Counters())},
		cpu:     &device.options,
	}
}

// claims is a kernel that scans nothing and reports what it is told.
func claims(scan func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32)) hashing.Kernel {
	return hashing.Kernel{Name: "claims", Lanes: 256, Versions: 4, Scan: scan}
}

// TestLyingKernel: hits that the reference does not confirm are hardware
// errors and never shares.
func TestLyingKernel(t *testing.T) {
	source := minertest.Source{
		OnRun: minertest.Jobs(minertest.Job(t, 1, "1")),
		OnSubmit: func(context.Context, *work.Share) work.Verdict {
			t.Error("a false hit was submitted")
			return work.Verdict{}
		},
	}
	o := testMining(t, 2, source)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.cpu.Kernels[0] = claims(func(_ *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		hits[0] = hashing.Hit{Nonce: start}
		if o.Telemetry.Counters.HardwareErrors() > 100 {
			cancel()
		}
		return 1, count
	})
	if err := miner.Run(ctx, o.Options); err != nil {
		t.Fatal(err)
	}
	if s := o.Telemetry.Snapshot(); s.HardwareErrors < 100 || s.Shares.Found != 0 {
		t.Errorf("%d hardware errors and %d shares, want over 100 and none", s.HardwareErrors, s.Shares.Found)
	}
}

// TestNothingIsScannedTwice follows every scan of several workers through job
// changes: no (midstate, tail, nonce) comes up twice, and what a finished work
// covers is all 2^32 nonces.
func TestNothingIsScannedTwice(t *testing.T) {
	type span struct{ start, end uint64 }
	type header struct {
		midstate [8]uint32
		tail     [3]uint32
	}
	var mu sync.Mutex
	spans := map[header][]span{}
	enough := make(chan struct{})
	var once sync.Once
	kernel := claims(func(p *hashing.Prehash, start, count uint32, _ []hashing.Hit) (int, uint32) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range p.Midstates[:p.Versions] {
			h := header{m, p.Tail}
			spans[h] = append(spans[h], span{uint64(start), uint64(start) + uint64(count)})
		}
		if len(spans) > 3000 {
			once.Do(func() { close(enough) })
		}
		return 0, count
	})
	jobs := []*work.Job{minertest.Job(t, 1, "1"), minertest.Job(t, 2, "1"), minertest.Job(t, 1, "1")}
	source := minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		for i := 0; ; i++ {
			publish(jobs[i%len(jobs)])
			select {
			case <-enough:
				return errors.New("seen enough")
			case <-ctx.Done():
				return nil
			case <-time.After(2 * time.Millisecond):
			}
		}
	}}
	o := testMining(t, 3, source)
	o.cpu.Kernels[0], o.Start = kernel, work.Start{Nonce: 12345}
	if err := miner.Run(t.Context(), o.Options); err == nil || err.Error() != "seen enough" {
		t.Fatalf("ended with %v", err)
	}
	whole := 0
	for h, list := range spans {
		var sum uint64
		for i, s := range list {
			sum += s.end - s.start
			for _, other := range list[:i] {
				if s.start < other.end && other.start < s.end {
					t.Fatalf("header %x: nonces %v and %v overlap", h.tail, s, other)
				}
			}
		}
		if sum > nonces {
			t.Fatalf("header %x: %d nonces scanned, more than there are", h.tail, sum)
		}
		if sum == nonces {
			whole++
		}
	}
	if whole == 0 {
		t.Error("no work was ever finished: the test shows nothing about whole works")
	}
}
