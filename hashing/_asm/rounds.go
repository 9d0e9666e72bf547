package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"quarry/hashing/asm/order"
)

// vectorRounds runs the rounds of both blocks in vectors, one lane in each
// word. The rounds read the sums W[t]+K[t] from memory, where a schedule has
// put them.
//
// The eight words of the state stay in their registers: instead of moving
// them after a round, the next round renames them, so that after eight rounds each
// is back in its place.
type vectorRounds struct {
	v *vectors
	*searcher
	*plan
	state [8]reg.Register // a .. h at round 0, 8, 16 ...
	// Where things are in memory: W+K of both blocks, the nonces as words of
	// the header, and where the digest goes.
	wk1, wk2, digest func(t int) Mem
	nonces           Mem

	x, y, t, u reg.Register // scratch
	bc         reg.Register // b ^ c, for sets without functions of three operands
}

// named returns the register that has a name (0 for a .. 7 for h) before round t.
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
	r.v.add(wk, r.named(7, t), r.named(7, t))
	r.afterH(t, true)
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

// eight returns the stream of the rounds t .. t+7.
func (r *vectorRounds) eight(t int, wk func(t int) Mem) (out order.Stream) {
	for i := range 8 {
		out = append(out, func() { r.round(t+i, wk(t+i)) })
	}
	return out
}

// beginHeader returns the stream of the header's second block up to round 7: the
// state after round 3, which lacks only the nonce in a and e, then rounds
// whose h is the same for all lanes and comes with its sum.
func (r *vectorRounds) beginHeader() (out order.Stream) {
	out = append(out, func() {
		for name := range 7 {
			r.v.broadcast(r.inVersion(versionStart+stateWord(name)), r.named(name, 4))
		}
		for _, name := range []int{0, 4} {
			r.v.add(r.nonces, r.named(name, 4), r.named(name, 4))
		}
		r.begin(4)
	})
	for t := 4; t < 7; t++ {
		out = append(out, func() {
			r.v.broadcast(r.inVersion(versionH+4*(t-4)), r.named(7, t))
			r.afterH(t, true)
		})
	}
	return append(out, func() { r.round(7, r.wk1(7)) })
}

// endHeader adds the midstate: that is the digest, the message of the second
// hash.
func (r *vectorRounds) endHeader() (out order.Stream) {
	for name := range 8 {
		out = append(out, func() {
			x := r.named(name, 0)
			r.v.addWord(r.inVersion(versionMidstate+stateWord(name)), x, x, r.x)
			r.v.move(x, r.digest(name))
		})
	}
	return out
}

// digestSums makes W+K of the digest, and adds the h of the first rounds,
// which is constant.
func (r *vectorRounds) digestSums() (out order.Stream) {
	v := r.v
	for t := range 8 {
		out = append(out, func() {
			v.move(r.digest(t), r.x)
			switch {
			case t == 0: // K is in the state after round 0 already
			case t < 4:
				v.addConstant(r.first.at(t), r.x, r.x)
			default:
				v.addConstant(r.k.at(t), r.x, r.x)
			}
			v.move(r.x, r.wk2(t))
		})
	}
	return out
}

// beginHash returns the stream of the second hash up to round 7. Round 0 is done
// except for its word, which is to be added to a and e.
func (r *vectorRounds) beginHash() (out order.Stream) {
	v := r.v
	out = append(out, func() {
		for name := range 7 {
			x := r.named(name, 1)
			v.loadConstant(r.start.at(name), x)
			if name == 0 || name == 4 {
				v.add(r.wk2(0), x, x)
			}
		}
		r.begin(1)
	})
	for t := 1; t < 8; t++ {
		out = append(out, func() {
			if t < 4 { // h is in the sum
				v.move(r.wk2(t), r.named(7, t))
				r.afterH(t, true)
				return
			}
			r.round(t, r.wk2(t))
		})
	}
	return out
}

// endHash returns the stream of the rounds 56 to 60. After those the last word of
// the hash, without the initial h, is e. The a of the last four is not needed.
func (r *vectorRounds) endHash() (out order.Stream) {
	for t := 56; t <= lastRound; t++ {
		out = append(out, func() {
			r.v.add(r.wk2(t), r.named(7, t), r.named(7, t))
			r.afterH(t, t == 56)
		})
	}
	return out
}

// lastWord returns where the last word of the hash is then.
func (r *vectorRounds) lastWord() reg.Register { return r.named(4, lastRound+1) }
