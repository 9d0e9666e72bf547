package hashing

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// Target is the 256-bit number that a hash must not exceed. The zero Target
// is met by the zero hash only. Targets are values and can be compared with
// == or [Target.Cmp].
type Target struct {
	limbs [4]uint64 // most significant first
}

// MaxTarget returns the easiest target: every hash meets it.
func MaxTarget() Target {
	const all = 1<<64 - 1
	return Target{[4]uint64{all, all, all, all}}
}

// TargetFromBytes reads 32 big-endian bytes.
func TargetFromBytes(b [32]byte) Target {
	var t Target
	for i := range t.limbs {
		t.limbs[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return t
}

// Bytes returns the 32 big-endian bytes of the target.
func (t Target) Bytes() [32]byte {
	var b [32]byte
	for i, limb := range t.limbs {
		binary.BigEndian.PutUint64(b[8*i:], limb)
	}
	return b
}

// String is 64 hex digits, most significant first.
func (t Target) String() string { return fmt.Sprintf("%x", t.Bytes()) }

// Cmp returns -1, 0 or 1: t is a lower (harder), the same, a higher target.
func (t Target) Cmp(u Target) int {
	for i := range t.limbs {
		switch {
		case t.limbs[i] < u.limbs[i]:
			return -1
		case t.limbs[i] > u.limbs[i]:
			return 1
		}
	}
	return 0
}

// MetBy reports whether the hash, as a number, is at most the target.
func (t Target) MetBy(h Hash) bool { return hashNumber(h).Cmp(t) <= 0 }

// TopWord returns the limit word for a kernel: a hash whose [Hash.TopWord] is
// above it cannot meet the target. It is 0 from difficulty 1 upwards and
// above 0 below difficulty 1.
func (t Target) TopWord() uint32 { return uint32(t.limbs[0] >> 32) }

// Difficulty is difficulty 1's target divided by this one, rounded to a
// float64: for people to read, never to compare shares with.
func (t Target) Difficulty() float64 {
	if t == (Target{}) {
		t.limbs[3] = 1
	}
	ratio, _ := new(big.Rat).SetFrac(difficultyOne(), t.big()).Float64()
	return ratio
}

func (t Target) big() *big.Int {
	b := t.Bytes()
	return new(big.Int).SetBytes(b[:])
}

// targetFromBig clamps n to 1 .. 2^256-1.
func targetFromBig(n *big.Int) Target {
	if n.Sign() <= 0 {
		n = big.NewInt(1)
	}
	if n.BitLen() > 256 {
		return MaxTarget()
	}
	var b [32]byte
	n.FillBytes(b[:])
	return TargetFromBytes(b)
}

// hashNumber returns the hash as the number that targets are compared with.
func hashNumber(h Hash) Target {
	var t Target
	for i := range t.limbs {
		t.limbs[i] = binary.LittleEndian.Uint64(h[24-8*i:])
	}
	return t
}

// Difficulty returns the difficulty that the hash achieves.
func (h Hash) Difficulty() float64 { return hashNumber(h).Difficulty() }

// The three ways in which nbits can fail to be a target.
var (
	ErrNBitsZero     = errors.New("nbits give a zero target")
	ErrNBitsNegative = errors.New("nbits give a negative target")
	ErrNBitsOverflow = errors.New("nbits give a target beyond 256 bits")
)

// TargetFromNBits expands the compact form of block headers: the top byte is
// the length of the number in bytes, the other three its first bytes, of
// which the highest bit is a sign (Bitcoin's arith_uint256::SetCompact).
func TargetFromNBits(nbits uint32) (Target, error) {
	length, mantissa := nbits>>24, nbits&0x007fffff
	if length <= 3 {
		mantissa >>= 8 * (3 - length)
	}
	switch {
	case mantissa == 0:
		return Target{}, ErrNBitsZero
	case nbits&0x00800000 != 0:
		return Target{}, ErrNBitsNegative
	case length > 34, mantissa > 0xff && length > 33, mantissa > 0xffff && length > 32:
		return Target{}, ErrNBitsOverflow
	}
	n := big.NewInt(int64(mantissa))
	if length > 3 {
		n.Lsh(n, uint(8*(length-3)))
	}
	return targetFromBig(n), nil
}
