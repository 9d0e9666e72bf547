package main

import (
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
//	rounds   R1: rounds 4 to 63 of the second block of item c+2
//	         R2: rounds of the second hash, up to 61, of item c
//	vectors  S2: the digest of item c+1, its first rounds of the second hash, as
//	         many as there is time for, and its message schedule
//	         S1: the message schedule of the group of item c+3, if new
//	then     C: item c compared with the limit
//
// The two streams need not wait for each other, for all that goes from one
// step to the next has two buffers, which change places after each turn.
type hybridKernel struct {
	pipeline
	rolled bool    // for more than one version; otherwise every item is a new group
	slots  []state // lanes whose rounds run at the same time
	early  int     // rounds of the second hash by vectors, even
	free   int     // the vector registers from here on are free for schedules

	nextStates           reg.GPPhysical // states of item c+2; those of c+1 are in states
	past, future         reg.GPPhysical // buffers: what the last turn wrote, what this one writes
	thisGroup, nextGroup reg.GPPhysical // the same for what S1 writes

	plan
	ends
	pairs1, pairs2 Mem // W+K of padding, for pairs of rounds
	ivABEF, ivCDGH Mem
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
	frameW    = 64            // rows of the last 16 words W, first of the second block, then of the second hash

	// The buffers lie where few loads have the lowest 12 bits of their address
	// in common with a store shortly before: processors take such a load for
	// one of what was stored, at first. The places are the best of some
	// thousand random ones, by counting in the instructions of all hybrids.
	frameGroup1 = 640
	frameGroup2 = 2368
	frameItem1  = 5184
	frameItem2  = 7680
	frameEarly  = frameItem2 + itemSize // rows of a and e of the early rounds
	hybridFrame = frameEarly + 2*16*rowSize

	groupNonce = 0 // state: the nonces' share of abef after round 3
	groupWK    = stateSize
	groupSize  = groupWK + 48*rowSize

	itemDigest = 0             // abef and cdgh after R1
	itemEarly  = 2 * stateSize // abef and cdgh where R2 begins
	itemWK     = 4 * stateSize
	itemSize   = itemWK + 62*rowSize
)

// lanePlace is where a lane's register lies in a state: the lanes 0 and 4, 1
// and 5 and so on lie together, so that transposing needs no exchange between
// the halves of a ymm register.
func lanePlace(lane int) int { return 32*(lane%4) + 16*(lane/4) }

// pairPlace is where a lane's two words lie in a pair of rows: of two vectors
// VPUNPCKLDQ takes the lanes 0, 1, 4, 5 and VPUNPCKHDQ the lanes 2, 3, 6, 7.
func pairPlace(lane int) int { return rowSize*(lane/2%2) + 16*(lane/4) + 8*(lane%2) }

func hybrid(name, set string, rolled bool, slots, early int) function {
	return func(m memory) {
		h := newHybrid(&vectors{set, 32, m}, rolled, slots, early)
		declare(name, "shani-"+set)
		h.enter(hybridFrame)
		h.buffers()
		h.begin()
		if rolled {
			h.selectVersions()
			JMP(LabelRef("newgroup"))
		}
		h.turn()
		h.compare()
		h.next(true)
	}
}

func newHybrid(v *vectors, rolled bool, slots, early int) *hybridKernel {
	h := &hybridKernel{
		pipeline: pipeline{searcher: newSearcher(), depth: 3, lanes: hybridLanes},
		rolled:   rolled, early: early, free: 1 + 2*slots,
		nextStates: reg.R9, past: reg.R10, future: reg.R11, thisGroup: reg.R12, nextGroup: reg.R13,
		plan: newPlan(v), ends: newEnds(v, hybridLanes),
	}
	for i := range slots {
		h.slots = append(h.slots, state{v.x(1 + 2*i), v.x(2 + 2*i)})
	}
	h.pairs1 = v.memory.words("headerPairs", paddedK(4, headerBits)...)
	h.pairs2 = v.memory.words("hashPairs", paddedK(8, hashBits)...)
	h.ivABEF = v.memory.words("ivABEF", ivF, ivE, ivB, ivA)
	h.ivCDGH = v.memory.words("ivCDGH", ivH, ivG, ivD, ivC)
	return h
}

// r is vector register i of those for schedules.
func (h *hybridKernel) r(i int) reg.VecPhysical { return h.v.r(h.free + i) }

func inBuffer(base reg.GPPhysical, offset int) Mem { return Mem{Base: base, Disp: offset} }

func (h *hybridKernel) w(t int) Mem { return h.inFrame(frameW + rowSize*(t%16)) }

// buffers sets the pointers to the buffers.
func (h *hybridKernel) buffers() {
	LEAQ(h.inFrame(frameGroup1), h.thisGroup)
	LEAQ(h.inFrame(frameGroup2), h.nextGroup)
	LEAQ(h.inFrame(frameItem1), h.past)
	LEAQ(h.inFrame(frameItem2), h.future)
}

func (h *hybridKernel) selectVersions() {
	h.selectVersion(1, h.states)
	h.selectVersion(2, h.nextStates)
}

// turn is a turn, of two kinds: without a new group and with one.
func (h *hybridKernel) turn() {
	Label("turn")
	h.selectVersions()
	if h.rolled {
		h.ifNew("newgroup")
		Comment("R1 and R2, woven with S2.")
		emit(weave(h.rounds(), h.stageS2()))
		JMP(LabelRef("compare"))
		Label("newgroup")
	}
	Comment("R1 and R2, woven with S2 and S1.")
	emit(weave(h.rounds(), append(h.stageS2(), h.stageS1()...)))
	XCHGQ(h.thisGroup, h.nextGroup)
	h.afterS1()
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

// taskR1 are the rounds 4 to 63 of the header's second block.
func (h *hybridKernel) taskR1(lane int) (out task) {
	place := lanePlace(lane)
	out = append(out, func(s *state) {
		VMOVDQU(inBuffer(h.nextStates, versionStart), s.abef)
		VPADDD(inBuffer(h.thisGroup, groupNonce+place), s.abef, s.abef)
		VMOVDQU(inBuffer(h.nextStates, versionStart+16), s.cdgh)
	})
	for t := 4; t < 64; t += 2 {
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
		if h.early == 0 {
			VMOVDQA(h.ivABEF, s.abef)
			VMOVDQA(h.ivCDGH, s.cdgh)
			return
		}
		VMOVDQA(inBuffer(h.past, itemEarly+place), s.abef)
		VMOVDQA(inBuffer(h.past, itemEarly+stateSize+place), s.cdgh)
	})
	for t := h.early; t < 62; t += 2 {
		wk := inBuffer(h.past, itemWK+rowSize*t+pairPlace(lane))
		if 8 <= t && t < 16 {
			wk = h.pairs2.Offset(4 * t)
		}
		out = append(out, func(s *state) { VMOVQ(wk, reg.X0); s.twoRounds() })
	}
	return append(out, func(s *state) { VMOVD(s.abef, h.inFrame(frameLast+4*lane)) })
}

// schedule is a message schedule in the first registers for schedules, whose
// pairs of rows lie at base from word 0 on.
func (h *hybridKernel) schedule(m message, parts table, base reg.GPPhysical, offset int) *schedule {
	s := &schedule{
		v: h.v, message: m, at: h.w,
		known:    func(t int) Mem { return h.inJob(jobKnown + 4*(t-16)) },
		constant: func(t int) Mem { return parts.at(t - 16) },
		sum:      h.r(0), x: h.r(1), y: h.r(2), t: h.r(3), u: h.r(4),
	}
	held := h.r(5) // the even word of a pair
	s.finished = func(t int, w reg.Register) {
		if t%2 == 0 {
			h.v.addConstant(h.k.at(t), w, held)
			return
		}
		h.v.addConstant(h.k.at(t), w, s.t)
		h.storePair(held, s.t, s.u, inBuffer(base, offset+rowSize*(t-1)))
	}
	if h.v.set == "avx512" {
		s.recent = [2]reg.Register{h.r(6), h.r(7)}
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

// stageS1 is the stream of the message schedule of a new group.
func (h *hybridKernel) stageS1() stream {
	s := h.schedule(h.header, h.parts1, h.nextGroup, groupWK-16*rowSize)
	return append(stream{h.nonces}, s.words(18, 63)...)
}

// nonces makes the nonces of a new group: as words of the header, and as their
// shares of abef after round 3, which are a and e.
func (h *hybridKernel) nonces() {
	v, x, low, high, zero := h.v, h.r(0), h.r(1), h.r(2), h.r(3)
	h.nonceWords(h.inFrame(frameAhead), 0, x, low)
	v.move(x, h.w(3))
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

// stageS2 is the stream of the digest, the early rounds and the message
// schedule of item c+1.
func (h *hybridKernel) stageS2() (out stream) {
	out = append(out, h.digest(itemDigest, [4]int{5, 4, 1, 0}), h.digest(itemDigest+stateSize, [4]int{7, 6, 3, 2}))
	switch {
	case h.early > 0 && h.v.set == "avx512":
		out = append(out, h.earlyRounds()...)
	case h.early > 0:
		out = append(out, h.earlyRoundsInMemory()...)
	}
	for t := h.early; t < 8; t += 2 {
		out = append(out, func() {
			for i := range 2 {
				h.v.move(h.w(t+i), h.r(i))
				h.v.addConstant(h.k.at(t+i), h.r(i), h.r(i))
			}
			h.storePair(h.r(0), h.r(1), h.r(2), inBuffer(h.future, itemWK+rowSize*t))
		})
	}
	return append(out, h.schedule(h.hash, h.parts2, h.future, itemWK).words(16, 61)...)
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
			h.v.addWord(inBuffer(h.states, versionMidstate+stateWord(name)), rows[i], rows[i], h.r(5))
			h.v.move(rows[i], h.w(name))
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

// earlyRounds is the stream of the first rounds of the second hash. Round 0 is
// done but for its word, and up to round 3 h is constant.
func (h *hybridKernel) earlyRounds() (out stream) {
	v := h.v
	r := &vectorRounds{v: v, x: h.r(0), y: h.r(1), t: h.r(2), u: h.r(3)}
	for i := range r.state {
		r.state[i] = h.r(6 + i)
	}
	out = append(out, func() {
		for name := range 7 {
			x := r.named(name, 1)
			v.loadConstant(h.start.at(name), x)
			if name == 0 || name == 4 {
				v.add(h.w(0), x, x)
			}
		}
	})
	for t := 1; t < h.early; t++ {
		out = append(out, func() {
			state := r.named(7, t)
			switch {
			case t < 4:
				v.move(h.w(t), state)
				v.addConstant(h.first.at(t), state, state)
			case t < 8:
				v.add(h.w(t), state, state)
				v.addConstant(h.k.at(t), state, state)
			default:
				v.addConstant(h.padded2.at(t), state, state)
			}
			r.afterH(t, true)
		})
	}
	return append(out, h.statesOf(func(name int) Op { return r.named(name, h.early) })...)
}

// statesOf is the stream that makes the lanes' states of vectors of their
// words, for R2 to begin with.
func (h *hybridKernel) statesOf(word func(name int) Op) (out stream) {
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
			for j, lanes := range transpose(x, h.r(0)) {
				h.v.move(lanes, inBuffer(h.future, itemEarly+stateSize*i+32*j))
			}
		})
	}
	return out
}

// earlyRoundsInMemory is the same for avx2, which has not the registers for a
// whole state. The state is the a and the e of the last four rounds, so each
// round adds a row of both, and finds b, c and d in earlier rows of a.
func (h *hybridKernel) earlyRoundsInMemory() (out stream) {
	v := h.v
	words := func(table, constant int) func(t int) Mem {
		return func(t int) Mem {
			if t < 0 {
				return h.start.at(constant - t) // before round 0
			}
			return h.inFrame(frameEarly + rowSize*(table+t))
		}
	}
	a, e := words(0, 0), words(16, 4)
	out = append(out, func() {
		for _, word := range []struct{ constant, to Mem }{{h.start.at(0), a(0)}, {h.start.at(4), e(0)}} {
			v.move(h.w(0), h.r(0))
			v.addConstant(word.constant, h.r(0), h.r(0))
			v.move(h.r(0), word.to)
		}
	})
	last, sum, x, y, t, u := h.r(0), h.r(1), h.r(2), h.r(3), h.r(4), h.r(5)
	for round := 1; round < h.early; round++ {
		out = append(out, func() {
			switch {
			case round < 4:
				v.loadConstant(h.first.at(round), sum)
				v.add(h.w(round), sum, sum)
			case round < 8:
				v.move(e(round-4), sum)
				v.add(h.w(round), sum, sum)
				v.addConstant(h.k.at(round), sum, sum)
			default:
				v.move(e(round-4), sum)
				v.addConstant(h.padded2.at(round), sum, sum)
			}
			v.move(e(round-1), last)
			v.move(e(round-2), x) // Ch = g ^ (e & (f ^ g))
			VPXOR(e(round-3), x, x)
			VPAND(last, x, x)
			VPXOR(e(round-3), x, x)
			v.add(x, sum, sum)
			v.bigSigma1(last, y, t, u)
			v.add(y, sum, sum) // T1
			v.add(a(round-4), sum, y)
			v.move(y, e(round))
		}, func() {
			v.move(a(round-1), last)
			v.move(a(round-2), x) // Maj = b ^ ((a ^ b) & (b ^ c))
			VPXOR(a(round-3), x, y)
			VPXOR(last, x, t)
			VPAND(t, y, y)
			VPXOR(x, y, y)
			v.add(y, sum, sum)
			v.bigSigma0(last, y, t, u)
			v.add(y, sum, sum)
			v.move(sum, a(round))
		})
	}
	return append(out, h.statesOf(func(name int) Op {
		if name < 4 {
			return a(h.early - 1 - name)
		}
		return e(h.early - 1 - (name - 4))
	})...)
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
