package hashing

import "math/bits"

// This file is the kernel in plain Go, for every machine that Go runs on. It
// hashes one nonce at a time. Its savings over three calls of compress:
//
//   - The midstate covers the first block, and rounds 0 to 2 of the second
//     block are done once, because they do not depend on the nonce. Round 3 only adds
//     the nonce to two sums made before.
//   - The message schedule of the second block is made once per nonce for all
//     versions, because it does not depend on the version, with the round
//     constants added.
//   - Round 0 of the second hash starts from constants: it only adds its word
//     to two of them.
//   - Only the last word of the second hash is compared with the limit. That
//     is e after round 60, so rounds 61 to 63 and their words are left out,
//     and rounds 57 to 60 make e only.
//
// The rounds are in generic_rounds.go, written by _generic/main.go, which
// explains why the compiler handles them best in that form.

//go:generate go -C .. run ./hashing/_generic

// genericKernel runs everywhere.
func genericKernel() Kernel {
	return Kernel{
		Name:     "generic",
		Lanes:    1,
		Versions: MaxVersions, // they share the schedule of the second block
		Needs:    "nothing",
		Scan:     scanGeneric,
	}
}

// genericSearch is the data that the rounds read and write.
type genericSearch struct {
	k        [64]uint32 // the round constants
	wk       [64]uint32 // the schedule of the header's second block, plus k
	state3   [8]uint32  // of the version: see Prehash.starts
	midstate [8]uint32  // of the version
	state0   [8]uint32  // see stateAfterRound0
	w        [64]uint32 // the schedule of the second hash
}

// scanGeneric implements Scan for the generic kernel.
func scanGeneric(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
	block := [16]uint32{p.Tail[0], p.Tail[1], p.Tail[2], 0, 0x80000000, 15: 8 * HeaderSize}
	s := genericSearch{k: roundConstants, state0: stateAfterRound0(), w: [64]uint32{8: 0x80000000, 15: 8 * 32}}
	for t, word := range block {
		s.wk[t] = s.k[t] + word
	}
	for ; done < count; done++ {
		if len(hits)-found < p.Versions || isSet(p.Stop) {
			break
		}
		nonce := start + done
		words := block
		words[3] = bits.ReverseBytes32(nonce)
		s.schedule(&words)
		for v := range p.Versions {
			s.state3, s.midstate = p.starts[v], p.Midstates[v]
			s.first(bits.ReverseBytes32(nonce))
			if bits.ReverseBytes32(s.second()) <= p.Limit {
				hits[found] = Hit{Nonce: nonce, Version: uint32(v)}
				found++
			}
		}
	}
	return found, done
}

// stateAfterRound0 returns the state of the second hash after round 0 with a word
// of zero. As in Prehash.starts, the word is to be added to a and e.
func stateAfterRound0() [8]uint32 {
	state := initialState
	round(&state, roundConstants[0])
	return state
}
