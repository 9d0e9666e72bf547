package main

// This file is the savings, written once for all kernels: what of the two
// blocks is known before the search.
//
// Most of the 64 message words of a block depend on the nonce, and differ from lane
// to lane. The others, and many terms of the first ones that do, are the same for
// all lanes: they are constants, or depend only on the job. Every kernel takes the
// same savings from this one table.

// word is a message word: the sum of what is known of it and of those terms
// of its recurrence that are not.
type word struct {
	lanes    bool   // differs from lane to lane; otherwise known is all of it
	job      bool   // known depends on the job: its value is in the job's table
	constant uint32 // known, where it does not
}

// message are the 64 message words of a block.
type message [64]word

// The recurrence, FIPS 180-4, section 6.2.2:
//
//	W[t] = sigma1(W[t-2]) + W[t-7] + sigma0(W[t-15]) + W[t-16]
//
// extend adds it to the first 16 words. A known source counts as known, any
// other as a term that the kernel has to add.
func extend(first [16]word) (m message) {
	copy(m[:], first[:])
	for t := 16; t < len(m); t++ {
		term := func(back int, f func(uint32) uint32) {
			switch source := m[t-back]; {
			case source.lanes:
				m[t].lanes = true
			case source.job:
				m[t].job = true
			default:
				m[t].constant += f(source.constant)
			}
		}
		term(2, smallSigma1)
		term(7, same)
		term(15, smallSigma0)
		term(16, same)
	}
	return m
}

func same(x uint32) uint32           { return x }
func rotr(x uint32, n int) uint32    { return x>>n | x<<(32-n) }
func smallSigma0(x uint32) uint32    { return rotr(x, 7) ^ rotr(x, 18) ^ x>>3 }
func smallSigma1(x uint32) uint32    { return rotr(x, 17) ^ rotr(x, 19) ^ x>>10 }
func bigSigma0(x uint32) uint32      { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22) }
func bigSigma1(x uint32) uint32      { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25) }
func choose(e, f, g uint32) uint32   { return e&f ^ ^e&g }
func majority(a, b, c uint32) uint32 { return a&b ^ a&c ^ b&c }

// headerMessage returns the second block of the header: the end of the merkle root,
// ntime and nbits, then the nonce, then padding.
func headerMessage() message {
	return extend([16]word{0: {job: true}, 1: {job: true}, 2: {job: true}, 3: {lanes: true}, 4: {constant: endMark}, 15: {constant: headerBits}})
}

// hashMessage returns the block of the second hash: the digest, then padding.
func hashMessage() message {
	var first [16]word
	for t := range 8 {
		first[t].lanes = true
	}
	first[8].constant = endMark
	first[15].constant = hashBits
	return extend(first)
}

// lastRound is the round whose e is the last word of a state before it is
// added to the initial one: rounds 61 to 63 only move it on to h. The hash's
// last word is all that is compared, so the second hash ends here.
const lastRound = 60

// afterRound0 returns the state of the second hash after round 0 with a message
// word of zero: that word is then only to be added to a and e.
func afterRound0() [8]uint32 {
	t1 := ivH + bigSigma1(ivE) + choose(ivE, ivF, ivG) + roundConstants[0]
	t2 := bigSigma0(ivA) + majority(ivA, ivB, ivC)
	return [8]uint32{t1 + t2, ivA, ivB, ivC, ivD + t1, ivE, ivF, ivG}
}

// plan is both blocks, with the constants that their rounds and schedules add
// to vectors.
type plan struct {
	header, hash     message
	k                table // round constants
	parts1, parts2   table // constant parts of the words 16 to 35 of both
	padded1, padded2 table // round constants of the rounds 0 to 15 with the words that padding adds
	start            table // the second hash after round 0
	first            table // round constants of its rounds 1 to 3 with h, which is constant
}

func newPlan(v *vectors) plan {
	p := plan{header: headerMessage(), hash: hashMessage(), k: v.table("roundConstants", roundConstants[:]...)}
	p.parts1 = v.table("headerParts", parts(p.header)...)
	p.parts2 = v.table("hashParts", parts(p.hash)...)
	p.padded1 = v.table("headerConstants", paddedK(4, headerBits)...)
	p.padded2 = v.table("hashConstants", paddedK(8, hashBits)...)
	start := afterRound0()
	p.start = v.table("hashStart", start[:]...)
	p.first = v.table("hashFirst", 0, roundConstants[1]+ivG, roundConstants[2]+ivF, roundConstants[3]+ivE)
	return p
}

// parts returns the constants that words 16 to 35 of a message contain.
func parts(m message) (list []uint32) {
	for _, w := range m[16:36] {
		list = append(list, w.constant)
	}
	return list
}
