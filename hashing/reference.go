package hashing

import (
	"encoding/binary"
	"math/bits"
)

// This file is SHA-256 as FIPS 180-4 writes it: the reference that every hit
// is checked against and every kernel is tested against. It is written to be
// read, not to be fast.

// roundConstants are the first 32 bits of the fractional parts of the cube
// roots of the first 64 primes (FIPS 180-4, section 4.2.2).
var roundConstants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// initialState is H(0) of FIPS 180-4, section 5.3.3.
var initialState = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// The six functions of FIPS 180-4, section 4.1.2.

func ch(x, y, z uint32) uint32  { return x&y ^ ^x&z }
func maj(x, y, z uint32) uint32 { return x&y ^ x&z ^ y&z }

func bigSigma0(x uint32) uint32 { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22) }
func bigSigma1(x uint32) uint32 { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25) }

func smallSigma0(x uint32) uint32 { return rotr(x, 7) ^ rotr(x, 18) ^ x>>3 }
func smallSigma1(x uint32) uint32 { return rotr(x, 17) ^ rotr(x, 19) ^ x>>10 }

func rotr(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

// round is one round of the compression function; kw is the sum of the round
// constant and the message schedule word.
func round(s *[8]uint32, kw uint32) {
	t1 := s[7] + bigSigma1(s[4]) + ch(s[4], s[5], s[6]) + kw
	t2 := bigSigma0(s[0]) + maj(s[0], s[1], s[2])
	s[7], s[6], s[5], s[4] = s[6], s[5], s[4], s[3]+t1
	s[3], s[2], s[1], s[0] = s[2], s[1], s[0], t1+t2
}

// compress adds one 64-byte block, given as sixteen big-endian words, to the
// state (FIPS 180-4, section 6.2.2).
func compress(state *[8]uint32, block *[16]uint32) {
	var w [64]uint32
	copy(w[:], block[:])
	for t := 16; t < 64; t++ {
		w[t] = smallSigma1(w[t-2]) + w[t-7] + smallSigma0(w[t-15]) + w[t-16]
	}
	s := *state
	for t := range w {
		round(&s, roundConstants[t]+w[t])
	}
	for i := range state {
		state[i] += s[i]
	}
}

// Sum256 returns SHA-256 of data of any length.
func Sum256(data []byte) Hash {
	// Padding: 0x80, zeros, the length in bits as 64 big-endian bits, to a
	// multiple of 64 bytes (FIPS 180-4, section 5.1.1).
	padded := make([]byte, (len(data)+8)/64*64+64)
	copy(padded, data)
	padded[len(data)] = 0x80
	binary.BigEndian.PutUint64(padded[len(padded)-8:], uint64(len(data))*8)

	state := initialState
	for ; len(padded) > 0; padded = padded[64:] {
		var block [16]uint32
		for i := range block {
			block[i] = binary.BigEndian.Uint32(padded[4*i:])
		}
		compress(&state, &block)
	}
	var sum Hash
	for i, word := range state {
		binary.BigEndian.PutUint32(sum[4*i:], word)
	}
	return sum
}

// Sum256d returns SHA-256 of the SHA-256 of data: Bitcoin's hash.
func Sum256d(data []byte) Hash {
	first := Sum256(data)
	return Sum256(first[:])
}
