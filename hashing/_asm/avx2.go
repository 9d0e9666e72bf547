package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// The kernels "avx2" and "sse2": every nonce in its own lane throughout, no SHA
// extensions, and only 16 registers. One state
// takes half of them, so there is no room for a second chain of rounds to fill
// the time in which the first one waits. But a schedule needs few, only as
// scratch, which it shares with the rounds: so rounds of one item are interleaved
// with the schedule of another. A turn is, in the pipeline's terms,
//
//	R1  rounds 4 to 63 of the second block of item c+1, interleaved with
//	S2  the message schedule of the second hash of item c
//	R2  rounds of the second hash of item c, interleaved with
//	S1  the message schedule of the second block of the group of item c+2, if new
//	C   item c compared with the limit
//
// All but the first words and rounds are loops of eight rounds and as many
// words as belong to them: unrolled, the code would not fit into the caches.
type wovenKernel struct {
	pipeline
	plan
	ends

	wkRow, wRow, constant, count reg.GPPhysical // where a loop stands: in W+K for the rounds, in W and the table of K
}

// The frame: rows of W, which has the digest in the first eight, of W+K of the
// second block, which has the nonces in row 3, and of W+K of the second hash.
// The distance of the last avoids loads from addresses whose low 12 bits equal those
// of a recent store, which processors first take for the same address (4K aliasing).
const (
	rowsW   = 0
	rowsWK1 = 64
	rowsWK2 = 224
	rowsAll = rowsWK2 + 64
)

func woven(name, set string, bytes int) function {
	return func(m memory) {
		k := newWoven(&vectors{set: set, bytes: bytes, memory: m})
		declare(name, set)
		k.enter(2*framePipeline + rowsAll*bytes)
		k.constantRows()
		k.begin()
		JMP(LabelRef("newgroup"))
		k.turn()
		k.next(set != "sse2")
	}
}

func newWoven(v *vectors) *wovenKernel {
	return &wovenKernel{
		pipeline: pipeline{searcher: newSearcher(), depth: 2, lanes: v.lanes()},
		plan:     newPlan(v), ends: newEnds(v, v.lanes()),
		wkRow: reg.RDX, wRow: reg.R12, constant: reg.R13, count: reg.RBX,
	}
}

// row is row t of rows.
func (k *wovenKernel) row(rows, t int) Mem {
	return k.inFrame(2*framePipeline + (rows+t)*k.v.bytes)
}

// constantRows fills the rows of W+K that never change.
func (k *wovenKernel) constantRows() {
	v, x := k.v, k.v.r(0)
	for t := 4; t < 18; t++ {
		if t < 16 {
			v.loadConstant(k.padded1.at(t), x)
		} else {
			v.broadcast(k.inJob(jobKnownK+4*(t-16)), x)
		}
		v.move(x, k.row(rowsWK1, t))
	}
	for t := 8; t < 16; t++ {
		v.loadConstant(k.padded2.at(t), x)
		v.move(x, k.row(rowsWK2, t))
	}
}

func (k *wovenKernel) turn() {
	Label("turn")
	k.selectVersion(1, k.states)
	Comment("R1 of the next item, S2 of this one.")
	r := k.rounds()
	words := append(r.digestSums(), k.words(k.hash, k.parts2, rowsWK2, 16, 32)...)
	order.Emit(order.Weave(words, r.beginHeader()))
	k.loop("rounds1", r, rowsWK1, 8, 63, &loopWords{k.hash, rowsWK2, 33, lastRound})
	order.Emit(r.endHeader())
	k.ifNew("newgroup")
	Comment("R2.")
	k.stageR2("rounds2", nil, nil)
	JMP(LabelRef("compare"))
	Label("newgroup")
	Comment("R2, S1 of a new group.")
	words = append(order.Stream{k.nonces}, k.words(k.header, k.parts1, rowsWK1, 16, 33)...)
	r = k.stageR2("rounds3", words, &loopWords{k.header, rowsWK1, 34, 63})
	k.afterS1()
	Label("compare")
	k.unlessItem()
	Comment("C: compare with the limit.")
	k.compare(r.lastWord(), k.inJob(jobLimit), r.x, r.y, reg.RAX.(reg.GPPhysical))
}

// stageR2 emits R2 interleaved with words, and words in a loop; nil for none.
func (k *wovenKernel) stageR2(label string, words order.Stream, looped *loopWords) *vectorRounds {
	r := k.rounds()
	order.Emit(order.Weave(words, r.beginHash()))
	k.loop(label, r, rowsWK2, 8, 55, looped)
	order.Emit(r.endHash())
	return r
}

// nonces makes the nonces of a new group.
func (k *wovenKernel) nonces() {
	k.nonceWords(k.inFrame(frameAhead), 0, k.v.r(13), k.v.r(9))
	k.v.move(k.v.r(13), k.row(rowsWK1, 3))
}

// rounds returns the rounds in the first 13 registers.
func (k *wovenKernel) rounds() *vectorRounds {
	r := &vectorRounds{v: k.v, searcher: &k.searcher, plan: &k.plan, x: k.v.r(8), y: k.v.r(9), t: k.v.r(10), u: k.v.r(11), bc: k.v.r(12)}
	for i := range r.state {
		r.state[i] = k.v.r(i)
	}
	r.wk1 = func(t int) Mem { return k.row(rowsWK1, t) }
	r.wk2 = func(t int) Mem { return k.row(rowsWK2, t) }
	r.digest = func(t int) Mem { return k.row(rowsW, t) }
	r.nonces = k.row(rowsWK1, 3)
	return r
}

// words returns the stream of the words first .. last of a message. It shares the
// rounds' scratch, which is empty between two bundles except for b ^ c: that swaps
// with t, so sum and t have their own registers.
func (k *wovenKernel) words(m message, parts table, wk, first, last int) order.Stream {
	return k.schedule(m, parts, wk, k.frame, k.frame, 0).words(first, last)
}

// loopWords are the words that a loop of rounds computes, equally many in each step.
type loopWords struct {
	message         message
	wk, first, last int
}

// schedule returns a schedule that addresses rows and the table of K relative to a
// loop at word t, or to the beginning of the frame and the table.
func (k *wovenKernel) schedule(m message, parts table, wk int, row, constant reg.GPPhysical, t int) *schedule {
	v := k.v
	at := func(rows, word int) Mem { return k.row(rows, word) }
	c := k.k.at
	if row != k.frame {
		at = func(rows, word int) Mem { return Mem{Base: row, Disp: (rows + word - t) * v.bytes} }
		c = func(word int) Mem { return Mem{Base: constant, Disp: (word - t) * k.k.stride} }
	}
	s := &schedule{v: v, message: m, sum: v.r(13), t: v.r(14), x: v.r(8), y: v.r(9), u: v.r(11)}
	s.at = func(word int) Mem {
		if word == 3 && wk == rowsWK1 { // the nonce; row 3 of W may hold a digest
			return at(rowsWK1, 3)
		}
		return at(rowsW, word)
	}
	s.known = func(word int) Mem { return k.inJob(jobKnown + 4*(word-16)) }
	s.constant = func(word int) Mem { return parts.at(word - 16) }
	s.finished = func(word int, w reg.Register) {
		v.addConstant(c(word), w, w) // w is the sum, and no longer needed
		v.move(w, at(wk, word))
	}
	return s
}

// loop emits a loop over the rounds first .. last, eight at a time, interleaved with
// an equal share of words in each step.
func (k *wovenKernel) loop(label string, r *vectorRounds, wk, first, last int, words *loopWords) {
	steps := (last - first + 1) / 8
	LEAQ(k.row(wk, first), k.wkRow)
	var interleaved order.Stream
	step := 0
	if words != nil {
		step = (words.last - words.first + 1) / steps
		if step*steps != words.last-words.first+1 {
			panic("woven: the words are no multiple of the steps")
		}
		LEAQ(k.row(rowsW, words.first), k.wRow)
		LEAQ(k.k.at(words.first), k.constant)
		interleaved = k.schedule(words.message, k.parts1, words.wk, k.wRow, k.constant, words.first).words(words.first, words.first+step-1)
	}
	MOVL(U32(uint32(steps)), k.count.As32())
	Label(label)
	rounds := r.eight(first, func(t int) Mem { return Mem{Base: k.wkRow, Disp: (t - first) * k.v.bytes} })
	order.Emit(order.Weave(rounds, interleaved))
	ADDQ(I32(int32(8*k.v.bytes)), k.wkRow)
	if words != nil {
		ADDQ(I32(int32(step*k.v.bytes)), k.wRow)
		ADDQ(I32(int32(step*k.k.stride)), k.constant)
	}
	DECL(k.count.As32())
	JNZ(LabelRef(label))
}
