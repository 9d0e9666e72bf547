package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// ringSchedule makes the message words of a block in vectors, as schedule
// does, but with the last 16 words in registers: word t is in place t%16, where it
// replaces the word 16 before it. That takes 19 registers, and saves loads and
// stores.
type ringSchedule struct {
	v       *vectors
	sigma1  *vectors // what sigma1 is made with
	message message
	known   func(t int) Mem // where the known part of W[t] is
	// pair takes W[t] and W[t+1] to where the rounds want them.
	pair func(t int)

	ring    [16]reg.Register
	x, t, u reg.Register // scratch
}

func (s *ringSchedule) at(t int) reg.Register { return s.ring[t%16] }

// word makes W[t], t >= 16. sigma1(W[t-2]) comes last, because the word waits for it.
func (s *ringSchedule) word(t int) {
	v, m, w := s.v, &s.message, s.at(t)
	empty := !m[t-16].lanes
	add := func(x reg.Register) {
		if empty {
			v.copyTo(x, w)
		} else {
			v.add(x, w, w)
		}
		empty = false
	}
	if m[t-15].lanes {
		v.smallSigma0(s.at(t-15), s.x, s.t, s.u)
		add(s.x)
	}
	if m[t-7].lanes {
		add(s.at(t - 7))
	}
	if m[t-2].lanes {
		s.sigma1.smallSigma1(s.at(t-2), s.x, s.t, s.u)
		add(s.x)
	}
	if m[t].job || m[t].constant != 0 {
		v.addConstant(s.known(t), w, w)
	}
	if t%2 == 1 {
		s.pair(t - 1)
	}
}

// words returns the stream of the words first .. last; those that do not differ
// from lane to lane are left out.
func (s *ringSchedule) words(first, last int) (out order.Stream) {
	for t := first; t <= last; t++ {
		if s.message[t].lanes {
			out = append(out, func() { s.word(t) })
		}
	}
	return out
}
