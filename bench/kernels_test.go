package bench

import (
	"quarry/bench/report"
	"quarry/hashing"
	"sync/atomic"
	"testing"
)

type scan = func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32)

func generic(t testing.TB) hashing.Kernel {
	t.Helper()
	k, err := hashing.Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// faulty returns the generic kernel with a fault.
func faulty(t testing.TB, name string, fault func(good scan) scan) hashing.Kernel {
	k := generic(t)
	k.Name, k.Scan = name, fault(k.Scan)
	return k
}

// faultyKernels returns kernels wrong in ways that the planted winners must expose.
func faultyKernels(t testing.TB) []hashing.Kernel {
	var calls atomic.Uint64
	return []hashing.Kernel{
		faulty(t, "misses-one-of-three", func(good scan) scan {
			return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
				found, done := good(p, start, count, hits)
				return found - min(found, int(calls.Add(1)%3/2)), done
			}
		}),
		faulty(t, "invents-now-and-then", func(good scan) scan {
			return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
				found, done := good(p, start, count, hits)
				if calls.Add(1)%5 == 0 && found < len(hits) {
					hits[found] = hashing.Hit{Nonce: start + 1}
					found++
				}
				return found, done
			}
		}),
		faulty(t, "hits-twice", func(good scan) scan {
			return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
				found, done := good(p, start, count, hits)
				if found > 0 && found < len(hits) {
					hits[found] = hits[0]
					found++
				}
				return found, done
			}
		}),
		faulty(t, "first-version-for-all", func(good scan) scan {
			return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
				q := *p
				for v := range q.Versions {
					q.Midstates[v] = q.Midstates[0]
				}
				return good(&q, start, count, hits)
			}
		}),
		faulty(t, "stops-at-the-last-nonce", func(good scan) scan {
			return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
				if end := uint64(start) + uint64(count); end > 1<<32 {
					found, _ := good(p, start, -start, hits)
					return found, count
				}
				return good(p, start, count, hits)
			}
		}),
		faulty(t, "panics", func(scan) scan {
			return func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) { panic("illegal") }
		}),
		faulty(t, "never-moves", func(scan) scan {
			return func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) { return 0, 0 }
		}),
		faulty(t, "overruns", func(good scan) scan {
			return func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
				return len(hits) + 1, count
			}
		}),
	}
}

// smallRing returns a ring that takes little time; its first proof wraps around.
func smallRing(versions int) []*Proof {
	var ring []*Proof
	for i, start := range []uint32{0xffffff00, 0x12345678} {
		ring = append(ring, newProof(seeded(uint64(i)), versions, uint32(40320/versions), start, Dense))
	}
	return ring
}

// pass scans every proof of the ring once.
func pass(k hashing.Kernel, ring []*Proof) (total report.ProofCount, err error) {
	return newScanner(k, ring, 0).pass()
}

func (s *scanner) pass() (total report.ProofCount, err error) {
	for turns := 0; turns == 0 || s.at != 0 || s.offset != 0; turns++ {
		count, err := s.next()
		total.Add(count)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
