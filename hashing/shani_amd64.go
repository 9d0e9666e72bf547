//go:build !purego

package hashing

import (
	"math/bits"

	"github.com/klauspost/cpuid/v2"
)

// shaniKernel searches with the SHA extensions: SHA-NI and SSE, no AVX.
func shaniKernel() Kernel {
	needs := []cpuid.FeatureID{cpuid.SHA, cpuid.SSSE3, cpuid.SSE4}
	return Kernel{
		Name:     "shani",
		Lanes:    shaniLanes,
		Versions: MaxVersions, // they share the schedule of the second block
		Needs:    featureList(needs),
		Missing:  func() string { return missingFeatures(needs) },
		Scan:     scanSHANI,
	}
}

// shaniLanes is how many nonces a group has: as in _asm/shani.go.
const shaniLanes = 5

// shaniJob is what the assembly reads and writes; _asm/shani.go has the same
// layout. Words in groups of four lie lowest first.
type shaniJob struct {
	nonce    uint32 // first nonce of the next group
	groups   uint32 // groups left, this one included
	version  uint32 // next version in that group
	versions uint32
	limit    [4]uint32 // the limit word, four times
	head     [4]uint32 // W0, W1, W2 of the second block, 0
	group4   [4]uint32 // sigma1(W14) .. sigma1(W17)
	group5   [4]uint32 // W20 .. W23 without sigma1
	group7   [4]uint32 // W12+sigma0(W13) .. W15+sigma0(W16)
	states   [MaxVersions]shaniStates
}

// shaniStates are one version's states in the order of the SHA extensions.
type shaniStates struct {
	start    [2][4]uint32 // after round 3, without the nonce: abef, cdgh
	midstate [2][4]uint32 // abef, cdgh
}

// extensionOrder is a state as the SHA extensions hold it: abef and cdgh,
// named from the highest word down.
func extensionOrder(s *[8]uint32) [2][4]uint32 {
	return [2][4]uint32{{s[5], s[4], s[1], s[0]}, {s[7], s[6], s[3], s[2]}}
}

// set derives everything that does not depend on the nonce.
func (job *shaniJob) set(p *Prehash) {
	job.versions = uint32(p.Versions)
	job.limit = [4]uint32{p.Limit, p.Limit, p.Limit, p.Limit}
	w := [18]uint32{p.Tail[0], p.Tail[1], p.Tail[2], 0, 0x80000000, 15: 8 * HeaderSize}
	w[16] = smallSigma0(w[1]) + w[0]
	w[17] = smallSigma1(w[15]) + smallSigma0(w[2]) + w[1]
	job.head = [4]uint32(w[:4])
	for i := range 4 {
		job.group4[i] = smallSigma1(w[14+i])
		job.group5[i] = w[4+i] + smallSigma0(w[5+i]) + w[13+i]
		job.group7[i] = w[12+i] + smallSigma0(w[13+i])
	}
	for v := range p.Versions {
		start := stateAfterRound3(p, v)
		job.states[v] = shaniStates{extensionOrder(&start), extensionOrder(&p.Midstates[v])}
	}
}

// scanSHANI is the Scan of the kernel "shani". The last group may reach
// beyond the range: hits there are dropped.
func scanSHANI(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
	var job shaniJob
	job.set(p)
	end := uint64(count)
	for offset := uint64(0); offset < end; {
		groups := (end - offset + shaniLanes - 1) / shaniLanes
		if job.version > 0 {
			groups = 1 // finish this one: there may be no room for the hits of the next
		} else if len(hits)-found < shaniLanes*p.Versions {
			return found, uint32(offset)
		}
		job.nonce, job.groups = start+uint32(offset), uint32(groups)
		mask := scanGroupsSHANI(&job.nonce)
		offset += shaniLanes * (groups - uint64(job.groups))
		if mask == 0 {
			continue
		}
		for ; mask != 0; mask &= mask - 1 {
			at := offset + uint64(bits.TrailingZeros32(mask))
			if at < end {
				hits[found] = Hit{Nonce: start + uint32(at), Version: job.version}
				found++
			}
		}
		if job.version++; job.version == job.versions {
			job.version = 0
			offset += shaniLanes
		}
	}
	return found, count
}
