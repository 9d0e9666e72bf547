package benchmarks

import (
	"fmt"
	"time"

	"quarry/hashing"
)

const (
	// batchTime is how long one call of a kernel should take: some times as long
	// as in the miner, where a job must not wait for it.
	batchTime  = time.Millisecond
	startBatch = 16      // groups of lanes
	maxBatch   = 1 << 20 // groups of lanes
)

// scanner walks one thread over proofs, batch by batch.
type scanner struct {
	kernel hashing.Kernel
	proofs []*Proof
	at     int    // in proofs
	offset uint32 // in that proof's range
	batch  uint32 // groups of lanes in a call, tuned to batchTime
	hits   []hashing.Hit
	now    func() time.Time
}

func newScanner(kernel hashing.Kernel, proofs []*Proof, first int) *scanner {
	return &scanner{
		kernel: kernel, proofs: proofs, at: first % len(proofs),
		batch: startBatch, hits: make([]hashing.Hit, hashing.MinHits), now: time.Now,
	}
}

// next scans one batch and judges its hits. An error is a kernel that panics
// or breaks the promises of Scan: the whole batch then counts as hashed in
// vain, and next goes on behind it.
func (s *scanner) next() (count ProofCount, err error) {
	p := s.proofs[s.at]
	from := s.offset
	size := s.size(p)
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
		if err != nil {
			count = ProofCount{}
			s.offset = from + size
		}
		if s.offset >= p.count {
			s.offset, s.at = 0, (s.at+1)%len(s.proofs)
		}
	}()
	began := s.now()
	found, done := s.kernel.Scan(&p.prehash, p.start+from, size, s.hits)
	s.tune(s.now().Sub(began), done == size)
	switch {
	case found < 0 || found > len(s.hits) || done > size:
		return count, fmt.Errorf("returns %d hits, %d nonces for a buffer of %d, %d nonces", found, done, len(s.hits), size)
	case done == 0:
		return count, fmt.Errorf("makes no headway with an empty hit buffer")
	}
	s.offset += done
	return p.judge(from, from+done, s.hits[:found]), nil
}

// size is how many nonces the next batch has: what is left of the range in
// equal parts of about batch, in whole groups; more where reach wants it.
func (s *scanner) size(p *Proof) uint32 {
	lanes := uint64(max(s.kernel.Lanes, 1))
	left, batch := uint64(p.count-s.offset), uint64(s.batch)*lanes
	parts := (left + batch - 1) / batch
	whole := func(nonces uint64) uint32 { return uint32(min((nonces+lanes-1)/lanes*lanes, left)) }
	part := whole((left + parts - 1) / parts)
	return whole(uint64(p.reach(s.offset, s.offset+part) - s.offset))
}

// tune doubles or halves the batch when its time is off by more than half.
func (s *scanner) tune(took time.Duration, full bool) {
	switch {
	case took > 2*batchTime && s.batch > 1:
		s.batch /= 2
	case full && took < batchTime/2 && s.batch < maxBatch:
		s.batch *= 2
	}
}
