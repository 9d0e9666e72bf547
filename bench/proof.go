package bench

import (
	"cmp"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"

	"quarry/bench/report"
	"quarry/hashing"
)

const (
	// ProofHashes is how many hashes a pass over one proof of a Ring has: for every
	// number of versions its nonces are whole groups of any kernel's lanes (it is 32
	// times 2^6*3^2*5*7), so that no group is cut short.
	ProofHashes = 32 * 20160
	// ringSize is how many proofs take turns. The first goes past the last
	// nonce, 2^32-1, where the search wraps around.
	ringSize = 4
	// rolledMask is the version bits that BIP 320 reserves for miners.
	rolledMask = 0x1fffe000
)

// Density is the mean number of a proof's hashes per winner.
type Density uint32

const (
	// Rare is for measuring: each hit costs a kernel some iterations of its
	// pipeline, and hits are very rare when mining.
	Rare Density = 1 << 16
	// Sparse is for a first test of a kernel: fewer hashes, but many winners, in all
	// of its lanes.
	Sparse Density = 1 << 12
	// Dense is for burn-in: a wrong hash is seen when it adds a hit or removes one,
	// which happens about once in a hundred.
	Dense Density = 1 << 8
)

// limit returns the limit word; the top words of hashes are uniformly distributed.
func (d Density) limit() uint32 { return uint32(1<<32/uint64(d) - 1) }

// Proof is work with planted winners: a range of nonces whose hits are known
// beforehand, from crypto/sha256 alone. It does not change and may be shared.
type Proof struct {
	prehash  hashing.Prehash
	start    uint32 // first nonce
	count    uint32 // nonces
	versions int
	winners  []hashing.Hit          // ascending by (nonce-start, version)
	tops     map[hashing.Hit]uint32 // top words of the winners' hashes

	// A range that goes past the last nonce has the offset of nonce 0 here, and
	// the offset behind the first winner from there on; both are 0 otherwise.
	wrap, proven uint32
}

// NewProof generates a header from the seed, with that many rolled versions (1 to
// hashing.MaxVersions), and finds the winners among hashes/versions nonces of
// each. It takes as long as crypto/sha256 needs for the hashes.
func NewProof(seed uint64, versions, hashes int) *Proof {
	r := rand.New(rand.NewPCG(seed, uint64(versions)))
	return newProof(r, versions, uint32(hashes/versions), r.Uint32(), Sparse)
}

// Ring returns a few proofs, made on all CPUs at once, whose headers differ. Scans
// over all of them go past the last nonce too.
func Ring(seed uint64, versions int, density Density) []*Proof {
	ring := make([]*Proof, ringSize)
	count := uint32(ProofHashes / versions)
	var making sync.WaitGroup
	for i := range ring {
		making.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(versions)<<32|uint64(i)))
			start := r.Uint32()
			if i == 0 {
				start = -(count / 16)
			}
			ring[i] = newProof(r, versions, count, start, density)
		})
	}
	making.Wait()
	return ring
}

func newProof(r *rand.Rand, versions int, count, start uint32, density Density) *Proof {
	var header hashing.Header
	for i := range header {
		header[i] = byte(r.Uint32())
	}
	p := &Proof{start: start, count: count, versions: versions, tops: map[hashing.Hit]uint32{}}
	rolled := rollVersions(r, versions)
	p.prehash.Set(&header, rolled, density.limit())
	for version, bits := range rolled {
		binary.LittleEndian.PutUint32(header[0:], bits)
		p.plant(header, uint32(version), density.limit())
	}
	slices.SortFunc(p.winners, p.order)
	p.findWrap()
	return p
}

// Thin returns the same proof with fewer winners, at another density.
func (p *Proof) Thin(density Density) *Proof {
	thin := *p
	thin.prehash.Limit = density.limit()
	thin.winners = slices.DeleteFunc(slices.Clone(p.winners), func(hit hashing.Hit) bool { return p.tops[hit] > density.limit() })
	thin.findWrap()
	return &thin
}

func (p *Proof) findWrap() {
	if p.start == 0 || -p.start >= p.count {
		return
	}
	p.wrap, p.proven = -p.start, p.count
	if beyond := p.between(p.wrap, p.count); len(beyond) > 0 {
		p.proven = beyond[0].Nonce + 1 - p.start
	}
}

// reach returns where a batch that begins at one offset and would end at another
// has to end instead, so that the search past the last nonce is proven: a batch
// that reaches the wrap continues past the first winner behind it. A kernel that
// stops at the wrap then misses that winner, whatever the batch sizes; with a batch
// boundary at the wrap the fault would go unnoticed.
func (p *Proof) reach(from, to uint32) uint32 {
	if from < p.wrap && p.wrap <= to {
		return max(to, p.proven)
	}
	return to
}

// rollVersions returns different versions of one block, as BIP 320 has them.
func rollVersions(r *rand.Rand, n int) []uint32 {
	var versions []uint32
	for len(versions) < n {
		v := 0x20000000 | r.Uint32()&rolledMask
		if !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return versions
}

// plant finds the winners of one version. It uses no code of the kernels: the
// standard library hashes from its own midstate.
func (p *Proof) plant(header hashing.Header, version, limit uint32) {
	first := sha256.New()
	first.Write(header[:64])
	midstate, err := first.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // cannot fail: the standard library's own state
	}
	var sum [sha256.Size]byte
	for i := range p.count {
		nonce := p.start + i
		binary.LittleEndian.PutUint32(header[76:], nonce)
		if err := first.(encoding.BinaryUnmarshaler).UnmarshalBinary(midstate); err != nil {
			panic(err)
		}
		first.Write(header[64:])
		sum = sha256.Sum256(first.Sum(sum[:0]))
		if top := binary.LittleEndian.Uint32(sum[28:]); top <= limit {
			hit := hashing.Hit{Nonce: nonce, Version: version}
			p.winners, p.tops[hit] = append(p.winners, hit), top
		}
	}
}

// order compares hits by their place in the search.
func (p *Proof) order(a, b hashing.Hit) int {
	return cmp.Or(cmp.Compare(a.Nonce-p.start, b.Nonce-p.start), cmp.Compare(a.Version, b.Version))
}

// between returns the winners at the offsets from..to-1 of the range.
func (p *Proof) between(from, to uint32) []hashing.Hit {
	at := func(offset uint32) int {
		return sort.Search(len(p.winners), func(i int) bool { return p.winners[i].Nonce-p.start >= offset })
	}
	return p.winners[at(from):at(to)]
}

// judge compares the hits in a part of the range with its winners. It sorts
// the hits.
func (p *Proof) judge(from, to uint32, hits []hashing.Hit) (count report.ProofCount) {
	winners := p.between(from, to)
	count.Planted = uint64(len(winners))
	count.Hashes = uint64(to-from) * uint64(p.versions)
	slices.SortFunc(hits, p.order)
	for _, hit := range hits {
		for len(winners) > 0 && p.order(winners[0], hit) < 0 {
			winners = winners[1:] // missed
		}
		if len(winners) > 0 && winners[0] == hit {
			count.Found++
			winners = winners[1:]
		} else {
			count.Wrong++
		}
	}
	return count
}
