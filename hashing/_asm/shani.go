package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The kernel "shani": SHA-NI and SSE up to 4.1, nothing newer, so that the
// Atoms that have SHA-NI but no AVX can run it.
//
// A group has four lanes. A turn is, in the pipeline's terms,
//
//	R1  rounds 4 to 63 of the second block of item c+1, from a state after
//	    round 3 that lacks only the nonce in a and e, interleaved with
//	S2  the first part of the message schedule of the second hash of item c
//	D   the digest of item c+1, which is the message of its second hash
//	R2  rounds 0 to 61 of the second hash of item c, interleaved with
//	S2  the rest, always ahead of the rounds, and
//	S1  the message schedule of the second block of the group of item c+2, if
//	    new: it does not depend on the version
//	C   item c compared with the limit
//
// The last word of a hash is f after round 61, plus the initial h. (It is e
// after round 60; the extensions do rounds in pairs.)
//
// What limits it on Zen 4, by measurement: SHA256MSG2 is microcode, and for two
// cycles nothing else is dispatched. With 12 groups a hash that is 24 cycles, and 40
// for all other instructions, while the unit that does SHA256RNDS2 needs 61. So
// schedules are interleaved with all rounds.
//
// Registers: two for each lane's state and one for its last group, one for W+K
// (X0 by definition of the instruction), three for all schedules.
const shaniLanes = 4

// shaniGroups1 is how many groups of S2, of 12, are interleaved with R1. (Zen 4, with 32
// versions: 6: 76.4, 7: 72.8, 8: 75.9, 12: 82.2 cycles a hash.)
const shaniGroups1 = 7

const shaniBeat order.Beat = "LrvvvvLvvrvv" // it matters little

// The frame, on the stack, on a boundary of 64 bytes.
const (
	shaniStart = 2 * framePipeline           // per lane: the nonce's share of abef
	shaniWK1   = shaniStart + 16*shaniLanes  // per lane: W+K of groups 4 .. 15 of the second block
	shaniWK2   = shaniWK1 + 12*16*shaniLanes // per lane: W+K of groups 0, 1, 4 .. 15 of the second hash
	shaniRaw   = shaniWK2 + 14*16*shaniLanes // per lane: W of groups 0 .. 14
	shaniFrame = shaniRaw + 15*16*shaniLanes
)

type shaniKernel struct {
	pipeline
	constants, header, second Mem // round constants, plain and with padding
	endOnly, lengthOnly       Mem // groups 2 and 3 of the second hash
	ivABEF, ivCDGH, ivLast    Mem
	byteSwap                  Mem
	lanes                     [shaniLanes]state
	last                      [shaniLanes]reg.VecPhysical // see groupSchedule
	k, x, y                   reg.VecPhysical
}

func shani(m memory) {
	declare("scanGroupsSHANI", "shani")
	s := newShani(m)
	s.enter(shaniFrame)
	s.begin()
	JMP(LabelRef("newgroup"))
	s.turn()
	s.next(false)
}

func (s *shaniKernel) turn() {
	alignCode()
	Label("turn")
	s.selectVersion(1, s.states)
	s2 := s.streamS2()
	first := shaniLanes * (2 + shaniGroups1) // bundles
	Comment("R1 of the next item, the first part of S2 of this one.")
	s.enterR1()
	shaniBeat.Merge(s.roundsR1(), s2[:first])
	s.digests()
	s.ifNew("newgroup")
	Comment("R2, the rest of S2.")
	s.enterR2()
	before := s.lanes
	r2, late := s.roundsR2(), shaniLanes*26 // then rounds need the last groups
	shaniBeat.Merge(r2[:late], s2[first:])
	order.Emit(r2[late:])
	JMP(LabelRef("compare"))
	Label("newgroup")
	Comment("R2, the rest of S2, S1 of a new group.")
	s.lanes = before
	s.enterR2()
	shaniBeat.Merge(s.roundsR2(), slices.Concat(s2[first:], s.streamS1()))
	s.afterS1()
	Label("compare")
	s.unlessItem()
	s.compareLanes()
}

func newShani(m memory) *shaniKernel {
	return &shaniKernel{
		pipeline:   pipeline{searcher: newSearcher(), depth: 2, lanes: shaniLanes},
		constants:  m.words("roundConstants", roundConstants[:]...),
		header:     m.words("headerConstants", paddedK(4, headerBits)...),
		second:     m.words("secondConstants", paddedK(8, hashBits)...),
		endOnly:    m.words("endOnly", endMark, 0, 0, 0),
		lengthOnly: m.words("lengthOnly", 0, 0, 0, hashBits),
		ivABEF:     m.words("ivABEF", ivF, ivE, ivB, ivA),
		ivCDGH:     m.words("ivCDGH", ivH, ivG, ivD, ivC),
		ivLast:     m.words("ivLast", ivH, ivH, ivH, ivH),
		byteSwap:   m.words("byteSwap", 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f),
		lanes:      [shaniLanes]state{{reg.X1, reg.X2}, {reg.X3, reg.X4}, {reg.X5, reg.X6}, {reg.X7, reg.X8}},
		last:       [shaniLanes]reg.VecPhysical{reg.X9, reg.X10, reg.X11, reg.X12},
		k:          reg.X13, x: reg.X14, y: reg.X15,
	}
}

func (s *shaniKernel) start(lane int) Mem { return s.inFrame(shaniStart + 16*lane) }

// wk1 returns where W+K for the rounds t and t+1 of the second block is.
func (s *shaniKernel) wk1(lane, t int) Mem {
	if t < 16 {
		return s.header.Offset(4 * t)
	}
	return s.inFrame(shaniWK1 + 16*12*lane + 4*(t-16))
}

// wk2 returns the same for the second hash.
func (s *shaniKernel) wk2(lane, t int) Mem {
	switch {
	case t < 8:
		return s.inFrame(shaniWK2 + 16*14*lane + 4*t)
	case t < 16:
		return s.second.Offset(4 * t)
	}
	return s.inFrame(shaniWK2 + 16*14*lane + 4*(t-8))
}

func (s *shaniKernel) raw(lane, group int) Mem {
	return s.inFrame(shaniRaw + 16*(15*lane+group))
}

func (s *shaniKernel) schedule(lane int, raw, wk func(group int) Mem) *groupSchedule {
	return &groupSchedule{raw: raw, wk: wk, last: s.last[lane], k: s.k, x: s.x, y: s.y}
}

// enterR1 loads the states after round 3 of the next version.
func (s *shaniKernel) enterR1() {
	MOVOU(s.inVersion(versionStart), s.x)
	MOVOU(s.inVersion(versionStart+16), s.y)
	for i, lane := range s.lanes {
		MOVO(s.start(i), lane.abef)
		PADDL(s.x, lane.abef)
		MOVO(s.y, lane.cdgh)
	}
}

func (s *shaniKernel) roundsR1() order.Stream { return pairRounds(s.lanes[:], 4, 64, s.wk1) }

// enterR2 loads the initial state.
func (s *shaniKernel) enterR2() {
	for _, lane := range s.lanes {
		MOVO(s.ivABEF, lane.abef)
		MOVO(s.ivCDGH, lane.cdgh)
	}
}

func (s *shaniKernel) roundsR2() order.Stream { return pairRounds(s.lanes[:], 0, 62, s.wk2) }

// digests adds the midstate to the states after R1, and keeps the sums as
// groups 0 and 1 of the second hash.
func (s *shaniKernel) digests() {
	MOVOU(s.inVersion(versionMidstate), s.x)
	MOVOU(s.inVersion(versionMidstate+16), s.y)
	for i, lane := range s.lanes {
		PADDL(s.x, lane.abef)
		PADDL(s.y, lane.cdgh)
		MOVO(lane.abef, s.k)
		SHUFPS(Imm(0b10_11_10_11), lane.cdgh, s.k)       // a b c d
		SHUFPS(Imm(0b00_01_00_01), lane.cdgh, lane.abef) // e f g h
		MOVO(s.k, s.raw(i, 0))
		MOVO(lane.abef, s.raw(i, 1))
	}
}

// compareLanes compares the last words with the limit: as numbers without sign,
// after a byte swap, because the hash as a number is little-endian.
func (s *shaniKernel) compareLanes() {
	Comment("C: compare with the limit.")
	MOVOU(s.inJob(jobLimit), s.y)
	f := s.lanes // f is the lowest word of abef: all lanes' go into one register
	PUNPCKLLQ(f[1].abef, f[0].abef)
	PUNPCKLLQ(f[3].abef, f[2].abef)
	PUNPCKLQDQ(f[2].abef, f[0].abef)
	PADDL(s.ivLast, f[0].abef)
	PSHUFB(s.byteSwap, f[0].abef)
	MOVO(f[0].abef, s.x) // no unsigned comparison: x <= limit if and only if min(x, limit) = x
	PMINUD(s.y, s.x)
	PCMPEQL(f[0].abef, s.x)
	MOVMSKPS(s.x, reg.EAX)
}
