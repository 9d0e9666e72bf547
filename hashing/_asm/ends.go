package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// ends are what vectors of lanes do at both ends of a search: nonces go in,
// last words of hashes are compared with the limit.
type ends struct {
	v                    *vectors
	iota, byteSwap, sign Mem
	initialH             table
}

func newEnds(v *vectors, lanes int) ends {
	var numbers []uint32
	for i := range lanes {
		numbers = append(numbers, uint32(i))
	}
	e := ends{v: v, iota: v.memory.words("laneNumbers", numbers...), initialH: v.table("initialH", ivH)}
	if v.set == "sse2" {
		e.sign = v.memory.words("sign", repeat(4, endMark)...)
	} else {
		e.byteSwap = v.memory.words("byteSwap", repeat(v.lanes()/4, 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f)...)
	}
	return e
}

// nonceWords fills to with the nonces from the word at first on, as words of the
// header: byte-swapped, because it holds them little-endian.
func (e *ends) nonceWords(first Mem, chain int, to, t reg.Register) {
	e.v.broadcast(first, to)
	e.v.add(e.iota.Offset(chain*e.v.bytes), to, to)
	e.swapBytes(to, t)
}

// swapBytes reverses the bytes of each word.
func (e *ends) swapBytes(x, t reg.Register) {
	v := e.v
	if v.set != "sse2" {
		VPSHUFB(e.byteSwap, x, x)
		return
	}
	v.shiftRight(16, x, t) // swaps the halves, then the bytes in each
	v.shiftLeft(16, x, x)
	POR(t, x)
	MOVO(x, t)
	PSRLW(Imm(8), x)
	PSLLW(Imm(8), t)
	POR(t, x)
}

// compare sets a bit of mask for each lane whose hash is at or below the limit
// word, x being its last word without the initial h: as unsigned numbers,
// after a byte swap, because the hash as a number is little-endian.
func (e *ends) compare(x reg.Register, limit Mem, t, u reg.Register, mask reg.GPPhysical) {
	v := e.v
	v.addConstant(e.initialH.at(0), x, x)
	e.swapBytes(x, t)
	v.broadcast(limit, t)
	switch v.set {
	case "avx512":
		VPCMPUD(Imm(2), t, x, reg.K1) // less or equal
		KMOVW(reg.K1, mask.As32())
	case "avx2":
		VPMINUD(t, x, u) // x <= limit if and only if min(x, limit) = x
		VPCMPEQD(x, u, u)
		VMOVMSKPS(u, mask.As32())
	default: // only signed comparison: flip the sign bits of both
		MOVO(e.sign, u)
		PXOR(u, t)
		PXOR(u, x)
		PCMPGTL(t, x)
		MOVMSKPS(x, mask.As32())
		XORL(Imm(15), mask.As32())
	}
}
