package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The hybrids' conversion between vectors, which hold a word of each lane, and the
// registers of the SHA extensions, which hold several words of one lane.

// lanePlace returns where a lane's register lies in a state: the lanes 0 and 4, 1
// and 5 and so on lie together, so that transposing needs no exchange between
// the halves of a ymm register.
func lanePlace(lane int) int { return 32*(lane%4) + 16*(lane/4) }

// pairPlace returns where a lane's two words lie in a pair of rows: of two vectors
// VPUNPCKLDQ takes the lanes 0, 1, 4, 5 and VPUNPCKHDQ the lanes 2, 3, 6, 7.
func pairPlace(lane int) int { return rowSize*(lane/2%2) + 16*(lane/4) + 8*(lane%2) }

// storePair stores two vectors of W+K as a pair of rows.
func (h *hybridKernel) storePair(even, odd, t reg.Register, to Mem) {
	VPUNPCKLDQ(odd, even, t)
	h.v.move(t, to)
	VPUNPCKHDQ(odd, even, t)
	h.v.move(t, to.Offset(rowSize))
}

// nonces makes the nonces of a new group: as words of the header, and if R1
// begins with round 4, as their shares of abef after round 3, which are a and e.
func (h *hybridKernel) nonces() {
	v, x, low, high, zero := h.v, h.r(0), h.r(1), h.r(2), h.r(3)
	h.nonceWords(h.inFrame(frameAhead), 0, x, low)
	v.move(x, h.inFrame(frameNonces))
	if h.startsEarly() {
		return
	}
	if v.set == "avx512" {
		VPXORD(zero, zero, zero)
	} else {
		VPXOR(zero, zero, zero)
	}
	VPUNPCKLDQ(x, zero, low) // 0, nonce 0, 0, nonce 1, and of the lanes 4 and 5
	VPUNPCKHDQ(x, zero, high)
	for i, pair := range []reg.Register{low, high} {
		VPSHUFD(Imm(0b01_00_01_00), pair, x)
		v.move(x, inBuffer(h.nextGroup, groupNonce+64*i))
		VPSHUFD(Imm(0b11_10_11_10), pair, x)
		v.move(x, inBuffer(h.nextGroup, groupNonce+64*i+32))
	}
}

// digest returns the stream of the digest: it makes rows of the states after R1,
// which to adds the midstate to and takes to where S2 wants them. It takes five
// scratch registers, of which the third is free for to.
func (h *hybridKernel) digest(scratch []reg.Register, to func(name int, row reg.Register, midstate Mem)) (out order.Stream) {
	for i, names := range [2][4]int{{5, 4, 1, 0}, {7, 6, 3, 2}} {
		out = append(out, func() {
			x := [4]reg.Register(scratch)
			for j := range x {
				h.v.move(inBuffer(h.past, itemDigest+stateSize*i+32*j), x[j])
			}
			for j, row := range transpose(x, scratch[4]) {
				to(names[j], row, inBuffer(h.states, versionMidstate+stateWord(names[j])))
			}
		})
	}
	return out
}

// statesOf returns the stream that makes the lanes' states of vectors of their
// words, for R1 or R2 to begin with: abef at an offset of the item, then cdgh.
func (h *hybridKernel) statesOf(offset int, t reg.Register, word func(name int) Op) (out order.Stream) {
	for i, names := range [2][4]int{{5, 4, 1, 0}, {7, 6, 3, 2}} {
		out = append(out, func() {
			var x [4]reg.Register
			for j, name := range names {
				switch w := word(name).(type) {
				case reg.Register:
					x[j] = w
				default:
					x[j] = h.r(1 + j)
					h.v.move(w, x[j])
				}
			}
			for j, lanes := range transpose(x, t) {
				h.v.move(lanes, inBuffer(h.future, offset+stateSize*i+32*j))
			}
		})
	}
	return out
}

// transpose turns four registers of four words into four others, in each half
// of a ymm register alike. It takes their places and one more.
func transpose(x [4]reg.Register, t reg.Register) [4]reg.Register {
	VPUNPCKLDQ(x[1], x[0], t)
	VPUNPCKHDQ(x[1], x[0], x[0])
	VPUNPCKLDQ(x[3], x[2], x[1])
	VPUNPCKHDQ(x[3], x[2], x[2])
	VPUNPCKLQDQ(x[1], t, x[3])
	VPUNPCKHQDQ(x[1], t, t)
	VPUNPCKLQDQ(x[2], x[0], x[1])
	VPUNPCKHQDQ(x[2], x[0], x[0])
	return [4]reg.Register{x[3], t, x[1], x[0]}
}
