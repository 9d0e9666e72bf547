package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

//

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
	JNZ(LabelRef("return"))
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
