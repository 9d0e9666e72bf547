package hashing

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
)

// stdlibKernel searches with Go's crypto/sha256. It has assembly for more
// machines than quarry; there it is the fastest kernel.
func stdlibKernel() Kernel {
	return Kernel{Name: "stdlib", Lanes: 1, Versions: 1, Needs: "nothing", Scan: scanStdlib}
}

// digestState is the state of a crypto/sha256 digest as its MarshalBinary
// gives it: a magic of 4 bytes, 8 big-endian words, the pending block, and the
// number of bytes so far. The self-test would detect a change of that form.
type digestState [4 + 8*4 + 64 + 8]byte

// words returns the bytes of the eight words, which is the hash after a padded block.
func (s *digestState) words() []byte { return s[4 : 4+8*4] }

// scanStdlib implements Scan for the kernel "stdlib". It writes whole, padded blocks
// and reads the state instead of calling Sum, which would copy the digest and
// pad byte by byte: this is 1.5 times as fast, measured. Everything stays on
// the stack, because the compiler devirtualizes digest's interfaces.
func scanStdlib(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
	first, second := [64]byte{16: 0x80}, [64]byte{32: 0x80}
	binary.BigEndian.PutUint16(first[62:], 8*HeaderSize)
	binary.BigEndian.PutUint16(second[62:], 8*32)
	for i, word := range p.Tail {
		binary.BigEndian.PutUint32(first[4*i:], word)
	}

	digest := sha256.New()
	digest.Write(first[:]) // any block: the midstate's words come from p
	var midstates [MaxVersions]digestState
	var state digestState
	for v := range p.Versions {
		digest.(encoding.BinaryAppender).AppendBinary(midstates[v][:0])
		for i, word := range p.Midstates[v] {
			binary.BigEndian.PutUint32(midstates[v].words()[4*i:], word)
		}
	}
	for ; done < count; done++ {
		if len(hits)-found < p.Versions || isSet(p.Stop) {
			break
		}
		nonce := start + done
		binary.LittleEndian.PutUint32(first[12:], nonce)
		for v := range p.Versions {
			digest.(encoding.BinaryUnmarshaler).UnmarshalBinary(midstates[v][:]) // cannot fail: it is a digest's own state
			digest.Write(first[:])
			digest.(encoding.BinaryAppender).AppendBinary(state[:0])
			copy(second[:], state.words())
			digest.Reset()
			digest.Write(second[:])
			digest.(encoding.BinaryAppender).AppendBinary(state[:0])
			if binary.LittleEndian.Uint32(state.words()[28:]) <= p.Limit {
				hits[found] = Hit{Nonce: nonce, Version: uint32(v)}
				found++
			}
		}
	}
	return found, done
}
