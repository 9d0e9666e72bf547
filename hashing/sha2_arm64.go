//go:build !purego

package hashing

import "golang.org/x/sys/cpu"

// sha2Kernel searches with the SHA-256 instructions of ARMv8.
func sha2Kernel() Kernel {
	return Kernel{
		Name:     "sha2",
		Lanes:    sha2Lanes,
		Versions: MaxVersions, // they share the schedule of the second block
		Needs:    sha2Needs,
		Missing:  missingSHA2,
		Scan:     scanSHA2,
	}
}

const sha2Needs = "SHA2"

// missingSHA2 queries the system: the hwcap of Linux, IsProcessorFeaturePresent
// of Windows, the ID register that FreeBSD lets programs read. Every Apple
// CPU with 64 bits has SHA2.
func missingSHA2() string {
	if cpu.ARM64.HasSHA2 {
		return ""
	}
	return sha2Needs
}

// sha2Lanes is how many nonces a group has: as in _asm/arm64/sha2.go.
const sha2Lanes = 4

// sha2Job is the input and output of the assembly; _asm/arm64/sha2.go has the same
// layout. Words in groups of four are stored lowest first.
type sha2Job struct {
	position
	limit  [4]uint32    // the limit word, four times
	group3 [4]uint32    // W12 .. W15 of the second block
	group4 [4]uint32    // W16 .. W19 of it, without the nonce
	sigma0 [3][4]uint32 // W[t-16]+sigma0(W[t-15]) of its groups 5 to 7
	padded [3][4]uint32 // W+K of the groups 1 to 3 of the second block
	round0 [8]uint32    // the second hash's state after round 0, without W0
	end    [4]uint32    // W8 .. W11 of the second hash
	length [4]uint32    // W12 .. W15 of the second hash
	last   [4]uint32    // the last word of the initial state, four times
	bits   [4]uint32    // the bit of each lane in the mask
	states [MaxVersions]sha2States
	hits   [mostGroupHits]groupHits
}

// sha2States is one version's states.
type sha2States struct {
	start    [8]uint32 // after round 3, without the nonce
	midstate [8]uint32
}

// set computes everything that does not depend on the nonce.
func (job *sha2Job) set(p *Prehash) {
	job.versions = uint32(p.Versions)
	job.stop = p.Stop
	w := [18]uint32{p.Tail[0], p.Tail[1], p.Tail[2], 0, 0x80000000, 15: 8 * HeaderSize}
	w[16] = smallSigma0(w[1]) + w[0]
	w[17] = smallSigma1(w[15]) + smallSigma0(w[2]) + w[1]
	job.group3 = [4]uint32(w[12:16])
	job.group4 = [4]uint32{w[16], w[17], smallSigma1(w[16]) + w[2], smallSigma1(w[17]) + smallSigma0(w[4])}
	for t := range 12 {
		job.sigma0[t/4][t%4] = w[4+t] + smallSigma0(w[5+t])
		job.padded[t/4][t%4] = roundConstants[4+t] + w[4+t]
	}
	for i := range 4 {
		job.limit[i] = p.Limit
		job.last[i] = initialState[7]
		job.bits[i] = 1 << i
	}
	job.round0 = stateAfterRound0()
	job.end[0] = 0x80000000
	job.length[3] = 8 * uint32(len(Hash{}))
	for v := range p.Versions {
		job.states[v] = sha2States{p.starts[v], p.Midstates[v]}
	}
}

// scanSHA2 implements Scan for the kernel "sha2".
func scanSHA2(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
	var job sha2Job
	job.set(p)
	s := groupScan{lanes: sha2Lanes, start: start, end: uint64(count), hits: hits}
	for s.next(&job.position) {
		scanGroupsSHA2(&job.nonce)
		s.record(&job.position, &job.hits)
	}
	return s.result()
}
