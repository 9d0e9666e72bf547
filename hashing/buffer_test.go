package hashing

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// TestKernelStopsWhenTheBufferIsFull makes every hash a hit: Scan must stop when the
// buffer is full, not write beyond it, and continue where it stopped.
func TestKernelStopsWhenTheBufferIsFull(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		const guard = 64
		r := random(8)
		for _, versions := range []int{1, 3, MaxVersions} {
			for _, size := range []int{MinHits, MinHits + 1, MinHits + 77} {
				header := randomHeader(r)
				p := new(Prehash)
				p.Set(&header, rolled(versions), math.MaxUint32)
				whole := make([]Hit, guard+size+guard)
				canary := Hit{0xdeadbeef, 0xfeedface}
				for i := range whole {
					whole[i] = canary
				}
				buffer := whole[guard : guard+size : guard+size]
				count := uint32(3 * size / versions)
				total := 0
				err := scanAll(k, p, r.Uint32(), count, buffer, func(Hit) error { total++; return nil })
				if err != nil {
					t.Fatal(err)
				}
				if want := int(count) * versions; total != want {
					t.Errorf("%d versions, buffer of %d: %d hits, want %d", versions, size, total, want)
				}
				for i := range guard {
					if whole[i] != canary || whole[guard+size+i] != canary {
						t.Fatalf("%d versions, buffer of %d: wrote beyond the buffer", versions, size)
					}
				}
			}
		}
	})
}

// TestKernelKeepsThePrehash: a Prehash may be shared by many workers.
func TestKernelKeepsThePrehash(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		header := randomHeader(random(9))
		p := new(Prehash)
		p.Set(&header, rolled(5), math.MaxUint32/2)
		before := *p
		k.Scan(p, 1, 1000, make([]Hit, MinHits))
		if *p != before {
			t.Error("Scan wrote into the prehash")
		}
	})
}

func TestKernelOfNothing(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		header := randomHeader(random(10))
		p := new(Prehash)
		p.Set(&header, rolled(2), math.MaxUint32)
		if found, done := k.Scan(p, 5, 0, make([]Hit, MinHits)); found != 0 || done != 0 {
			t.Errorf("Scan of no nonces: %d hits, %d done", found, done)
		}
	})
}

func TestKernelDoesNotAllocate(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		skipIfDigestAllocates(t, k)
		header := randomHeader(random(11))
		p := new(Prehash)
		p.Set(&header, rolled(MaxVersions), 1<<24)
		hits := make([]Hit, MinHits)
		if n := testing.AllocsPerRun(20, func() { k.Scan(p, 0, 300, hits) }); n != 0 {
			t.Errorf("Scan allocates %v times", n)
		}
	})
}

// TestKernelTakesTheLargestRange stops early in a range of 2^32-1 nonces: no
// intermediate count may overflow.
func TestKernelTakesTheLargestRange(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		header := randomHeader(random(12))
		p := new(Prehash)
		p.Set(&header, rolled(3), math.MaxUint32)
		found, done := k.Scan(p, 5, math.MaxUint32, make([]Hit, MinHits))
		if done == 0 || found != 3*int(done) || found > MinHits {
			t.Errorf("%d hits, %d nonces done", found, done)
		}
	})
}

// TestKernelStops sets the word that Prehash.Stop points to before and during
// a scan of all nonces: it must end soon, with exactly the hits of the
// nonces done, and continue from there.
func TestKernelStops(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		for _, versions := range []int{1, 3, MaxVersions} {
			header := randomHeader(random(13))
			p := new(Prehash)
			p.Set(&header, rolled(versions), math.MaxUint32>>12)
			p.Stop = new(uint32)
			hits := make([]Hit, 1<<14)

			atomic.StoreUint32(p.Stop, 1)
			if found, done := k.Scan(p, 5, math.MaxUint32, hits); found != 0 || done != 0 {
				t.Errorf("%d versions: %d hits, %d nonces done of a search that was stopped before", versions, found, done)
			}
			found, done := 0, uint32(0)
			for wait := 5 * time.Millisecond; done == 0 && wait < 20*time.Second; wait *= 2 { // a busy machine may set it before the scan begins
				atomic.StoreUint32(p.Stop, 0)
				timer := time.AfterFunc(wait, func() { atomic.StoreUint32(p.Stop, 1) })
				found, done = k.Scan(p, 5, math.MaxUint32, hits)
				timer.Stop()
			}
			if done == 0 || done == math.MaxUint32 {
				t.Fatalf("%d versions: %d nonces done, want some", versions, done)
			}
			p.Stop = nil
			again := make([]Hit, len(hits))
			n := 0
			for offset := uint32(0); offset < done; {
				more, scanned := k.Scan(p, 5+offset, done-offset, again[n:])
				n, offset = n+more, offset+scanned
			}
			if !slices.Equal(sorted(hits[:found]), sorted(again[:n])) {
				t.Errorf("%d versions: %d hits when stopped, %d in the same nonces without", versions, found, n)
			}
		}
	})
}

func sorted(hits []Hit) []Hit {
	return slices.SortedFunc(slices.Values(hits), func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Nonce, b.Nonce), cmp.Compare(a.Version, b.Version))
	})
}
