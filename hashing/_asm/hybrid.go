package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// What the kernels "shani-avx512" and "shani-avx2" have in common: rounds by
// the SHA extensions, message schedules by vectors, at the same time. The two use
// different parts of the processor, so one stream of each is merged.
//
// A group has eight lanes, because that is what a ymm register holds. In the
// pipeline's terms, a turn is
//
//	rounds   R1: rounds of the second block of item c+3, up to 63
//	         R2: rounds of the second hash of item c+1, up to 61
//	vectors  S2: the digest of item c+2 and its message schedule
//	         E2: the first rounds of the second hash of item c+2
//	         S1: the message schedule of the group of item c+4, if new
//	         E1: the first rounds of the second block of item c+4
//	then     C: item c compared with the limit
//
// C reads what R2 stored a turn before: a load of words just stored one by one waits
// until they are in the cache, and delays the turn.
//
// The two streams do not wait for each other, because everything passed from one
// step to the next has two buffers, swapped after each turn. The number of rounds in
// vectors balances the two: see early.go.
type hybridKernel struct {
	pipeline
	hybridShape
	slots []state // lanes whose rounds run at the same time

	nextStates           reg.GPPhysical // states of item c+3; those of c+2 are in states
	aheadStates          reg.GPPhysical // of item c+4
	past, future         reg.GPPhysical // buffers: what the last turn wrote, what this one writes
	thisGroup, nextGroup reg.GPPhysical // buffers of the groups of items c+3 and c+4
	otherGroup           reg.GPPhysical // the one that nextGroup is not

	plan
	ends
	pairs1, pairs2 Mem // W+K of padding, for pairs of rounds
}

// hybridShape is how the work is divided.
type hybridShape struct {
	rolled bool // for more than one version; otherwise every item is a new group
	chains int  // lanes whose rounds run at the same time
	early1 int  // vectors do the rounds of the second block before this one (4: none),
	early2 int  // and of the second hash before this one; both are even
}

// hybridVectors is what differs between the two kernels.
type hybridVectors interface {
	turnStream() order.Stream  // digest, S2, E2, E1, and S1 if every item is a new group
	groupStream() order.Stream // S1
	// merge emits the streams of rounds and of vectors as one.
	merge(rounds, vectors order.Stream)
}

const (
	hybridLanes = 8
	rowSize     = 4 * hybridLanes  // a vector of one word of each lane
	stateSize   = 16 * hybridLanes // a register of the SHA extensions for each lane
)

// The frame. It has two buffers for what S1 computes for a group, and two for what S2
// and R1 compute for an item. W+K are in pairs of rows, from word 16 on in a group:
// for each lane the words t and t+1 adjacent, as a pair of rounds reads them.
const (
	frameW      = 2 * framePipeline // rows of the last 16 words W of a schedule
	frameGroup1 = frameW + 16*rowSize
	frameGroup2 = frameGroup1 + groupSize
	frameItem1  = frameGroup2 + groupSize
	frameItem2  = frameItem1 + itemSize
	frameNonces = frameItem2 + itemSize      // row of the nonces of item c+4
	frameW1     = frameNonces + rowSize      // rows like frameW, where S1 has its own
	frameDigest = frameW1 + 16*rowSize       // rows of the digest
	frameEarly1 = frameDigest + 8*rowSize    // what E1 has in rows, for avx2
	frameEarly2 = frameEarly1 + earlyRowSize // and E2
	hybridFrame = frameEarly2 + earlyRowSize

	groupNonce = 0 // state: the nonces' share of abef after round 3, if R1 begins there
	groupWK    = stateSize
	groupSize  = groupWK + 48*rowSize

	itemDigest = 0             // abef and cdgh after R1
	itemEarly  = 2 * stateSize // abef and cdgh where R2 begins
	itemWK     = 4 * stateSize
	itemStart  = itemWK + 62*rowSize     // abef and cdgh where R1 begins
	itemLast   = itemStart + 2*stateSize // last words of the lanes
	itemSize   = itemLast + 2*rowSize
)

func newHybrid(v *vectors, shape hybridShape) *hybridKernel {
	if shape.early1 > earlyMost || shape.early2 > 16 {
		panic("hybrid: early rounds with words that the schedules make")
	}
	h := &hybridKernel{
		pipeline:    pipeline{searcher: newSearcher(), depth: 4, lanes: hybridLanes},
		hybridShape: shape,
		nextStates:  reg.R9, aheadStates: reg.RDX, past: reg.R10, future: reg.R11, thisGroup: reg.R12, nextGroup: reg.R13, otherGroup: reg.RBX,
		plan: newPlan(v), ends: newEnds(v, hybridLanes),
	}
	for i := range shape.chains {
		h.slots = append(h.slots, state{v.x(1 + 2*i), v.x(2 + 2*i)})
	}
	h.pairs1 = v.memory.words("headerPairs", paddedK(4, headerBits)...)
	h.pairs2 = v.memory.words("hashPairs", paddedK(8, hashBits)...)
	return h
}

// write writes the function of a kernel with these vectors.
func (h *hybridKernel) write(name, kernel string, v hybridVectors) {
	declare(name, kernel)
	h.enter(hybridFrame)
	h.buffers()
	h.begin()
	if h.rolled {
		h.selectVersions()
		MOVQ(h.nextGroup, h.thisGroup) // of no item yet
		JMP(LabelRef("newgroup"))
	}
	h.turn(v)
	h.compare()
	h.next(true)
	if h.rolled {
		h.newGroup(v)
	}
}

// r is vector register i of those that rounds do not use.
func (h *hybridKernel) r(i int) reg.VecPhysical { return h.v.r(1 + 2*h.chains + i) }

func inBuffer(base reg.GPPhysical, offset int) Mem { return Mem{Base: base, Disp: offset} }

// buffers sets the pointers to the buffers.
func (h *hybridKernel) buffers() {
	LEAQ(h.inFrame(frameGroup1), h.nextGroup)
	LEAQ(h.inFrame(frameGroup2), h.otherGroup)
	LEAQ(h.inFrame(frameItem1), h.past)
	LEAQ(h.inFrame(frameItem2), h.future)
}

func (h *hybridKernel) selectVersions() {
	h.selectVersion(2, h.states)
	h.selectVersion(3, h.nextStates)
	if h.startsEarly() {
		h.selectVersion(4, h.aheadStates)
	}
}

// turn emits a turn. If every item is a new group, S1 is interleaved with the rounds
// like the rest. Otherwise it is needed once for all versions and stands alone:
// interleaved, it would need a second version of the turn, and the two together do
// not fit into the caches of code.
func (h *hybridKernel) turn(v hybridVectors) {
	alignCode()
	Label("turn")
	h.selectVersions()
	MOVQ(h.nextGroup, h.thisGroup)
	if !h.rolled {
		XCHGQ(h.nextGroup, h.otherGroup)
		v.merge(h.rounds(), append(order.Stream{h.nonces}, v.turnStream()...))
		h.afterS1()
		return
	}
	h.ifNew("newgroup")
	alignCode()
	Label("rounds")
	v.merge(h.rounds(), v.turnStream())
}

// newGroup emits S1 alone.
func (h *hybridKernel) newGroup(v hybridVectors) {
	alignCode()
	Label("newgroup")
	XCHGQ(h.nextGroup, h.otherGroup)
	order.Emit(order.Stream{h.nonces}, v.groupStream())
	h.afterS1()
	JMP(LabelRef("rounds"))
}

// rounds returns the stream of R1 and R2: each lane goes through its rounds in one
// of the slots.
func (h *hybridKernel) rounds() order.Stream {
	var tasks []order.Task[state]
	for lane := range hybridLanes {
		tasks = append(tasks, h.taskR1(lane))
	}
	for lane := range hybridLanes {
		tasks = append(tasks, h.taskR2(lane))
	}
	return order.Roll(tasks, h.slots)
}

// taskR1 returns the rounds of the header's second block.
func (h *hybridKernel) taskR1(lane int) (out order.Task[state]) {
	place := lanePlace(lane)
	out = append(out, func(s *state) {
		if h.startsEarly() {
			VMOVDQA(inBuffer(h.past, itemStart+place), s.abef)
			VMOVDQA(inBuffer(h.past, itemStart+stateSize+place), s.cdgh)
			return
		}
		VMOVDQU(inBuffer(h.nextStates, versionStart), s.abef)
		VPADDD(inBuffer(h.thisGroup, groupNonce+place), s.abef, s.abef)
		VMOVDQU(inBuffer(h.nextStates, versionStart+16), s.cdgh)
	})
	for t := h.early1; t < 64; t += 2 {
		wk := inBuffer(h.thisGroup, groupWK+rowSize*(t-16)+pairPlace(lane))
		switch {
		case t < 16:
			wk = h.pairs1.Offset(4 * t)
		case t < 18:
			wk = h.inJob(jobKnownK)
		}
		out = append(out, func(s *state) { VMOVQ(wk, reg.X0); s.twoRounds() })
	}
	return append(out, func(s *state) {
		VMOVDQA(s.abef, inBuffer(h.future, itemDigest+place))
		VMOVDQA(s.cdgh, inBuffer(h.future, itemDigest+stateSize+place))
	})
}

// taskR2 returns the rounds of the second hash up to 61. The last word of the hash
// is f then, plus the initial h. (It is e after round 60; the extensions do
// rounds in pairs.)
func (h *hybridKernel) taskR2(lane int) (out order.Task[state]) {
	place := lanePlace(lane)
	out = append(out, func(s *state) {
		VMOVDQA(inBuffer(h.past, itemEarly+place), s.abef)
		VMOVDQA(inBuffer(h.past, itemEarly+stateSize+place), s.cdgh)
	})
	for t := h.early2; t < 62; t += 2 {
		wk := inBuffer(h.past, itemWK+rowSize*t+pairPlace(lane))
		if 8 <= t && t < 16 {
			wk = h.pairs2.Offset(4 * t)
		}
		out = append(out, func(s *state) { VMOVQ(wk, reg.X0); s.twoRounds() })
	}
	return append(out, func(s *state) { VMOVD(s.abef, inBuffer(h.future, itemLast+4*lane)) })
}

// compare compares the last words of item c, if there is one, with the limit.
func (h *hybridKernel) compare() {
	Label("compare")
	XCHGQ(h.past, h.future)
	h.unlessItem()
	Comment("C: compare with the limit.")
	x := h.r(0)
	VMOVDQU(inBuffer(h.future, itemLast), x)
	h.ends.compare(x, h.inJob(jobLimit), h.r(1), h.r(2), reg.RAX.(reg.GPPhysical))
}
