package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectorRounds runs the rounds of a block in vectors, one lane in each word. The
// rounds read the sums W[t]+K[t] from memory, where a schedule has put them.
//
// The eight words of the state stay in their registers: instead of moving
// them on after a round, the next one takes them under other names, so that
// after eight rounds each is back at its place.
type vectorRounds struct {
	v          *vectors
	state      [8]reg.Register // a .. h at round 0, 8, 16 ...
	x, y, t, u reg.Register    // scratch
	bc         reg.Register    // b ^ c, for sets without functions of three operands
}

// named is the register that has a name (0 for a .. 7 for h) before round t.
func (r *vectorRounds) named(name, t int) reg.Register { return r.state[(name-t%8+8)%8] }

// begin makes b ^ c for round t, where it is needed.
func (r *vectorRounds) begin(t int) {
	if r.v.set != "avx512" {
		r.v.xor(r.named(1, t), r.named(2, t), r.bc)
	}
}

// round is step 3 of FIPS 180-4, section 6.2.2: T1 = h + Sigma1(e) +
// Ch(e,f,g) + K + W, T2 = Sigma0(a) + Maj(a,b,c), e = d + T1, a = T1 + T2.
func (r *vectorRounds) round(t int, wk Mem) {
	r.addWK(t, wk)
	r.afterH(t, true)
}

// addWK adds the sum of message word and round constant to h.
func (r *vectorRounds) addWK(t int, wk Mem) {
	r.v.add(wk, r.named(7, t), r.named(7, t))
}

// afterH is a round whose register h holds h + K + W already. With whole
// false it makes e only.
func (r *vectorRounds) afterH(t int, whole bool) {
	v := r.v
	a, b, c, d := r.named(0, t), r.named(1, t), r.named(2, t), r.named(3, t)
	e, f, g, h := r.named(4, t), r.named(5, t), r.named(6, t), r.named(7, t)
	v.choose(e, f, g, r.x)
	v.add(r.x, h, h)
	v.bigSigma1(e, r.y, r.t, r.u)
	v.add(r.y, h, h) // T1
	v.add(h, d, d)
	if !whole {
		return
	}
	v.majority(a, b, c, r.bc, r.x, r.t)
	if v.set != "avx512" {
		r.bc, r.t = r.t, r.bc
	}
	v.add(r.x, h, h)
	v.bigSigma0(a, r.y, r.t, r.u)
	v.add(r.y, h, h)
}
