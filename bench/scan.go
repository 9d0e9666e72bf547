package bench

import (
	"fmt"
	"time"

	"quarry/bench/report"
	"quarry/hashing"
)

const (
	// batchTime is how long one call of a kernel should take: as long as in the
	// miner, so that the cost of a call (up to 0.4 % of it) counts the same.
	batchTime  = 400 * time.Microsecond
	startBatch = 16      // groups of lanes
	maxBatch   = 1 << 20 // groups of lanes
)

// scanner scans proofs on one thread, batch by batch.
type scanner struct {
	kernel hashing.Kernel
	proofs []*Proof
	at     int    // in proofs
	offset uint32 // in that proof's range
	batch  uint32 // groups of lanes in a call, tuned to batchTime
	hits   []hashing.Hit
	now    func() time.Time
	took   time.Duration // by the kernel, for the last batch
}

func newScanner(kernel hashing.Kernel, proofs []*Proof, first int) *scanner {
	return &scanner{
		kernel: kernel, proofs: proofs, at: first % len(proofs),
		batch: startBatch, hits: make([]hashing.Hit, hashing.MinHits), now: time.Now,
	}
}

// next scans one batch and judges its hits. An error means that the kernel panicked
// or violated the contract of Scan: the whole batch then counts as hashed in vain,
// and the next one starts behind it.
func (s *scanner) next() (count report.ProofCount, err error) {
	p := s.proofs[s.at]
	from := s.offset
	size := s.size(p)
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
		if err != nil {
			count = report.ProofCount{}
			s.offset = from + size
		}
		if s.offset >= p.count {
			s.offset, s.at = 0, (s.at+1)%len(s.proofs)
		}
	}()
	began := s.now()
	found, done := s.kernel.Scan(&p.prehash, p.start+from, size, s.hits)
	s.took = s.now().Sub(began)
	s.tune(size, done == size)
	switch {
	case found < 0 || found > len(s.hits) || done > size:
		return count, fmt.Errorf("returns %d hits, %d nonces for a buffer of %d, %d nonces", found, done, len(s.hits), size)
	case done == 0:
		return count, fmt.Errorf("makes no progress with an empty hit buffer")
	}
	s.offset += done
	return p.judge(from, from+done, s.hits[:found]), nil
}

// size returns how many nonces the next batch has: what is left of the range in
// equal parts of about batch, in whole groups; more where reach wants it.
func (s *scanner) size(p *Proof) uint32 {
	lanes := uint64(max(s.kernel.Lanes, 1))
	left, batch := uint64(p.count-s.offset), uint64(s.batch)*lanes
	parts := (left + batch - 1) / batch
	whole := func(nonces uint64) uint32 { return uint32(min((nonces+lanes-1)/lanes*lanes, left)) }
	part := whole((left + parts - 1) / parts)
	return whole(uint64(p.reach(s.offset, s.offset+part) - s.offset))
}

// tune makes the next batch as long as batchTime by what the last one of so
// many nonces took, but no more than twice as long or half.
func (s *scanner) tune(nonces uint32, full bool) {
	groups := uint64(nonces) / uint64(max(s.kernel.Lanes, 1))
	want := uint64(maxBatch)
	if s.took > 0 {
		want = min(want, groups*uint64(batchTime)/uint64(s.took))
	}
	if most := uint64(s.batch) * 2; full || want < uint64(s.batch) {
		s.batch = uint32(max(1, min(want, most), uint64(s.batch)/2))
	}
}
