package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The SHA extensions work on two registers of state, in this order of words
// (lowest first):
//
//	abef = f e b a
//	cdgh = h g d c
//
// and on message words in groups of four: group i holds W[4i] .. W[4i+3].
//
// Rounds and schedule are decoupled: the schedule writes W+K into memory, and
// the rounds read two words of it at a time. So a chain of rounds needs only its
// two registers, and many chains (lanes) fit into 15 registers. That matters because
// a pair of rounds (SHA256RNDS2) takes four cycles or more, which only independent
// lanes fill.

// state is one lane's running state.
type state struct{ abef, cdgh reg.VecPhysical }

// twoRounds runs a pair of rounds on the state, with the two sums of message
// word and round constant in X0.
func (s *state) twoRounds() {
	SHA256RNDS2(reg.X0, s.abef, s.cdgh)
	// The new abef is where cdgh was, and the old abef is the new cdgh.
	s.abef, s.cdgh = s.cdgh, s.abef
}

// pairRounds returns the stream of the rounds first .. last-1 (both even) on all
// lanes. wk says where a lane's sums for the rounds t and t+1 are.
func pairRounds(lanes []state, first, last int, wk func(lane, t int) Mem) (out order.Stream) {
	for t := first; t < last; t += 2 {
		for i := range lanes {
			lane := &lanes[i]
			out = append(out, func() {
				MOVQ(wk(i, t), reg.X0)
				lane.twoRounds()
			})
		}
	}
	return out
}

// groupSchedule makes the message groups of one lane. Groups go through memory,
// so lanes can share registers, except for the last group: the next one waits for
// it, and a reload from memory would take as long as all the rest.
type groupSchedule struct {
	raw func(group int) Mem // where W of a group is, in memory
	wk  func(group int) Mem // where W+K of a group goes

	last reg.VecPhysical // the group before; every lane has its own
	k    reg.VecPhysical // K of the group
	x, y reg.VecPhysical // scratch
}

// sigma0Part leaves W[t-16] + sigma0(W[t-15]) of a group in x.
func (s *groupSchedule) sigma0Part(group int) {
	MOVO(s.raw(group-4), s.x)
	SHA256MSG1(s.raw(group-3), s.x)
}

// sevenBack leaves W[t-7] in to, which spans the two groups before.
func (s *groupSchedule) sevenBack(group int, to reg.VecPhysical) {
	MOVO(s.last, to)
	PALIGNR(Imm(4), s.raw(group-2), to)
}

// finish adds sigma1(W[t-2]) to x, where before is the group before, and stores
// the group.
func (s *groupSchedule) finish(group int, before Op) {
	SHA256MSG2(before, s.x)
	s.store(group)
}

// store stores W where later groups need it (until group 14), and W+K for the
// rounds.
func (s *groupSchedule) store(group int) {
	if group < 15 {
		MOVO(s.x, s.last)
		MOVO(s.x, s.raw(group))
	}
	PADDL(s.k, s.x)
	MOVO(s.x, s.wk(group))
}

// group makes a group that has no shortcut:
// W[t] = sigma1(W[t-2]) + W[t-7] + sigma0(W[t-15]) + W[t-16].
func (s *groupSchedule) group(group int) {
	s.sigma0Part(group)
	s.groupFromX(group)
}

// groupFromX is the same when x holds W[t-16] + sigma0(W[t-15]) already.
func (s *groupSchedule) groupFromX(group int) {
	s.sevenBack(group, s.y)
	PADDL(s.y, s.x)
	s.finish(group, s.last)
}
