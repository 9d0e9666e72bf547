package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// This file is the hybrids' first rounds of both blocks, computed in vectors.
//
// Their number is a balance. The unit that does SHA256RNDS2 does nothing else: most processors with the extensions (Zen 1 to 3 and 5, Alder Lake)
// start one every two cycles, so that all rounds of a hash take about 120
// cycles there, while the pipes for vectors have time left. A pair of rounds in
// vectors is about 9 of their instructions a hash, and takes one SHA256RNDS2
// away. With a schedule for every item (plain) the best place to change over
// is round 10 of both blocks, with a schedule that versions share (rolled)
// round 18 and 16: as far as rounds use no word of the schedules. (Measured on
// Zen 5: benchmarks/results/2026-11-25-amd-epyc-zen5-shani-avx2.txt has the
// sweep.) shani-avx512 is for Zen 4, which starts one SHA256RNDS2 a cycle.
//
// Each early round waits for the one before. So it takes two blocks at once,
// the first hash of one item and the second of another, and interleaves
// the schedules with both, to fill the pipes.

// startsEarly reports whether the header's second block has early rounds.
func (h *hybridKernel) startsEarly() bool { return h.early1 > 4 }

const (
	earlyMost    = 18                      // rounds before this one may be early
	earlyRowSize = 2 * earlyMost * rowSize // a and e of all
)

// rowRounds is early rounds for avx2, which lacks the registers for a whole state. The state is the a and the e of the last four rounds, so each round
// adds a row of both, and finds b, c, d and f, g, h in earlier rows. Between
// two bundles nothing is in its registers.
type rowRounds struct {
	v               *vectors
	a, e            func(t int) Mem // where round t leaves a and e
	sum, x, y, t, u reg.Register
}

// rowRounds are early rounds with their rows at an offset of the frame. before
// is where a and e of the rounds before 0 are: the initial state.
func (h *shaniAVX2) rowRounds(rows int, before func(t int) (a, e Mem)) *rowRounds {
	r := &rowRounds{v: h.v, sum: h.r(6), x: h.r(1), y: h.r(2), t: h.r(3), u: h.r(4)}
	r.a = func(t int) Mem {
		if t < 0 {
			a, _ := before(t)
			return a
		}
		return h.inFrame(rows + rowSize*t)
	}
	r.e = func(t int) Mem {
		if t < 0 {
			_, e := before(t)
			return e
		}
		return h.inFrame(rows + rowSize*(earlyMost+t))
	}
	return r
}

// rounds returns the stream of the rounds first .. last-1. begin leaves h+K+W of
// round t in sum.
func (r *rowRounds) rounds(first, last int, begin func(t int)) (out order.Stream) {
	for t := first; t < last; t++ {
		out = append(out,
			func() { begin(t); r.makeE(t) },
			func() { r.makeA(t) })
	}
	return out
}

// makeE is the half of a round that computes e; it leaves T1 in the row of a.
func (r *rowRounds) makeE(t int) {
	v := r.v
	v.move(r.e(t-1), r.x)
	v.move(r.e(t-2), r.y) // Ch = g ^ (e & (f ^ g))
	v.xor(r.e(t-3), r.y, r.y)
	v.and(r.x, r.y, r.y)
	v.xor(r.e(t-3), r.y, r.y)
	v.add(r.y, r.sum, r.sum)
	v.bigSigma1(r.x, r.y, r.t, r.u)
	v.add(r.y, r.sum, r.sum)
	v.move(r.sum, r.a(t))
	v.add(r.a(t-4), r.sum, r.sum)
	v.move(r.sum, r.e(t))
}

// makeA is the other half.
func (r *rowRounds) makeA(t int) {
	v := r.v
	v.move(r.a(t-1), r.x)
	v.move(r.a(t-2), r.sum) // Maj = b ^ ((a ^ b) & (b ^ c))
	v.xor(r.a(t-3), r.sum, r.y)
	v.xor(r.sum, r.x, r.t)
	v.and(r.t, r.y, r.y)
	v.xor(r.sum, r.y, r.y)
	v.add(r.a(t), r.y, r.sum)
	v.bigSigma0(r.x, r.y, r.t, r.u)
	v.add(r.y, r.sum, r.sum)
	v.move(r.sum, r.a(t))
}

// statesAfter returns the stream that makes the lanes' states before round end.
func (h *shaniAVX2) statesAfter(r *rowRounds, end, offset int) order.Stream {
	return h.statesOf(offset, r.sum, func(name int) Op {
		if name < 4 {
			return r.a(end - 1 - name)
		}
		return r.e(end - 1 - (name - 4))
	})
}

// earlyHash is E2 in rows. Round 0 is done except for its word, and up to
// round 3 h is constant.
func (h *shaniAVX2) earlyHash() (out order.Stream) {
	v := h.v
	r := h.rowRounds(frameEarly2, func(t int) (a, e Mem) { return h.start.at(-t), h.start.at(4 - t) })
	out = append(out, func() {
		v.move(h.digestRow(0), r.x)
		v.addConstant(h.start.at(0), r.x, r.y)
		v.move(r.y, r.a(0))
		v.addConstant(h.start.at(4), r.x, r.y)
		v.move(r.y, r.e(0))
	})
	out = append(out, r.rounds(1, h.early2, func(t int) {
		switch {
		case t < 4:
			v.loadConstant(h.first.at(t), r.sum)
			v.add(h.digestRow(t), r.sum, r.sum)
		case t < 8:
			v.move(r.e(t-4), r.sum)
			v.add(h.digestRow(t), r.sum, r.sum)
			v.addConstant(h.k.at(t), r.sum, r.sum)
		default:
			v.move(r.e(t-4), r.sum)
			v.addConstant(h.padded2.at(t), r.sum, r.sum)
		}
	})...)
	return append(out, h.statesAfter(r, h.early2, itemEarly)...)
}

// earlyHeader is E1 in rows: it begins with the state after round 3, which
// lacks only the nonce in a and e.
func (h *shaniAVX2) earlyHeader() (out order.Stream) {
	if !h.startsEarly() {
		return nil
	}
	v := h.v
	r := h.rowRounds(frameEarly1, nil)
	inStates := func(offset int) Mem { return Mem{Base: h.aheadStates, Disp: offset} }
	for name := range 7 { // h comes with the sum
		out = append(out, func() {
			row := r.a(3 - name%4)
			if name >= 4 {
				row = r.e(3 - name%4)
			}
			v.broadcast(inStates(versionStart+stateWord(name)), r.x)
			if name%4 == 0 {
				v.add(h.inFrame(frameNonces), r.x, r.x)
			}
			v.move(r.x, row)
		})
	}
	out = append(out, r.rounds(4, h.early1, func(t int) {
		switch {
		case t < 7:
			v.broadcast(inStates(versionH+4*(t-4)), r.sum)
		case t < 16:
			v.move(r.e(t-4), r.sum)
			v.addConstant(h.padded1.at(t), r.sum, r.sum)
		default:
			v.broadcast(h.inJob(jobKnownK+4*(t-16)), r.sum)
			v.add(r.e(t-4), r.sum, r.sum)
		}
	})...)
	return append(out, h.statesAfter(r, h.early1, itemStart)...)
}
