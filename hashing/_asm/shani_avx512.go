package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The kernel "shani-avx512": hybrid.go with the 32 registers of AVX-512. Six
// chains of rounds take 13 of them, the last 16 words of a schedule another 16,
// and three are left for scratch. So words never go through memory, except for
// W+K on the way to the rounds.
//
// It is made for Zen 4, where one of four vector pipes does SHA256RNDS2, one a
// cycle, and everything else has to leave that pipe alone (measured there,
// benchmarks/results/2026-11-27-amd-epyc-zen4-hybrid.txt):
//
//   - Which instructions. One with three sources, VPTERNLOGD, takes half a turn
//     of the pipe, two with two sources none. So functions of three operands are
//     made of those with plain work, except for sigma1 of the schedules, which has
//     so many vector instructions that their number counts, too. Where the other
//     thread of the core is busy, and perhaps on other processors, only their number
//     counts: for those there is the form "shani-avx512-ternary".
//   - Their order, one by one: see order/beat.go.
//   - The place of the code: see alignCode.
type shaniAVX512 struct {
	*hybridKernel
	beat order.Beat
	// sigma1 is what makes the sigma1 of schedules.
	sigma1 *vectors
}

func shaniAVX512Function(name, kernel string, rolled bool, f order.Form) function {
	return func(m memory) {
		v := &vectors{set: "avx512", bytes: 32, memory: m, ternary: f.Ternary}
		h := newHybrid(v, hybridShape{rolled: rolled, chains: 6, early1: 4, early2: f.Early2})
		s := &shaniAVX512{hybridKernel: h, beat: f.Beat, sigma1: v.withTernary(f.TernarySigma1)}
		h.write(name, kernel, s)
	}
}

func (s *shaniAVX512) merge(rounds, vectors order.Stream) { s.beat.Merge(rounds, vectors) }

func (s *shaniAVX512) turnStream() order.Stream {
	if s.rolled {
		return s.hashStream()
	}
	return append(s.hashStream(), s.groupStream()...)
}

// schedule returns a message schedule whose pairs of rows lie at base from word 0 on.
func (s *shaniAVX512) schedule(m message, parts table, base reg.GPPhysical, offset int) *ringSchedule {
	r := &ringSchedule{v: s.v, sigma1: s.sigma1, message: m, x: s.r(16), t: s.r(17), u: s.r(18)}
	for i := range r.ring {
		r.ring[i] = s.r(i)
	}
	r.known = func(t int) Mem {
		if m[t].job {
			return s.inJob(jobKnown + 4*(t-16))
		}
		return parts.at(t - 16)
	}
	r.pair = func(t int) {
		s.v.addConstant(s.k.at(t), r.at(t), r.x)
		s.v.addConstant(s.k.at(t+1), r.at(t+1), r.t)
		s.storePair(r.x, r.t, r.u, inBuffer(base, offset+rowSize*t))
	}
	return r
}

// hashStream returns the digest, E2 and S2.
func (s *shaniAVX512) hashStream() order.Stream {
	r := s.schedule(s.hash, s.parts2, s.future, itemWK)
	digest := s.digest(r.ring[8:13], func(name int, row reg.Register, midstate Mem) {
		s.v.addConstant(midstate, row, r.at(name))
	})
	var pairs order.Stream
	for t := s.early2; t < 8; t += 2 {
		pairs = append(pairs, func() { r.pair(t) })
	}
	last := func() { r.pair(lastRound) } // round 61 may have any word
	return slices.Concat(digest, s.earlyRounds(r), pairs, r.words(16, lastRound), order.Stream{last})
}

// groupStream is S1.
func (s *shaniAVX512) groupStream() order.Stream {
	r := s.schedule(s.header, s.parts1, s.nextGroup, groupWK-16*rowSize)
	nonces := func() { s.v.move(s.inFrame(frameNonces), r.at(3)) }
	return append(order.Stream{nonces}, r.words(18, 63)...)
}

// earlyRounds is E2: the state is in the places of the schedule that the digest
// leaves free. Round 0 is done except for its word, and up to round 3 h
// is constant.
func (s *shaniAVX512) earlyRounds(schedule *ringSchedule) (out order.Stream) {
	v, w := s.v, schedule.at
	r := &vectorRounds{v: v, x: schedule.x, y: schedule.x, t: schedule.t, u: schedule.u}
	copy(r.state[:], schedule.ring[8:])
	out = append(out, func() {
		for name := range 7 {
			if name%4 == 0 {
				v.addConstant(s.start.at(name), w(0), r.named(name, 1))
			} else {
				v.loadConstant(s.start.at(name), r.named(name, 1))
			}
		}
	})
	for t := 1; t < s.early2; t++ {
		out = append(out, func() {
			h := r.named(7, t)
			switch {
			case t < 4:
				v.addConstant(s.first.at(t), w(t), h)
			case t < 8:
				v.add(w(t), h, h)
				v.addConstant(s.k.at(t), h, h)
			default:
				v.addConstant(s.padded2.at(t), h, h)
			}
			r.afterH(t, true)
		})
	}
	return append(out, s.statesOf(itemEarly, schedule.x, func(name int) Op { return r.named(name, s.early2) })...)
}
