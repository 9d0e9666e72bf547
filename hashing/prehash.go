package hashing

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"sync/atomic"
)

// MaxVersions is the largest number of version-rolled headers that one
// [Prehash] can hold.
const MaxVersions = 32

// Prehash is the part of a search that does not depend on the nonce. Its k
// versions differ in the header's version only, so they share the second
// block (and with it that block's message schedule): overt version rolling,
// BIP 310. It is kernel-neutral; kernels derive their own tables from it at
// the start of a scan.
type Prehash struct {
	// Stop, if not nil, is a word that ends a scan early once it is not zero, within
	// a few microseconds. It is accessed with sync/atomic; Set does not change it.
	Stop *uint32
	// Limit is the target's top word: a hit's [Hash.TopWord] is at most this.
	Limit uint32
	// Tail are the words 16, 17 and 18 of the header as SHA-256 reads them:
	// the last four bytes of the merkle root, ntime and nbits.
	Tail [3]uint32
	// Versions is how many entries of Midstates hold a header, 1 to MaxVersions.
	Versions int
	// Midstates are the SHA-256 states after the first 64 bytes.
	Midstates [MaxVersions][8]uint32
	// starts are the states after the rounds 0 to 3 of the second block, with a
	// nonce of zero. The nonce's word is to be added to a and e: round 3 does
	// nothing else with it.
	starts [MaxVersions][8]uint32
}

// isSet reports whether a word such as Prehash.Stop is present and not zero.
func isSet(stop *uint32) bool { return stop != nil && atomic.LoadUint32(stop) != 0 }

// Set prepares the search for header under each of the versions; the
// header's own version and nonce are ignored. The midstates are
// crypto/sha256's, which has assembly for them. It panics with no
// version or more than MaxVersions: a programming error, never bad input.
func (p *Prehash) Set(header *Header, versions []uint32, limit uint32) {
	if len(versions) < 1 || len(versions) > MaxVersions {
		panic("hashing: Prehash.Set wants 1 to MaxVersions versions")
	}
	p.Limit = limit
	p.Versions = len(versions)
	for i := range p.Tail {
		p.Tail[i] = header.word(16 + i)
	}
	h := *header
	digest := sha256.New()
	var state digestState
	for i, version := range versions {
		h.SetVersion(version)
		digest.Reset()
		digest.Write(h[:sha256.BlockSize])
		digest.(encoding.BinaryAppender).AppendBinary(state[:0])
		for j := range p.Midstates[i] {
			p.Midstates[i][j] = binary.BigEndian.Uint32(state.words()[4*j:])
		}
		start := p.Midstates[i]
		for t, word := range p.Tail {
			round(&start, roundConstants[t]+word)
		}
		round(&start, roundConstants[3])
		p.starts[i] = start
	}
}
