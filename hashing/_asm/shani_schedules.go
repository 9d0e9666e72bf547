package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// This file is the message schedules of the kernel shani, S1 and S2.

// streamS1 is S1 for all lanes.
func (s *shaniKernel) streamS1() order.Stream { return s.withK(s.laneS1) }

// laneS1 returns the stream of groups 4 to 15 of the header's second block.
func (s *shaniKernel) laneS1(lane int) order.Stream {
	m := s.schedule(lane,
		func(group int) Mem { return s.raw(lane, group) },
		func(group int) Mem { return s.wk1(lane, 4*group) })
	out := order.Stream{
		func() { s.groupOfNonce(lane, m) },
		// In group 5 everything but sigma1 is constant, in group 6 there is
		// only padding except for W[t-7] and sigma1, and in group 7 the words of
		// sigma0Part are constant.
		func() { MOVOU(s.inJob(jobGroup5), m.x); m.finish(5, m.last) },
		func() { m.sevenBack(6, m.x); m.finish(6, m.last) },
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
	MOVL(s.inFrame(frameAhead), reg.EAX)
	ADDL(Imm(uint64(lane)), reg.EAX)
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

// streamS2 is S2 for all lanes.
func (s *shaniKernel) streamS2() (out order.Stream) {
	for group := range 2 {
		for lane := range s.lanes {
			out = append(out, func() {
				MOVO(s.constants.Offset(16*group), s.x)
				PADDL(s.raw(lane, group), s.x)
				MOVO(s.x, s.wk2(lane, 4*group))
			})
		}
	}
	return append(out, s.withK(s.laneS2)...)
}

// laneS2 returns the stream of groups 4 to 15 of the second hash.
func (s *shaniKernel) laneS2(lane int) order.Stream {
	raw := func(group int) Mem {
		switch group {
		case 2:
			return s.endOnly
		case 3:
			return s.lengthOnly
		}
		return s.raw(lane, group)
	}
	m := s.schedule(lane, raw, func(group int) Mem { return s.wk2(lane, 4*group) })
	out := order.Stream{
		func() { m.sigma0Part(4); m.finish(4, m.raw(3)) }, // W[t-7] is zero
		func() { m.group(5) },
		func() { MOVO(s.endOnly, m.x); m.groupFromX(6) }, // sigma0Part sees padding only
	}
	for group := 7; group < 16; group++ {
		out = append(out, func() { m.group(group) })
	}
	return out
}

// withK puts together the schedules of all lanes, which start at group 4, and
// loads K of each group before the first lane needs it.
func (s *shaniKernel) withK(schedule func(lane int) order.Stream) order.Stream {
	var lanes []order.Stream
	for lane := range s.lanes {
		lanes = append(lanes, schedule(lane))
	}
	all := order.RoundRobin(lanes)
	for i := 0; i < len(all); i += shaniLanes {
		first, group := all[i], 4+i/shaniLanes
		all[i] = func() {
			MOVO(s.constants.Offset(16*group), s.k)
			first()
		}
	}
	return all
}
