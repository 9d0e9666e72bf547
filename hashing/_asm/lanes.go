package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels "avx512", "avx2" and "sse2": every nonce in a lane of its own
// from the beginning to the end, no SHA extensions.
//
// A group has one or more chains, each a vector of lanes. What one chain waits
// for (a round needs the one before it) others fill. For each group:
//
//	S1  message schedule of the header's second block, for all versions
//
// and for each version:
//
//	R1  rounds 4 to 63 of the second block, from a state after round 3 that
//	    lacks only the nonce in a and e
//	D   the digest, which is the message of the second hash
//	S2  its schedule
//	R2  its rounds 0 to 60
//	C   compare with the limit; a group with a hit is returned at once
//
// Schedules and rounds meet in memory only. A schedule is made for one chain
// after the other, its rounds are run for all chains at once: in both there is
// then enough to do beside what waits. Loops keep the code short: unrolled, it
// would not fit into the caches of instructions, decoded ones first of all.
type lanesKernel struct {
	searcher
	v      *vectors
	chains int

	// Rows are message words, one vector for each chain. W has the last 16,
	// first of the second block, then of the second hash; W+K has all.
	w, wk1, wk2 rows

	constants constants

	row, sum reg.GPPhysical // where a loop stands: in W, in W+K
	count    reg.GPPhysical

	plan
	iv                   table
	iota, byteSwap, sign Mem
}

func (k *lanesKernel) rowSize() int { return k.chains * k.v.bytes }

// rows are a table of message words t, one vector for each chain in a row.
// base points at the row at: into the middle, for the short addresses of
// avx512 reach 127 vectors to both sides, and long ones make long code.
type rows struct {
	k    *lanesKernel
	base reg.GPPhysical
	at   int
}

func (r rows) word(chain, t int) Mem {
	return Mem{Base: r.base, Disp: (t-r.at)*r.k.rowSize() + chain*r.k.v.bytes}
}

// moved is the same table as a loop sees it whose pointer is at row t.
func (r rows) moved(pointer reg.GPPhysical, t int) rows { return rows{r.k, pointer, t} }

// constants are the table of round constants, in the same way.
type constants struct {
	table table
	base  reg.GPPhysical
	at    int
}

func (c constants) word(t int) Mem {
	return Mem{Base: c.base, Disp: (t - c.at) * c.table.stride}
}

func lanes(set string, bytes, chains int) func() {
	return func() {
		k := newLanes(&vectors{set: set, bytes: bytes}, chains)
		declare("scanGroups"+map[string]string{"avx512": "AVX512", "avx2": "AVX2", "sse2": "SSE2"}[set], set)
		k.enter((16 + 64 + 64) * k.rowSize())
		k.enterRows()
		k.constantRows()
		Label("group")
		k.stageS1()
		Label("version")
		k.selectVersion()
		k.stageR1()
		k.stageS2()
		k.stageR2()
		k.leave(chains*k.v.lanes(), set != "sse2")
	}
}

func newLanes(v *vectors, chains int) *lanesKernel {
	k := &lanesKernel{
		searcher: newSearcher(), v: v, chains: chains,
		row: reg.RDX, sum: reg.R15, count: reg.RBX,
		plan: newPlan(v),
	}
	k.w, k.wk1, k.wk2 = rows{k, reg.RSI, 0}, rows{k, reg.R12, 32}, rows{k, reg.R13, 32}
	k.constants = constants{k.k, reg.RCX, 32}
	k.iv = v.table("initialH", ivH)
	var numbers []uint32
	for i := range chains * v.lanes() {
		numbers = append(numbers, uint32(i))
	}
	k.iota = words("laneNumbers", numbers...)
	var swap []uint32
	for range v.lanes() / 4 {
		swap = append(swap, 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f)
	}
	if v.set == "sse2" {
		k.sign = words("sign", endMark, endMark, endMark, endMark)
	} else {
		k.byteSwap = words("byteSwap", swap...)
	}
	return k
}

// enterRows divides the frame into rows of W and of W+K.
func (k *lanesKernel) enterRows() {
	LEAQ(k.inFrame((16+k.wk1.at)*k.rowSize()), k.wk1.base)
	LEAQ(k.inFrame((16+64+k.wk2.at)*k.rowSize()), k.wk2.base)
	LEAQ(k.k.at(k.constants.at), k.constants.base)
}

// constantRows fills the rows of W+K that never change.
func (k *lanesKernel) constantRows() {
	v, x := k.v, k.v.r(0)
	fill := func(rows rows, t int) {
		for chain := range k.chains {
			v.move(x, rows.word(chain, t))
		}
	}
	for t := 4; t < 16; t++ {
		v.loadConstant(k.padded1.at(t), x)
		fill(k.wk1, t)
	}
	for t := 16; t < 18; t++ {
		v.broadcast(k.inJob(jobKnownK+4*(t-16)), x)
		fill(k.wk1, t)
	}
	for t := 8; t < 16; t++ {
		v.loadConstant(k.padded2.at(t), x)
		fill(k.wk2, t)
	}
}

// nonceWords puts the nonces of a chain, as words of the header, into row 3.
func (k *lanesKernel) nonceWords(chain int) {
	v, x, y := k.v, k.v.r(0), k.v.r(1)
	switch v.set {
	case "avx512":
		VPBROADCASTD(k.nonce.As32(), x)
	case "avx2":
		MOVD(k.nonce.As32(), x.AsX())
		VPBROADCASTD(x.AsX(), x)
	default:
		MOVD(k.nonce.As32(), x)
		PSHUFD(Imm(0), x, x)
	}
	v.add(k.iota.Offset(chain*v.bytes), x, x)
	k.swapBytes(x, y)
	v.move(x, k.w.word(chain, 3))
	v.move(x, k.wk1.word(chain, 3)) // W is overwritten, but other versions' states need the nonce
}

// swapBytes turns the bytes in each word around.
func (k *lanesKernel) swapBytes(x, t reg.Register) {
	v := k.v
	if v.set != "sse2" {
		VPSHUFB(k.byteSwap, x, x)
		return
	}
	v.shiftRight(16, x, t) // the halves change places, then the bytes in each
	v.shiftLeft(16, x, x)
	POR(t, x)
	MOVO(x, t)
	PSRLW(Imm(8), x)
	PSLLW(Imm(8), t)
	POR(t, x)
}

// words makes the words 16 .. last of a message, for one chain after the
// other: what a word waits for is short enough to need no other chain beside
// it, and the code is as short as can be.
func (k *lanesKernel) words(label string, m message, parts table, wk rows, last int) {
	v := k.v
	MOVQ(k.w.base, k.row)
	LEAQ(wk.word(0, wk.at), k.sum)
	MOVL(U32(uint32(k.chains)), k.count.As32())
	Label(label)
	w, sums := k.w.moved(k.row, 0), wk.moved(k.sum, wk.at)
	s := &schedule{v: v, message: m, sum: v.r(0), x: v.r(1), y: v.r(2), t: v.r(3), u: v.r(4)}
	s.at = func(t int) Mem { return w.word(0, t%16) }
	s.known = func(t int) Mem { return k.inJob(jobKnown + 4*(t-16)) }
	s.constant = func(t int) Mem { return parts.at(t - 16) }
	s.recent = [2]reg.Register{v.r(5), v.r(6)}
	s.finished = func(t int, w reg.Register) {
		v.addConstant(k.constants.word(t), w, s.t)
		v.move(s.t, sums.word(0, t))
	}
	emit(s.words(16, last))
	ADDQ(Imm(uint64(v.bytes)), k.row)
	ADDQ(Imm(uint64(v.bytes)), k.sum)
	DECL(k.count.As32())
	JNZ(LabelRef(label))
}

func (k *lanesKernel) stageS1() {
	Comment("S1: message schedule of the header's second block.")
	for chain := range k.chains {
		k.nonceWords(chain)
	}
	k.words("words1", k.header, k.parts1, k.wk1, 63)
}

func (k *lanesKernel) stageS2() {
	Comment("S2: message schedule of the second hash.")
	k.words("words2", k.hash, k.parts2, k.wk2, lastRound)
}

// rounds are the chains' rounds.
func (k *lanesKernel) rounds() (all []*vectorRounds) {
	v := k.v
	for chain := range k.chains {
		r := &vectorRounds{v: v}
		for i := range r.state {
			r.state[i] = v.r(8*chain + i)
		}
		scratch := 8 * k.chains
		r.x, r.y, r.t, r.u = v.r(scratch), v.r(scratch+1), v.r(scratch+2), v.r(scratch+3)
		if v.set != "avx512" {
			r.bc = v.r(scratch + 4)
		}
		all = append(all, r)
	}
	return all
}

// loopRounds runs the rounds first .. last of all chains, eight at a time.
func (k *lanesKernel) loopRounds(label string, all []*vectorRounds, wk rows, first, last int) {
	if first%8 != 0 || last%8 != 7 {
		panic(fmt.Sprintf("loopRounds: %d to %d are no whole eights", first, last))
	}
	LEAQ(wk.word(0, first), k.row)
	MOVL(U32(uint32((last-first+1)/8)), k.count.As32())
	Label(label)
	moved := wk.moved(k.row, first)
	for t := first; t < first+8; t++ {
		for chain, r := range all {
			r.round(t, moved.word(chain, t))
		}
	}
	ADDQ(I32(int32(8*k.rowSize())), k.row)
	DECL(k.count.As32())
	JNZ(LabelRef(label))
}

func (k *lanesKernel) stageR1() {
	Comment("R1: rounds of the header's second block.")
	v := k.v
	all := k.rounds()
	for chain, r := range all {
		for name := range 8 {
			if name < 7 { // h comes with its sum
				v.broadcast(k.inVersion(versionStart+stateWord(name)), r.named(name, 4))
			}
		}
		for _, name := range []int{0, 4} {
			x := r.named(name, 4)
			v.add(k.wk1.word(chain, 3), x, x)
		}
		r.begin(4)
	}
	for t := 4; t < 8; t++ {
		for chain, r := range all {
			if t < 7 {
				v.broadcast(k.inVersion(versionH+4*(t-4)), r.named(7, t))
				r.afterH(t, true)
			} else {
				r.round(t, k.wk1.word(chain, t))
			}
		}
	}
	k.loopRounds("rounds1", all, k.wk1, 8, 63)

	Comment("D: the digest.")
	for chain, r := range all {
		for name := range 8 {
			x := r.named(name, 0)
			v.addWord(k.inVersion(versionMidstate+stateWord(name)), x, x, r.x)
			v.move(x, k.w.word(chain, name))
			switch {
			case name == 0: // K is in the state after round 0 already
			case name < 4:
				v.addConstant(k.first.at(name), x, x)
			default:
				v.addConstant(k.k.at(name), x, x)
			}
			v.move(x, k.wk2.word(chain, name))
		}
	}
}

func (k *lanesKernel) stageR2() {
	Comment("R2: rounds of the second hash. Round 0 is done but for its word.")
	v := k.v
	all := k.rounds()
	for chain, r := range all {
		for name := range 7 {
			x := r.named(name, 1)
			v.loadConstant(k.start.at(name), x)
			if name == 0 || name == 4 {
				v.add(k.wk2.word(chain, 0), x, x)
			}
		}
		r.begin(1)
	}
	for t := 1; t < 8; t++ {
		for chain, r := range all {
			if t < 4 {
				v.move(k.wk2.word(chain, t), r.named(7, t)) // with h, which is constant
				r.afterH(t, true)
			} else {
				r.round(t, k.wk2.word(chain, t))
			}
		}
	}
	k.loopRounds("rounds2", all, k.wk2, 8, 55)
	for t := 56; t <= lastRound; t++ {
		for chain, r := range all {
			r.addWK(t, k.wk2.word(chain, t))
			r.afterH(t, t == 56) // a, which the last four make, is needed no more
		}
	}
	k.stageC(all)
}

// stageC compares the last words with the limit: as numbers without sign,
// after a byte swap, for the hash as a number is little-endian.
func (k *lanesKernel) stageC(all []*vectorRounds) {
	Comment("C: compare with the limit.")
	v := k.v
	for chain, r := range all {
		x := r.named(4, lastRound+1)
		v.addConstant(k.iv.at(0), x, x)
		k.swapBytes(x, r.x)
		mask := reg.RAX
		if chain > 0 {
			mask = reg.RDX
		}
		k.compare(x, r.x, r.y, mask.(reg.GPPhysical))
		if chain > 0 {
			SHLQ(Imm(uint64(chain*v.lanes())), mask)
			ORQ(mask, reg.RAX)
		}
	}
	TESTQ(reg.RAX, reg.RAX)
	JNZ(LabelRef("return"))
}

// compare sets a bit of mask for each lane of x at or below the limit.
func (k *lanesKernel) compare(x, t, u reg.Register, mask reg.GPPhysical) {
	k.v.broadcast(k.inJob(jobLimit), t)
	switch k.v.set {
	case "avx512":
		VPCMPUD(Imm(2), t, x, reg.K1) // less or equal
		KMOVW(reg.K1, mask.As32())
	case "avx2":
		VPMINUD(t, x, u)
		VPCMPEQD(x, u, u)
		VMOVMSKPS(u, mask.As32())
	default: // only signed comparison: turn the sign bits of both
		MOVO(k.sign, u)
		PXOR(u, t)
		PXOR(u, x)
		PCMPGTL(t, x)
		MOVMSKPS(x, mask.As32())
		XORL(Imm(15), mask.As32())
	}
}
