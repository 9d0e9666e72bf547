package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// schedule makes the message words of a block in vectors, one lane in each
// word. All words go through memory: so few registers are needed, and several
// schedules, or a schedule and rounds, can share them.
type schedule struct {
	v        *vectors
	message  message
	at       func(t int) Mem // where W[t] is, or is to be, in memory
	known    func(t int) Mem // where the known part of W[t] is, if it depends on the job
	constant func(t int) Mem // where it is, if it is a constant
	// finished takes each new word, which it may not change, to where the
	// rounds want it.
	finished func(t int, w reg.Register)

	sum, x, y, t, u reg.Register // scratch
	// recent, if not nil, keeps W[t] in the register t%2 for sigma1 of W[t+2].
	recent [2]reg.Register
}

// A word is made in two bundles. sigma1(W[t-2]) comes last, because the
// word waits for it.

// beginWord leaves in sum all of W[t], t >= 16, except sigma1(W[t-2]). It reports
// whether that is nothing.
func (s *schedule) beginWord(t int) (empty bool) {
	v, m := s.v, &s.message
	empty = true
	add := func(w Op) {
		if empty {
			v.move(w, s.sum)
		} else {
			v.add(w, s.sum, s.sum)
		}
		empty = false
	}
	if m[t-15].lanes {
		v.move(s.at(t-15), s.x)
		v.smallSigma0(s.x, s.sum, s.t, s.u)
		empty = false
	}
	if m[t-16].lanes {
		add(s.at(t - 16))
	}
	if m[t-7].lanes {
		add(s.at(t - 7))
	}
	switch known := m[t]; {
	case known.job:
		v.broadcast(s.known(t), s.x)
		add(s.x)
	case known.constant != 0:
		v.loadConstant(s.constant(t), s.x)
		add(s.x)
	}
	return empty
}

// endWord completes the word in sum, stores it for later ones, and passes it on.
func (s *schedule) endWord(t int, empty bool) {
	w := s.addSigma1(t, empty)
	if t <= lastScheduled-2 {
		s.v.move(w, s.at(t))
	}
	s.finished(t, w)
}

// lastScheduled is the last word of any message that rounds read.
const lastScheduled = 63

// addSigma1 adds sigma1(W[t-2]), if it differs from lane to lane, and returns
// where the whole sum is.
func (s *schedule) addSigma1(t int, empty bool) reg.Register {
	v, w := s.v, s.sum
	if keep := s.recent[t%2]; keep != nil {
		w = keep
	}
	if !s.message[t-2].lanes {
		v.copyTo(s.sum, w)
		return w
	}
	before := s.recent[t%2]
	if before == nil {
		before = s.x
		v.move(s.at(t-2), before)
	}
	v.smallSigma1(before, s.y, s.t, s.u)
	if empty {
		v.copyTo(s.y, w)
	} else {
		v.add(s.y, s.sum, w)
	}
	return w
}

// words returns the stream of the words first .. last; those that do not differ
// from lane to lane are left out.
func (s *schedule) words(first, last int) (out order.Stream) {
	for t := first; t <= last; t++ {
		if s.message[t].lanes {
			empty := true
			out = append(out,
				func() { empty = s.beginWord(t) },
				func() { s.endWord(t, empty) })
		}
	}
	return out
}
