package hashing

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// HeaderSize is the length of a block header in bytes.
const HeaderSize = 80

// Header is a block header as it is hashed:
//
//	offset size  field
//	     0    4  version, little-endian
//	     4   32  hash of the previous block, internal order
//	    36   32  merkle root, internal order
//	    68    4  ntime, little-endian, seconds since 1970
//	    72    4  nbits, little-endian
//	    76    4  nonce, little-endian
type Header [HeaderSize]byte

// NewHeader assembles a header; prev and root are in internal order.
func NewHeader(version uint32, prev, root Hash, ntime, nbits, nonce uint32) Header {
	var h Header
	h.SetVersion(version)
	copy(h[4:36], prev[:])
	copy(h[36:68], root[:])
	binary.LittleEndian.PutUint32(h[68:], ntime)
	binary.LittleEndian.PutUint32(h[72:], nbits)
	h.SetNonce(nonce)
	return h
}

// SetVersion replaces the version.
func (h *Header) SetVersion(version uint32) { binary.LittleEndian.PutUint32(h[0:], version) }

// SetNonce replaces the nonce.
func (h *Header) SetNonce(nonce uint32) { binary.LittleEndian.PutUint32(h[76:], nonce) }

// Hash returns the SHA-256d of the header, by the readable reference.
func (h *Header) Hash() Hash { return Sum256d(h[:]) }

// word returns the i-th 32-bit word of the header as SHA-256 reads it.
func (h *Header) word(i int) uint32 { return binary.BigEndian.Uint32(h[4*i:]) }

// Hash is a SHA-256 result in internal order: the bytes as SHA-256 outputs them. As a
// number it is little-endian.
type Hash [32]byte

// String returns the hash in display order (bytes reversed), as explorers show it.
func (h Hash) String() string {
	slices.Reverse(h[:])
	return hex.EncodeToString(h[:])
}

// TopWord returns the most significant 32 bits of the hash as a number: what
// kernels compare with the limit word.
func (h Hash) TopWord() uint32 { return binary.LittleEndian.Uint32(h[28:]) }
