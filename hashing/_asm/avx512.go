package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The kernel "avx512": every nonce in its own lane throughout, no SHA
// extensions.
//
// A group has three chains, each a vector of lanes. While one chain
// waits (a round needs the one before it) the others run. For each group:
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
//	C   compare with the limit, and keep the hits
//
// Schedules and rounds exchange data only through memory. A schedule is computed for
// one chain after the other, its rounds run for all chains at once: both then have
// enough independent work. Loops keep the code short: unrolled, it would not fit
// into the caches of instructions, least of all decoded ones.
type lanesKernel struct {
	walker
	plan
	ends
	chains int

	// Rows are message words, one vector for each chain. W has the last 16,
	// first of the second block, then of the second hash; W+K has all.
	w, wk1, wk2 rows
	constants   constants

	row, sum reg.GPPhysical // position of a loop: in W, in W+K
	count    reg.GPPhysical
}

func (k *lanesKernel) rowSize() int { return k.chains * k.v.bytes }

// rows are a table of message words t, one vector for each chain in a row.
// base points at the row at, in the middle, because short addresses of avx512 reach
// 127 vectors to both sides, and long ones make long code.
type rows struct {
	k    *lanesKernel
	base reg.GPPhysical
	at   int
}

func (r rows) word(chain, t int) Mem {
	return Mem{Base: r.base, Disp: (t-r.at)*r.k.rowSize() + chain*r.k.v.bytes}
}

// moved returns the same table as a loop sees it whose pointer is at row t.
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

func lanes(name, set string, bytes, chains int) function {
	return func(m memory) {
		k := newLanes(&vectors{set: set, bytes: bytes, memory: m, ternary: true}, chains)
		declare(name, set)
		k.enter((16 + 64 + 64) * k.rowSize())
		k.takeUp()
		k.enterRows()
		k.constantRows()
		Label("group")
		k.stageS1()
		Label("version")
		k.selectVersion()
		rounds := k.rounds()
		k.stageR1(rounds)
		k.stageS2()
		k.stageR2(rounds)
		k.stageC(rounds)
		k.leave(chains*k.v.lanes(), true)
	}
}

func newLanes(v *vectors, chains int) *lanesKernel {
	k := &lanesKernel{
		walker: newWalker(), plan: newPlan(v), ends: newEnds(v, chains*v.lanes()), chains: chains,
		row: reg.RDX, sum: reg.R15, count: reg.RBX,
	}
	k.w, k.wk1, k.wk2 = rows{k, reg.RSI, 0}, rows{k, reg.R12, 32}, rows{k, reg.R13, 32}
	k.constants = constants{k.k, reg.RCX, 32}
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

// words computes the words 16 .. last of a message, for one chain after the other:
// the latency of a word is short enough not to need other chains in between, and the
// code is as short as possible.
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
	order.Emit(s.words(16, last))
	ADDQ(Imm(uint64(v.bytes)), k.row)
	ADDQ(Imm(uint64(v.bytes)), k.sum)
	DECL(k.count.As32())
	JNZ(LabelRef(label))
}

func (k *lanesKernel) stageS1() {
	Comment("S1: message schedule of the header's second block.")
	MOVL(k.nonce.As32(), k.inJob(jobNonce))
	for chain := range k.chains {
		x := k.v.r(0)
		k.nonceWords(k.inJob(jobNonce), chain, x, k.v.r(1))
		k.v.move(x, k.w.word(chain, 3))
		k.v.move(x, k.wk1.word(chain, 3)) // W is overwritten, but other versions' states need the nonce
	}
	k.words("words1", k.header, k.parts1, k.wk1, 63)
}

func (k *lanesKernel) stageS2() {
	Comment("S2: message schedule of the second hash.")
	k.words("words2", k.hash, k.parts2, k.wk2, lastRound)
}

// rounds returns the chains' rounds.
func (k *lanesKernel) rounds() (all []*vectorRounds) {
	v := k.v
	for chain := range k.chains {
		r := &vectorRounds{v: v, searcher: &k.searcher, plan: &k.plan}
		for i := range r.state {
			r.state[i] = v.r(8*chain + i)
		}
		scratch := 8 * k.chains
		r.x, r.y, r.t, r.u = v.r(scratch), v.r(scratch+1), v.r(scratch+2), v.r(scratch+3)
		r.wk1 = func(t int) Mem { return k.wk1.word(chain, t) }
		r.wk2 = func(t int) Mem { return k.wk2.word(chain, t) }
		r.digest = func(t int) Mem { return k.w.word(chain, t) }
		r.nonces = k.wk1.word(chain, 3)
		all = append(all, r)
	}
	return all
}

// together returns a stream of all chains, a bundle of each in turn.
func together(all []*vectorRounds, one func(chain int, r *vectorRounds) order.Stream) order.Stream {
	var chains []order.Stream
	for chain, r := range all {
		chains = append(chains, one(chain, r))
	}
	return order.RoundRobin(chains)
}

// loopRounds runs the rounds first .. last of all chains, eight at a time.
func (k *lanesKernel) loopRounds(label string, all []*vectorRounds, wk rows, first, last int) {
	LEAQ(wk.word(0, first), k.row)
	MOVL(U32(uint32((last-first+1)/8)), k.count.As32())
	Label(label)
	moved := wk.moved(k.row, first)
	order.Emit(together(all, func(chain int, r *vectorRounds) order.Stream {
		return r.eight(first, func(t int) Mem { return moved.word(chain, t) })
	}))
	ADDQ(I32(int32(8*k.rowSize())), k.row)
	DECL(k.count.As32())
	JNZ(LabelRef(label))
}

func (k *lanesKernel) stageR1(all []*vectorRounds) {
	Comment("R1: rounds of the header's second block.")
	order.Emit(together(all, func(_ int, r *vectorRounds) order.Stream { return r.beginHeader() }))
	k.loopRounds("rounds1", all, k.wk1, 8, 63)
	order.Emit(together(all, func(_ int, r *vectorRounds) order.Stream { return append(r.endHeader(), r.digestSums()...) }))
}

func (k *lanesKernel) stageR2(all []*vectorRounds) {
	Comment("R2: rounds of the second hash.")
	order.Emit(together(all, func(_ int, r *vectorRounds) order.Stream { return r.beginHash() }))
	k.loopRounds("rounds2", all, k.wk2, 8, 55)
	order.Emit(together(all, func(_ int, r *vectorRounds) order.Stream { return r.endHash() }))
}

// stageC compares, and gathers a bit for each nonce in RAX.
func (k *lanesKernel) stageC(all []*vectorRounds) {
	Comment("C: compare with the limit.")
	for chain, r := range all {
		mask := reg.RAX
		if chain > 0 {
			mask = reg.RDX
		}
		k.compare(r.lastWord(), k.inJob(jobLimit), r.x, r.y, mask.(reg.GPPhysical))
		if chain > 0 {
			SHLQ(Imm(uint64(chain*k.v.lanes())), mask)
			ORQ(mask, reg.RAX)
		}
	}
}
