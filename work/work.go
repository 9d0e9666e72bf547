package work

import (
	"encoding/binary"
	"math/bits"

	"quarry/hashing"
)

// MaxExtranonce2 is the largest extranonce2 size in bytes.
const MaxExtranonce2 = 16

// Work is what one worker searches: one extranonce2, one ntime and k versions
// of a job, each over all 2^32 nonces. A worker keeps one Work and has it
// refilled by [Roller.Next].
type Work struct {
	Job         *Job
	NTime       uint32
	Extranonce2 [MaxExtranonce2]byte // the first Job.Extranonce2Size bytes count
	Versions    int
	Version     [hashing.MaxVersions]uint32 // header versions, the first Versions count

	header  hashing.Header // of Version[0], nonce zero
	prehash hashing.Prehash
}

// Extranonce2Bytes are the extranonce2 as it goes into the coinbase.
func (w *Work) Extranonce2Bytes() []byte { return w.Extranonce2[:w.Job.Extranonce2Size] }

// Prehash is the work made ready for a kernel.
func (w *Work) Prehash() *hashing.Prehash { return &w.prehash }

// prepare computes the header and the prehash once the choices are made.
func (w *Work) prepare() {
	w.header = w.Job.Header(w.Extranonce2Bytes(), w.Version[0], w.NTime, 0)
	w.prehash.Set(&w.header, w.Version[:w.Versions], w.Job.Bound().TopWord())
}

// setExtranonce2 writes the counter big-endian into the last eight bytes (or
// fewer) of the extranonce2; what lies before them stays zero. Any injective
// map would do: the bytes mean nothing to the pool.
func (w *Work) setExtranonce2(counter uint64) {
	w.Extranonce2 = [MaxExtranonce2]byte{}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], counter)
	size := w.Job.Extranonce2Size
	n := min(size, len(b))
	copy(w.Extranonce2[size-n:size], b[len(b)-n:])
}

// HitKind is the result of [Work.Verify].
type HitKind int

const (
	// Mismatch: the reference does not find the top word that the kernel
	// claims, a hardware (or kernel) error.
	Mismatch HitKind = iota
	// Miss: the kernel was right about the top word, but all 256 bits together
	// are above the target.
	Miss
	// Found: a share.
	Found
)

// Verify hashes a hit again with the readable reference and compares all 256
// bits. Only a hit that is Found comes with a share.
func (w *Work) Verify(hit hashing.Hit) (*Share, HitKind) {
	if int(hit.Version) >= w.Versions {
		return nil, Mismatch
	}
	header := w.header
	header.SetVersion(w.Version[hit.Version])
	header.SetNonce(hit.Nonce)
	hash := header.Hash()
	switch {
	case hash.TopWord() > w.prehash.Limit:
		return nil, Mismatch
	case !w.Job.Bound().MetBy(hash):
		return nil, Miss
	}
	return w.share(hit, hash), Found
}

func (w *Work) share(hit hashing.Hit, hash hashing.Hash) *Share {
	return &Share{
		Job:         w.Job,
		Extranonce2: append([]byte(nil), w.Extranonce2Bytes()...),
		NTime:       w.NTime,
		Version:     w.Version[hit.Version],
		Nonce:       hit.Nonce,
		Hash:        hash,
	}
}

// Block returns the share of that nonce under the first version if it is a block,
// however weak, else nil. It hashes with the readable reference.
func (w *Work) Block(nonce uint32) *Share {
	header := w.header
	header.SetNonce(nonce)
	hash := header.Hash()
	if !w.Job.IsBlock(hash) {
		return nil
	}
	return w.share(hashing.Hit{Nonce: nonce}, hash)
}

// spread deposits the low bits of index into the set bits of mask, lowest
// first: it counts through the values of a mask.
func spread(index uint64, mask uint32) uint32 {
	var out uint32
	for ; mask != 0; mask &= mask - 1 {
		out |= uint32(index&1) << bits.TrailingZeros32(mask)
		index >>= 1
	}
	return out
}
