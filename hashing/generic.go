package hashing

import "math/bits"

// This file is the kernel in plain Go, for every machine that Go runs on. It
// hashes one nonce at a time. What it saves against three calls of compress:
//
//   - The midstate covers the first block, and rounds 0 to 2 of the second
//     block are done once, for they do not see the nonce. Round 3 only adds
//     the nonce to two sums made before.
//   - The words of the second block that are padding, or follow from words
//     that do not change, are made once. The whole message schedule is made
//     once per nonce for all versions, for it does not see the version.
//   - Round 0 of the second hash starts from constants: it only adds its word
//     to two of them.
//   - Only the last word of the second hash is compared with the limit. That
//     is e after round 60, so rounds 61 to 63 and their words are left out,
//     and rounds 57 to 60 make e only.

// genericKernel runs everywhere.
func genericKernel() Kernel {
	return Kernel{Name: "generic", Lanes: 1, Versions: genericVersions, Needs: "nothing", Scan: scanGeneric}
}

// genericVersions: measured, the shared schedule pays up to about here.
const genericVersions = 8

// scanGeneric is the Scan of the generic kernel.
func scanGeneric(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
	var second, third [64]uint32 // message schedules: of the header's second block and of the second hash
	setPadding(&second, 4, 80)
	setPadding(&third, 8, 32)
	copy(second[:], p.Tail[:])

	var starts [MaxVersions][8]uint32 // the states after round 3, without the nonce
	for v := range p.Versions {
		starts[v] = stateAfterRound3(p, v)
	}
	first := stateAfterRound0()
	for ; done < count; done++ {
		if len(hits)-found < p.Versions {
			break
		}
		nonce := start + done
		second[3] = bits.ReverseBytes32(nonce)
		extend(second[:])
		for v := range p.Versions {
			state := starts[v]
			state[0] += second[3]
			state[4] += second[3]
			rounds4to63(&state, &second)
			for i := range state {
				third[i] = state[i] + p.Midstates[v][i]
			}
			if bits.ReverseBytes32(lastWord(first, &third)) <= p.Limit {
				hits[found] = Hit{Nonce: nonce, Version: uint32(v)}
				found++
			}
		}
	}
	return found, done
}

// setPadding puts the padding of a message of size bytes, which ends before
// word at, into its last block.
func setPadding(w *[64]uint32, at int, size uint32) {
	w[at] = 0x80000000
	w[15] = size * 8
}

// stateAfterRound3 runs the rounds 0 to 3 of the header's second block from
// the midstate of version v, with a nonce of zero. The nonce's word is to be
// added to a and e: round 3 does no more with it.
func stateAfterRound3(p *Prehash, v int) [8]uint32 {
	state := p.Midstates[v]
	for t, word := range p.Tail {
		round(&state, roundConstants[t]+word)
	}
	round(&state, roundConstants[3])
	return state
}

// extend fills the message schedule w from its first 16 words
// (FIPS 180-4, section 6.2.2, step 1).
func extend(w []uint32) {
	beforeLast, last := w[14], w[15] // in registers: a way through memory would be on the critical path
	for t := 16; t < len(w); t++ {
		next := smallSigma1(beforeLast) + (w[t-7] + smallSigma0(w[t-15]) + w[t-16])
		beforeLast, last = last, next
		w[t] = next
	}
}

// temp1 and temp2 are T1 and T2 of FIPS 180-4, section 6.2.2, step 3; kw is
// the sum of the round constant and the message word. They are apart because
// the compiler would not inline a whole round.
func temp1(e, f, g, h, kw uint32) uint32 {
	return h + kw + (g ^ e&(f^g)) + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25))
}

func temp2(a, b, c uint32) uint32 {
	return (a&b ^ c&(a^b)) + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22))
}

// rounds runs the rounds from .. to-1, in steps of eight: instead of moving the registers after each round it renames them, and after eight they
// are back in their places.
func rounds(s *[8]uint32, wk *[64]uint32, from, to int) {
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for ; from < to; from += 8 {
		w, k := (*[8]uint32)(wk[from:]), (*[8]uint32)(roundConstants[from:])
		h = temp1(e, f, g, h, w[0]+k[0])
		d, h = d+h, h+temp2(a, b, c)
		g = temp1(d, e, f, g, w[1]+k[1])
		c, g = c+g, g+temp2(h, a, b)
		f = temp1(c, d, e, f, w[2]+k[2])
		b, f = b+f, f+temp2(g, h, a)
		e = temp1(b, c, d, e, w[3]+k[3])
		a, e = a+e, e+temp2(f, g, h)
		d = temp1(a, b, c, d, w[4]+k[4])
		h, d = h+d, d+temp2(e, f, g)
		c = temp1(h, a, b, c, w[5]+k[5])
		g, c = g+c, c+temp2(d, e, f)
		b = temp1(g, h, a, b, w[6]+k[6])
		f, b = f+b, b+temp2(c, d, e)
		a = temp1(f, g, h, a, w[7]+k[7])
		e, a = e+a, a+temp2(b, c, d)
	}
	s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = a, b, c, d, e, f, g, h
}

// rounds4to63 are the rounds of the header's second block that see the nonce
// in every register; s is the state after round 3.
func rounds4to63(s *[8]uint32, w *[64]uint32) {
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	h = temp1(e, f, g, h, w[4]+roundConstants[4])
	d, h = d+h, h+temp2(a, b, c)
	g = temp1(d, e, f, g, w[5]+roundConstants[5])
	c, g = c+g, g+temp2(h, a, b)
	f = temp1(c, d, e, f, w[6]+roundConstants[6])
	b, f = b+f, f+temp2(g, h, a)
	e = temp1(b, c, d, e, w[7]+roundConstants[7])
	a, e = a+e, e+temp2(f, g, h)
	*s = [8]uint32{e, f, g, h, a, b, c, d}
	rounds(s, w, 8, 64)
}

// stateAfterRound0 is the state of the second hash after round 0 with a word
// of zero. As in stateAfterRound3, the word is to be added to a and e.
func stateAfterRound0() [8]uint32 {
	state := initialState
	round(&state, roundConstants[0])
	return state
}

// lastWord is the last word of the SHA-256 of the 32 bytes in w[:8]; their
// padding is in w already. s is the result of stateAfterRound0.
func lastWord(s [8]uint32, w *[64]uint32) uint32 {
	extend(w[:61])
	s[0] += w[0]
	s[4] += w[0]
	rounds(&s, w, 1, 57)
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	d += temp1(e, f, g, h, w[57]+roundConstants[57])
	c += temp1(d, e, f, g, w[58]+roundConstants[58])
	b += temp1(c, d, e, f, w[59]+roundConstants[59])
	return a + temp1(b, c, d, e, w[60]+roundConstants[60]) + initialState[7]
}
