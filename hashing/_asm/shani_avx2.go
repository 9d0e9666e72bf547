package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The kernel "shani-avx2": hybrid.go with the 16 registers of AVX2. Four chains
// of rounds leave seven, too few for the words of a schedule or a state, which are
// in rows in the frame. Schedules and early rounds are independent, so they are
// interleaved: each is a chain in which a word or round waits for the one before,
// and alone would fill only part of the time.
type shaniAVX2 struct{ *hybridKernel }

func shaniAVX2Function(name string, shape hybridShape) function {
	return func(m memory) {
		s := &shaniAVX2{newHybrid(&vectors{set: "avx2", bytes: 32, memory: m}, shape)}
		s.write(name, "shani-avx2", s)
	}
}

func (s *shaniAVX2) merge(rounds, vectors order.Stream) { order.Emit(order.Weave(rounds, vectors)) }

func (s *shaniAVX2) turnStream() order.Stream {
	scratch := []reg.Register{s.r(0), s.r(1), s.r(2), s.r(3), s.r(4)}
	out := s.digest(scratch, func(name int, row reg.Register, midstate Mem) {
		s.v.addWord(midstate, row, row, scratch[2])
		s.v.move(row, s.digestRow(name))
	})
	for t := s.early2; t < 8; t += 2 {
		out = append(out, func() { s.digestPair(t) })
	}
	words := s.schedule(s.hash, s.parts2, frameW, s.digestRow, s.future, itemWK).words(16, 61)
	if !s.rolled {
		words = order.Weave(words, s.groupStream())
	}
	return append(out, order.Weave(order.Weave(s.earlyHeader(), s.earlyHash()), words)...)
}

// groupStream is S1, with a sum and rows of its own.
func (s *shaniAVX2) groupStream() order.Stream {
	nonces := func(int) Mem { return s.inFrame(frameNonces) }
	r := s.schedule(s.header, s.parts1, frameW1, nonces, s.nextGroup, groupWK-16*rowSize)
	r.sum = s.r(5)
	return r.words(18, 63)
}

// digestRow is word t of the digest of item c+2, for all lanes.
func (s *shaniAVX2) digestRow(t int) Mem { return s.inFrame(frameDigest + rowSize*t) }

// digestPair makes W+K of the words t and t+1 of the digest.
func (s *shaniAVX2) digestPair(t int) {
	for i := range 2 {
		s.v.move(s.digestRow(t+i), s.r(i))
		s.v.addConstant(s.k.at(t+i), s.r(i), s.r(i))
	}
	s.storePair(s.r(0), s.r(1), s.r(2), inBuffer(s.future, itemWK+rowSize*t))
}

// schedule returns a message schedule whose pairs of rows lie at base from word 0
// on. The words from 16 on go through a ring of rows in the frame; word is
// where those before are, as far as they differ from lane to lane.
func (s *shaniAVX2) schedule(m message, parts table, ring int, word func(t int) Mem, base reg.GPPhysical, offset int) *schedule {
	r := &schedule{
		v: s.v, message: m,
		known:    func(t int) Mem { return s.inJob(jobKnown + 4*(t-16)) },
		constant: func(t int) Mem { return parts.at(t - 16) },
		sum:      s.r(0), x: s.r(1), y: s.r(2), t: s.r(3), u: s.r(4),
	}
	r.at = func(t int) Mem {
		if t < 16 {
			return word(t)
		}
		return s.inFrame(ring + rowSize*(t%16))
	}
	r.finished = func(t int, w reg.Register) { // the even word of a pair comes from the ring
		switch {
		case t%2 == 1:
			s.v.addConstant(s.k.at(t), w, r.t)
			s.v.loadConstant(s.k.at(t-1), r.u)
			s.v.add(r.at(t-1), r.u, r.u)
			s.storePair(r.u, r.t, r.y, inBuffer(base, offset+rowSize*(t-1)))
		case t == lastScheduled-1: // which no later word needs
			s.v.move(w, r.at(t))
		}
	}
	return r
}
