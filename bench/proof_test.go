package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"quarry/affinity"
	"quarry/bench/report"
	"quarry/hashing"
)

func TestProofFindsEveryKernelRight(t *testing.T) {
	for _, k := range hashing.Kernels() {
		if k.MissingHere() != "" {
			continue
		}
		for _, versions := range []int{1, 3, hashing.MaxVersions} {
			ring := smallRing(versions)
			want := 0
			for _, p := range ring {
				want += len(p.winners)
			}
			count, err := pass(k, ring)
			if err != nil || !count.Right() || count.Planted != uint64(want) || count.Hashes != 2*40320 {
				t.Errorf("%s, %d versions: %+v, %v; want %d winners, 80640 hashes", k.Name, versions, count, err, want)
			}
			if want < 200 {
				t.Errorf("%d versions: only %d winners planted", versions, want)
			}
		}
	}
}

// TestWinnersAreWhatTheReferenceSays: crypto/sha256 planted them, the readable
// reference of package hashing confirms them and that there are no others.
func TestWinnersAreWhatTheReferenceSays(t *testing.T) {
	p := NewProof(7, 2, 1<<15)
	dense := newProof(seeded(3), 2, 3000, 0xfffffff0, Dense)
	if len(p.winners) == 0 || p.count != 1<<14 {
		t.Errorf("%d winners of %d nonces", len(p.winners), p.count)
	}
	k := generic(t)
	hits := make([]hashing.Hit, hashing.MinHits)
	found, done := k.Scan(&dense.prehash, dense.start, dense.count, hits)
	slices.SortFunc(hits[:found], dense.order)
	if done != dense.count || !slices.Equal(hits[:found], dense.winners) {
		t.Errorf("reference finds %v, planted are %v", hits[:found], dense.winners)
	}
}

func TestProofSeesEveryFault(t *testing.T) {
	ring := smallRing(3)
	for _, k := range faultyKernels(t) {
		count, err := pass(k, ring)
		if err == nil && count.Right() {
			t.Errorf("%s passes: %+v", k.Name, count)
		}
	}
}

// TestWrapIsProven: a kernel that stops at the last nonce is caught for any batch
// size, with calls of 0.1 to 3 ms of a simulated clock, and wherever the wrap lies
// in the range. A correct one passes.
func TestWrapIsProven(t *testing.T) {
	r := seeded(9)
	var stops hashing.Kernel
	for _, k := range faultyKernels(t) {
		if k.Name == "stops-at-the-last-nonce" {
			stops = k
		}
	}
	for range 40 {
		before := 1 + r.Uint32N(1000)
		p := newProof(r, 1, 2016, -before, 1<<5)
		for _, lanes := range []int{1, 4, 5, 8, 16, 48} {
			for _, k := range []hashing.Kernel{stops, generic(t)} {
				k.Lanes = lanes
				s := newScanner(k, []*Proof{p}, 0)
				var now time.Time
				s.now = func() time.Time {
					now = now.Add(time.Duration(1e5 + r.IntN(29e5)))
					return now
				}
				count, err := s.pass()
				if err != nil || count.Right() != (k.Name != stops.Name) {
					t.Errorf("%s, %d lanes, the wrap after %d nonces: %+v, %v", k.Name, lanes, before, count, err)
				}
			}
		}
	}
}

func TestProofCounts(t *testing.T) {
	p := smallRing(1)[0]
	w := slices.Clone(p.winners)
	last := w[len(w)-1].Nonce - p.start + 1
	for name, c := range map[string]struct {
		hits         []hashing.Hit
		found, wrong int
	}{
		"all":         {w, len(w), 0},
		"none":        {nil, 0, 0},
		"first gone":  {w[1:], len(w) - 1, 0},
		"last gone":   {w[:len(w)-1], len(w) - 1, 0},
		"twice":       {append(slices.Clone(w), w[3], w[3]), len(w), 2},
		"one off":     {append(slices.Clone(w[1:]), hashing.Hit{Nonce: w[0].Nonce + 1, Version: 0}), len(w) - 1, 1},
		"bad version": {append(slices.Clone(w[1:]), hashing.Hit{Nonce: w[0].Nonce, Version: 1}), len(w) - 1, 1},
		"outside":     {append(slices.Clone(w), hashing.Hit{Nonce: p.start - 1}), len(w), 1},
	} {
		slices.Reverse(c.hits)
		got := p.judge(0, last, slices.Clone(c.hits))
		want := report.ProofCount{Planted: uint64(len(w)), Found: uint64(c.found), Wrong: uint64(c.wrong), Hashes: uint64(last)}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		slices.Reverse(c.hits)
	}
}

func TestRate(t *testing.T) {
	ring := smallRing(2)
	places := []affinity.Placement{{CPU: -1}, {CPU: -1}, {CPU: -1}}
	sample, err := Rate(context.Background(), generic(t), ring, places, 0)
	if err != nil || len(sample.Threads) != 3 || sample.Rate <= 0 || sample.Hashes != sample.Proof.Hashes {
		t.Errorf("%+v, %v", sample, err)
	}
	var sum uint64
	for i, thread := range sample.Threads {
		sum += thread.Hashes
		if thread.Hashes == 0 || thread.Elapsed <= 0 || thread.CPU != -1 {
			t.Errorf("thread %d: %+v", i, thread)
		}
	}
	if sum != sample.Hashes {
		t.Errorf("threads have %d hashes, the sample %d", sum, sample.Hashes)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := Rate(ended, generic(t), ring, places, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if _, err := Rate(context.Background(), generic(t), nil, places, 0); err == nil {
		t.Error("no proofs: no error")
	}
	if _, err := Rate(context.Background(), generic(t), ring, []affinity.Placement{{CPU: 4095, Pinned: true}}, time.Hour); err == nil {
		t.Error("a cpu that is not there: no error")
	}
}

func TestRateStopsAtAWrongKernel(t *testing.T) {
	places := []affinity.Placement{{CPU: -1}, {CPU: -1}}
	for _, k := range faultyKernels(t) {
		_, err := Rate(context.Background(), k, smallRing(2), places, time.Hour)
		var wrong *WrongKernel
		if !errors.As(err, &wrong) || wrong.Kernel != k.Name || wrong.Thread < 0 || wrong.Thread > 1 {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

// TestRatePinningDoesNotLeak: the threads die with their pinning.
func TestRatePinningDoesNotLeak(t *testing.T) {
	before, err := affinity.UsableCPUs()
	if err != nil {
		t.Fatal(err)
	}
	if !before.CanPin {
		t.Skip("this system does not pin threads")
	}
	places := []affinity.Placement{{CPU: before.CPUs[0], Pinned: true}}
	if _, err := Rate(context.Background(), generic(t), smallRing(1), places, 0); err != nil {
		t.Fatal(err)
	}
	for range 64 {
		after, err := affinity.UsableCPUs()
		if err != nil || !slices.Equal(after.CPUs, before.CPUs) {
			t.Fatalf("usable CPUs are %v after a pinned sample, %v before; %v", after.CPUs, before.CPUs, err)
		}
	}
}

func TestRing(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes some millions with crypto/sha256")
	}
	ring := Ring(1, hashing.MaxVersions, Sparse)
	wraps := false
	for i, p := range ring {
		wraps = wraps || p.wrap > 0 && len(p.between(p.wrap, p.count)) > 0
		if n := len(p.winners); n < 80 || n > 300 || p.count*32 != ProofHashes {
			t.Errorf("proof %d: %d winners of %d nonces", i, n, p.count)
		}
		if i > 0 && p.prehash.Midstates[0] == ring[0].prehash.Midstates[0] {
			t.Errorf("proof %d has the header of the first", i)
		}
	}
	if !wraps {
		t.Error("no proof has winners past the last nonce")
	}
	again := Ring(1, hashing.MaxVersions, Sparse)
	if !slices.Equal(again[2].winners, ring[2].winners) {
		t.Error("the same seed gives other work")
	}
}

// BenchmarkProof measures the cost of proving: the kernel alone, without winners,
// against the same batches with them.
func BenchmarkProof(b *testing.B) {
	for _, k := range hashing.Kernels() {
		if k.MissingHere() != "" {
			continue
		}
		for _, density := range []Density{1 << 30, 1 << 14, Sparse, Dense} {
			for _, versions := range slices.Compact([]int{1, k.Versions}) {
				ring := Ring(1, versions, density)
				b.Run(k.Name+"/versions="+strconv.Itoa(versions)+"/one-in="+strconv.Itoa(int(density)), func(b *testing.B) {
					s := newScanner(k, ring, 0)
					var total report.ProofCount
					for b.Loop() {
						count, err := s.next()
						total.Add(count)
						if err != nil || !count.Right() {
							b.Fatal(count, err)
						}
					}
					b.ReportMetric(float64(total.Hashes)/b.Elapsed().Seconds()/1e6, "MH/s")
				})
			}
		}
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
