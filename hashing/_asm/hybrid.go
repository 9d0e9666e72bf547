package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels "shani-avx512" and "shani-avx2": rounds by the SHA extensions,
// message schedules by vectors, side by side. The two use different parts of
// the processor, so a stream of each is woven into one.
//
// A group has eight lanes, for that is what a ymm register holds. In the
// pipeline's words, a turn is
//
//	rounds   R1: rounds of the second block of item c+2, up to 63
//	         R2: rounds of the second hash of item c, up to 61
//	vectors  S2: the digest of item c+1 and its message schedule
//	         E2: the first rounds of the second hash of item c+1
//	         S1: the message schedule of the group of item c+3, if new
//	         E1: the first rounds of the second block of item c+3
//	then     C: item c compared with the limit
//
// The two streams need not wait for each other, for all that goes from one
// step to the next has two buffers, which change places after each turn. How
// many rounds are the vectors' is the balance between the two: see early.go.
type hybridKernel struct {
	pipeline
	rolled bool    // for more than one version; otherwise every item is a new group
	slots  []state // lanes whose rounds run at the same time
	early1 int     // vectors do the rounds of the second block before this one (4: none),
	early2 int     // and of the second hash before this one; both are even (early.go)
	free   int     // the vector registers from here on are free for schedules

	nextStates           reg.GPPhysical // states of item c+2; those of c+1 are in states
	aheadStates          reg.GPPhysical // of item c+3
	past, future         reg.GPPhysical // buffers: what the last turn wrote, what this one writes
	thisGroup, nextGroup reg.GPPhysical // buffers of the groups of items c+2 and c+3
	otherGroup           reg.GPPhysical // the one that nextGroup is not

	plan
	ends
	pairs1, pairs2 Mem // W+K of padding, for pairs of rounds
}

const (
	hybridLanes = 8
	rowSize     = 4 * hybridLanes  // a vector of one word of each lane
	stateSize   = 16 * hybridLanes // a register of the SHA extensions for each lane
)

// The frame, and in it twice what S1 makes of a group, and twice what S2 and
// R1 make of an item. W+K are in pairs of rows, from word 16 on in a group:
// for each lane the words t and t+1 side by side, as a pair of rounds reads
// them.
const (
	frameLast = framePipeline // last words of the lanes
	frameW    = 64            // rows of the last 16 words W of a schedule

	// Loads that have the lowest 12 bits of their address in common with a store
	// shortly before are slow on some processors, which take them for loads of
	// what was stored, at first. So the first three places are from a search for
	// ones where few have (of which Zen 5 shows nothing: random ones do as well).
	frameGroup1 = 640
	frameGroup2 = 2368
	frameItem1  = 5184
	frameItem2  = 7936
	frameNonces = frameItem2 + itemSize      // row of the nonces of item c+3
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
	itemStart  = itemWK + 62*rowSize // abef and cdgh where R1 begins
	itemSize   = itemStart + 2*stateSize
)

// lanePlace is where a lane's register lies in a state: the lanes 0 and 4, 1
// and 5 and so on lie together, so that transposing needs no exchange between
// the halves of a ymm register.
func lanePlace(lane int) int { return 32*(lane%4) + 16*(lane/4) }

// pairPlace is where a lane's two words lie in a pair of rows: of two vectors
// VPUNPCKLDQ takes the lanes 0, 1, 4, 5 and VPUNPCKHDQ the lanes 2, 3, 6, 7.
func pairPlace(lane int) int { return rowSize*(lane/2%2) + 16*(lane/4) + 8*(lane%2) }

func hybrid(name, set string, rolled bool, slots, early1, early2 int) function {
	return func(m memory) {
		h := newHybrid(&vectors{set, 32, m}, rolled, slots, early1, early2)
		declare(name, "shani-"+set)
		h.enter(hybridFrame)
		h.buffers()
		h.begin()
		if rolled {
			h.selectVersions()
			MOVQ(h.nextGroup, h.thisGroup) // of no item yet
			JMP(LabelRef("newgroup"))
		}
		h.turn()
		h.compare()
		h.next(true)
		if rolled {
			h.newGroup()
		}
	}
}

func newHybrid(v *vectors, rolled bool, slots, early1, early2 int) *hybridKernel {
	if early1 > earlyMost || early2 > 16 {
		panic("hybrid: early rounds with words that the schedules make")
	}
	h := &hybridKernel{
		pipeline: pipeline{searcher: newSearcher(), depth: 3, lanes: hybridLanes},
		rolled:   rolled, early1: early1, early2: early2, free: 1 + 2*slots,
		nextStates: reg.R9, aheadStates: reg.RDX, past: reg.R10, future: reg.R11, thisGroup: reg.R12, nextGroup: reg.R13, otherGroup: reg.RBX,
		plan: newPlan(v), ends: newEnds(v, hybridLanes),
	}
	for i := range slots {
		h.slots = append(h.slots, state{v.x(1 + 2*i), v.x(2 + 2*i)})
	}
	h.pairs1 = v.memory.words("headerPairs", paddedK(4, headerBits)...)
	h.pairs2 = v.memory.words("hashPairs", paddedK(8, hashBits)...)
	return h
}

// r is vector register i of those for schedules.
func (h *hybridKernel) r(i int) reg.VecPhysical { return h.v.r(h.free + i) }

func inBuffer(base reg.GPPhysical, offset int) Mem { return Mem{Base: base, Disp: offset} }

// digestRow is word t of the digest of item c+1, for all lanes.
func (h *hybridKernel) digestRow(t int) Mem { return h.inFrame(frameDigest + rowSize*t) }

// buffers sets the pointers to the buffers.
func (h *hybridKernel) buffers() {
	LEAQ(h.inFrame(frameGroup1), h.nextGroup)
	LEAQ(h.inFrame(frameGroup2), h.otherGroup)
	LEAQ(h.inFrame(frameItem1), h.past)
	LEAQ(h.inFrame(frameItem2), h.future)
}

func (h *hybridKernel) selectVersions() {
	h.selectVersion(1, h.states)
	h.selectVersion(2, h.nextStates)
	if h.startsEarly() {
		h.selectVersion(3, h.aheadStates)
	}
}

// turn is a turn. If every item is a new group S1 is woven with the rest. Else
// it is needed once for all versions, and stands alone: woven, it would make a
// second turn of it, and the two together find no room in the caches of code.
func (h *hybridKernel) turn() {
	Label("turn")
	h.selectVersions()
	MOVQ(h.nextGroup, h.thisGroup)
	if !h.rolled {
		XCHGQ(h.nextGroup, h.otherGroup)
		emit(stream{h.nonces}, weave(h.rounds(), h.vectorStream()))
		h.afterS1()
		return
	}
	h.ifNew("newgroup")
	Label("rounds")
	emit(weave(h.rounds(), h.vectorStream()))
}

// newGroup is S1 alone.
func (h *hybridKernel) newGroup() {
	Label("newgroup")
	XCHGQ(h.nextGroup, h.otherGroup)
	emit(stream{h.nonces}, h.scheduleS1().words(18, 63))
	h.afterS1()
	JMP(LabelRef("rounds"))
}

// rounds is the stream of R1 and R2: each lane goes through its rounds in one
// of the slots.
func (h *hybridKernel) rounds() stream {
	var tasks []task
	for lane := range hybridLanes {
		tasks = append(tasks, h.taskR1(lane))
	}
	for lane := range hybridLanes {
		tasks = append(tasks, h.taskR2(lane))
	}
	return roll(tasks, h.slots)
}

// taskR1 are the rounds of the header's second block.
func (h *hybridKernel) taskR1(lane int) (out task) {
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

// taskR2 are the rounds of the second hash up to 61. The last word of the hash
// is f then, plus the initial h. (It is e after round 60; the extensions do
// rounds in pairs.)
func (h *hybridKernel) taskR2(lane int) (out task) {
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
	return append(out, func(s *state) { VMOVD(s.abef, h.inFrame(frameLast+4*lane)) })
}

// schedule is a message schedule in the first registers for schedules, whose
// pairs of rows lie at base from word 0 on. The words from 16 on go through a
// ring of rows in the frame; word is where those before are, as far as they
// differ from lane to lane.
func (h *hybridKernel) schedule(m message, parts table, ring int, word func(t int) Mem, base reg.GPPhysical, offset int) *schedule {
	s := &schedule{
		v: h.v, message: m,
		known:    func(t int) Mem { return h.inJob(jobKnown + 4*(t-16)) },
		constant: func(t int) Mem { return parts.at(t - 16) },
		sum:      h.r(0), x: h.r(1), y: h.r(2), t: h.r(3), u: h.r(4),
	}
	s.at = func(t int) Mem {
		if t < 16 {
			return word(t)
		}
		return h.inFrame(ring + rowSize*(t%16))
	}
	pair := func(t int) Mem { return inBuffer(base, offset+rowSize*(t-1)) }
	if h.v.set == "avx512" {
		held := h.r(8) // the even word of a pair
		s.recent = [2]reg.Register{h.r(6), h.r(7)}
		s.finished = func(t int, w reg.Register) {
			if t%2 == 0 {
				h.v.addConstant(h.k.at(t), w, held)
				return
			}
			h.v.addConstant(h.k.at(t), w, s.t)
			h.storePair(held, s.t, s.u, pair(t))
		}
		return s
	}
	s.finished = func(t int, w reg.Register) { // the even word of a pair comes from the ring
		switch {
		case t%2 == 1:
			h.v.addConstant(h.k.at(t), w, s.t)
			h.v.loadConstant(h.k.at(t-1), s.u)
			h.v.add(s.at(t-1), s.u, s.u)
			h.storePair(s.u, s.t, s.y, pair(t))
		case t == lastScheduled-1: // which no later word needs
			h.v.move(w, s.at(t))
		}
	}
	return s
}

// storePair stores two vectors of W+K as a pair of rows.
func (h *hybridKernel) storePair(even, odd, t reg.Register, to Mem) {
	VPUNPCKLDQ(odd, even, t)
	h.v.move(t, to)
	VPUNPCKHDQ(odd, even, t)
	h.v.move(t, to.Offset(rowSize))
}

// vectorStream is the stream of all that vectors do in a turn. Schedules and
// early rounds do not need each other, so they are woven: each is a chain in
// which one word or round waits for the one before, and alone would fill but a
// part of the time. avx512 has one after the other: it has early rounds in
// registers, and few of them.
func (h *hybridKernel) vectorStream() (out stream) {
	out = append(out, h.digest(itemDigest, [4]int{5, 4, 1, 0}), h.digest(itemDigest+stateSize, [4]int{7, 6, 3, 2}))
	for t := h.early2; t < 8; t += 2 {
		out = append(out, func() { h.digestPair(t) })
	}
	s2 := h.schedule(h.hash, h.parts2, frameW, h.digestRow, h.future, itemWK)
	words, more := s2.words(16, 61), stream(nil)
	if !h.rolled {
		more = h.scheduleS1().words(18, 63)
	}
	if h.v.set == "avx512" {
		return slices.Concat(out, h.earlyRounds(), words, more)
	}
	return append(out, weave(weave(h.earlyHeader(), h.earlyHash()), weave(words, more))...)
}

// scheduleS1 is the schedule of the second block, with a sum of its own.
func (h *hybridKernel) scheduleS1() *schedule {
	nonces := func(int) Mem { return h.inFrame(frameNonces) }
	s := h.schedule(h.header, h.parts1, frameW1, nonces, h.nextGroup, groupWK-16*rowSize)
	s.sum = h.r(5)
	return s
}

// digestPair makes W+K of the words t and t+1 of the digest.
func (h *hybridKernel) digestPair(t int) {
	for i := range 2 {
		h.v.move(h.digestRow(t+i), h.r(i))
		h.v.addConstant(h.k.at(t+i), h.r(i), h.r(i))
	}
	h.storePair(h.r(0), h.r(1), h.r(2), inBuffer(h.future, itemWK+rowSize*t))
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

// digest adds the midstate to four words of the states after R1, and makes
// them rows of W. names are the words in the order of the state's registers.
func (h *hybridKernel) digest(state int, names [4]int) func() {
	return func() {
		var x [4]reg.Register
		for i := range x {
			x[i] = h.r(i)
			h.v.move(inBuffer(h.past, state+32*i), x[i])
		}
		rows := transpose(x, h.r(4))
		for i, name := range names {
			h.v.addWord(inBuffer(h.states, versionMidstate+stateWord(name)), rows[i], rows[i], x[2])
			h.v.move(rows[i], h.digestRow(name))
		}
	}
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

// compare compares the last words of item c, if there is one, with the limit.
func (h *hybridKernel) compare() {
	Label("compare")
	XCHGQ(h.past, h.future)
	h.unlessItem()
	Comment("C: compare with the limit.")
	x := h.r(0)
	VMOVDQU(h.inFrame(frameLast), x)
	h.ends.compare(x, h.inJob(jobLimit), h.r(1), h.r(2), reg.RAX.(reg.GPPhysical))
}
