package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernel "shani": SHA-NI and SSE up to 4.1, nothing newer, so that the
// Atoms that have SHA-NI but no AVX can run it.
//
// For each group of lanes nonces:
//
//	A  message schedule of the header's second block. It does not depend on
//	   the version, so it is made once for all versions.
//
// and for each version:
//
//	B  rounds 4 to 63 of the second block, from a state after round 3 that
//	   lacks only the nonce in a and e.
//	C  the digest is the message of the second hash: its schedule,
//	D  woven with its rounds 0 to 61. The last word of the hash is f then,
//	   plus the initial h. (It is e after round 60; the extensions do rounds
//	   in pairs.)
//	E  compare it with the limit; a group with a hit is returned at once.
//
// The first version's B is woven with A. In weaving, a stream that waits for
// long instructions (rounds: one after the other) meets one that has many
// short ones (schedule).
//
// Registers: two for each lane's state, one for W+K (X0 by definition of the
// instruction), five for the schedule. Measured on Zen 4, five lanes with all
// of those beat six with three: the rounds have enough with five, and the
// registers spare loads.
const shaniLanes = 5

// The frame, on the stack, on a boundary of 64 bytes.
const (
	shaniStart = 0                           // per lane: the nonce's share of abef
	shaniWK1   = shaniStart + 16*shaniLanes  // per lane: W+K of groups 4 .. 15 of the second block
	shaniWK2   = shaniWK1 + 12*16*shaniLanes // per lane: W+K of groups 0, 1, 4 .. 15 of the second hash
	shaniRaw   = shaniWK2 + 14*16*shaniLanes // per lane: W of groups 0 .. 14
	shaniFrame = shaniRaw + 15*16*shaniLanes
)

type shaniKernel struct {
	walker
	constants, header, second Mem // round constants, plain and with padding
	endOnly, lengthOnly       Mem // groups 2 and 3 of the second hash
	ivABEF, ivCDGH, ivLast    Mem
	byteSwap                  Mem
	x, y, before, k           reg.VecPhysical // scratch
	lanes                     [shaniLanes]state
}

func shani(m memory) {
	declare("scanGroupsSHANI", "shani")
	s := newShani(m)
	s.enter(shaniFrame)
	s.takeUp()
	Label("group")
	s.stagesAB()
	JMP(LabelRef("second"))
	Label("version")
	Comment("B: the rounds for another version; the schedule is there.")
	s.enterB()
	emit(s.stageB())
	Label("second")
	s.stagesCD()
	s.stageE()
	s.leave(shaniLanes, false)
}

func newShani(m memory) *shaniKernel {
	s := &shaniKernel{
		walker:     newWalker(),
		constants:  m.words("roundConstants", roundConstants[:]...),
		header:     m.words("headerConstants", paddedK(4, headerBits)...),
		second:     m.words("secondConstants", paddedK(8, hashBits)...),
		endOnly:    m.words("endOnly", endMark, 0, 0, 0),
		lengthOnly: m.words("lengthOnly", 0, 0, 0, hashBits),
		ivABEF:     m.words("ivABEF", ivF, ivE, ivB, ivA),
		ivCDGH:     m.words("ivCDGH", ivH, ivG, ivD, ivC),
		ivLast:     m.words("ivLast", ivH, ivH, ivH, ivH),
		byteSwap:   m.words("byteSwap", 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f),
		x:          reg.X12, y: reg.X13, before: reg.X14, k: reg.X15,
	}
	registers := []reg.VecPhysical{reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7, reg.X8, reg.X9, reg.X10}
	for i := range s.lanes {
		s.lanes[i] = state{registers[2*i], registers[2*i+1]}
	}
	return s
}

func (s *shaniKernel) start(lane int) Mem { return s.inFrame(shaniStart + 16*lane) }

// wk1 is where W+K for the rounds t and t+1 of the second block is.
func (s *shaniKernel) wk1(lane, t int) Mem {
	if t < 16 {
		return s.header.Offset(4 * t)
	}
	return s.inFrame(shaniWK1 + 16*12*lane + 4*(t-16))
}

// wk2 is the same for the second hash.
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

// stagesAB make the schedule of the header's second block for all lanes, and
// do its rounds for the version that is next.
func (s *shaniKernel) stagesAB() {
	Comment("A, B: schedule and rounds of the header's second block.")
	var lanes []stream
	for lane := range s.lanes {
		lanes = append(lanes, s.firstSchedule(lane))
	}
	messages := s.withK(lanes)
	emit(messages[:shaniLanes]) // where the nonces go into the states
	s.enterB()
	b := s.stageB()
	late := len(b) * 9 / 10 // the last of them need the last group
	emit(weave(messages[shaniLanes:], b[:late]), b[late:])
}

// schedule is a lane's schedule, in the registers that all lanes share.
func (s *shaniKernel) schedule(raw, wk func(group int) Mem) *groupSchedule {
	return &groupSchedule{raw: raw, wk: wk, x: s.x, y: s.y, before: s.before, k: s.k}
}

// firstSchedule is the stream of groups 4 to 15 of the header's second block.
func (s *shaniKernel) firstSchedule(lane int) stream {
	m := s.schedule(
		func(group int) Mem { return s.raw(lane, group) },
		func(group int) Mem { return s.wk1(lane, 4*group) })
	out := stream{
		func() { s.groupOfNonce(lane, m) },
		// In group 5 everything but sigma1 is constant, in group 6 there is
		// only padding but for W[t-7] and sigma1, and in group 7 the words of
		// sigma0Part are constant.
		func() { MOVOU(s.inJob(jobGroup5), m.x); m.finish(5, m.raw(4)) },
		func() { MOVO(m.raw(5), m.x); PALIGNR(Imm(4), m.raw(4), m.x); m.finish(6, m.raw(5)) },
		func() { MOVOU(s.inJob(jobGroup7), m.x); m.groupFromX(7) },
	}
	for group := 8; group < 16; group++ {
		out = append(out, func() { m.group(group) })
	}
	return out
}

// groupOfNonce makes group 4, the first one that sees the nonce, and the
// nonce's share of the state after round 3: both a and e.
func (s *shaniKernel) groupOfNonce(lane int, m *groupSchedule) {
	LEAL(Mem{Base: s.nonce, Disp: lane}, reg.EAX)
	BSWAPL(reg.EAX) // the header holds the nonce little-endian
	MOVD(reg.EAX, m.y)
	PSHUFD(Imm(0b00_01_00_01), m.y, m.y) // 0, nonce, 0, nonce
	MOVO(m.y, s.start(lane))

	MOVOU(s.inJob(jobHead), m.x)
	PINSRD(Imm(3), reg.EAX, m.x)   // W0, W1, W2, nonce
	SHA256MSG1(s.endOnly, m.x)     // W4 is the end mark, W5 to W7 are zero
	MOVOU(s.inJob(jobGroup4), m.y) // sigma1 of words that do not change; W[t-7] is zero
	PADDL(m.y, m.x)
	m.store(4)
}

// enterB loads the states after round 3 of the version that is next.
func (s *shaniKernel) enterB() {
	s.selectVersion()
	MOVOU(s.inVersion(versionStart), s.x)
	MOVOU(s.inVersion(versionStart+16), s.y)
	for i, lane := range s.lanes {
		MOVO(s.start(i), lane.abef)
		PADDL(s.x, lane.abef)
		MOVO(s.y, lane.cdgh)
	}
}

// stageB is the stream of the rounds of the header's second block from round
// 4 on.
func (s *shaniKernel) stageB() stream {
	padding := func(t int) bool { return t < 16 }
	return pairRounds(s.lanes[:], 4, 64, padding, s.wk1)
}

// withK puts together the schedules of all lanes, which start at group 4, and
// loads K of each group before the first lane needs it.
func (s *shaniKernel) withK(lanes []stream) stream {
	all := roundRobin(lanes)
	for i := 0; i < len(all); i += shaniLanes {
		first, group := all[i], 4+i/shaniLanes
		all[i] = func() {
			MOVO(s.constants.Offset(16*group), s.k)
			first()
		}
	}
	return all
}

// stagesCD do the second hash: schedule and rounds, woven.
func (s *shaniKernel) stagesCD() {
	Comment("C, D: the second hash.")
	MOVOU(s.inVersion(versionMidstate), s.x)
	MOVOU(s.inVersion(versionMidstate+16), s.y)
	var lanes []stream
	for i, lane := range s.lanes {
		s.digest(i, lane)
		MOVO(s.ivABEF, lane.abef)
		MOVO(s.ivCDGH, lane.cdgh)
		lanes = append(lanes, s.secondSchedule(i))
	}
	messages := s.withK(lanes)
	padding := func(t int) bool { return t >= 8 && t < 16 }
	emit(messages[:shaniLanes], weave(messages[shaniLanes:], pairRounds(s.lanes[:], 0, 62, padding, s.wk2)))
}

// digest adds the midstate (abef in x, cdgh in y) to the lane's state and
// stores the sum as groups 0 and 1 of the second hash.
func (s *shaniKernel) digest(i int, lane state) {
	PADDL(s.x, lane.abef)
	PADDL(s.y, lane.cdgh)
	MOVO(lane.abef, s.before)
	SHUFPS(Imm(0b10_11_10_11), lane.cdgh, s.before)  // a b c d
	SHUFPS(Imm(0b00_01_00_01), lane.cdgh, lane.abef) // e f g h
	for group, x := range []reg.VecPhysical{s.before, lane.abef} {
		MOVO(x, s.raw(i, group))
		PADDL(s.constants.Offset(16*group), x)
		MOVO(x, s.wk2(i, 4*group))
	}
}

// secondSchedule is the stream of groups 4 to 15 of the second hash.
func (s *shaniKernel) secondSchedule(lane int) stream {
	raw := func(group int) Mem {
		switch group {
		case 2:
			return s.endOnly
		case 3:
			return s.lengthOnly
		}
		return s.raw(lane, group)
	}
	m := s.schedule(raw, func(group int) Mem { return s.wk2(lane, 4*group) })
	out := stream{
		func() { m.sigma0Part(4); m.finish(4, m.raw(3)) }, // W[t-7] is zero
		func() { m.group(5) },
		func() { MOVO(s.endOnly, m.x); m.groupFromX(6) }, // sigma0Part sees padding only
	}
	for group := 7; group < 16; group++ {
		out = append(out, func() { m.group(group) })
	}
	return out
}

// stageE compares the last words with the limit: as numbers without sign,
// after a byte swap, for the hash as a number is little-endian.
func (s *shaniKernel) stageE() {
	Comment("E: compare with the limit.")
	MOVOU(s.inJob(jobLimit), s.before)
	f := s.lanes // f is the lowest word of abef: those of lanes 0 to 3 go into one register
	PUNPCKLLQ(f[1].abef, f[0].abef)
	PUNPCKLLQ(f[3].abef, f[2].abef)
	PUNPCKLQDQ(f[2].abef, f[0].abef)
	s.compare(f[0].abef, reg.EAX)
	s.compare(f[4].abef, reg.ECX)
	ANDL(Imm(1), reg.ECX) // lane 4; the rest is no last word
	SHLL(Imm(4), reg.ECX)
	ORL(reg.ECX, reg.EAX)
}

// compare sets a bit of mask for each word of f that makes a hit. It has no
// unsigned comparison: x <= limit if and only if min(x, limit) = x.
func (s *shaniKernel) compare(f reg.VecPhysical, mask reg.Register) {
	PADDL(s.ivLast, f)
	PSHUFB(s.byteSwap, f)
	MOVO(f, s.x)
	PMINUD(s.before, s.x)
	PCMPEQL(f, s.x)
	MOVMSKPS(s.x, mask)
}
