package main

import "fmt"

// The kernel "sha2": the SHA-256 instructions of ARMv8, and NEON.
//
// For each group of lanes nonces:
//
//	A  what depends on the nonces in the header's second block: its words 16 to 19,
//	   in general registers, which have little else to do. It is done for the
//	   next group between B and D, where all lanes wait for their digests: at
//	   the beginning of the group it kept processors from looking far enough
//	   ahead (N1, Apple's: 2 and 5 % more cycles in LLVM's models)
//	B  its rounds 4 to 63, from a state after round 3 that lacks only the nonce
//	   in a and e, with its message schedule, for the version that is next.
//	   The schedule does not depend on the version: if there are more, W+K is
//	   kept in memory,
//
// and for each version:
//
//	C  for all versions but the first: the rounds, with W+K out of memory
//	D  the digest is the message of the second hash. Its round 0 only adds a
//	   word to constants, which leaves the rounds 1 to 60 in groups of four;
//	   the last word of the hash is e after round 60, plus the initial h. So
//	   the message goes in groups that begin one word later: group i is
//	   W[4i+1] .. W[4i+4].
//	E  compare it with the limit, and keep the hits.
//
// What it costs in SHA256 instructions for each hash: B 30 for the rounds and
// 19 for the schedule (groups 5 to 7 need no sigma0, it is constant), C 30, D
// 29 (of the last four rounds only e is wanted) and 21. That is 99 without
// rolled versions, and 80 + 19/V with V of them. A processor with one unit for
// them needs at least as many cycles per hash, and everything else is kept below
// that: see the count at the top of the assembly.
//
// Why four lanes: a step of four rounds is a chain of one SHA256 instruction
// and one copy. In LLVM's models of processors (Cortex-A55, A72, Apple's,
// ThunderX2, TSV110) that takes 7 to 12 cycles, in which four lanes have 8
// (C) or about 13 (B, D) SHA256 instructions to do: enough for one unit, and
// nearly for two. More lanes would not fit: a message takes four registers
// and a state two, of 32. Three take up to 10 % more cycles in
// these models and Neoverse's, two up to half as many again.
const lanes = 4

// The vector registers: six for each lane, and what is left.
var (
	temporaries = [2]temporary{{24, 25}, {26, 27}}
	constants   = [2]v{28, 29} // by turns, for one step each
	p, q        = v(30), v(31)
)

// The general registers.
const (
	job      = x(0)
	k256     = x(1) // the round constants
	kept     = x(2) // W+K of the second block, in the frame
	states   = x(3) // of the version that is next
	nonce    = x(4) // first nonce of the group
	groups   = x(5) // groups left
	version  = x(6) // version that is next
	versions = x(7)
	mask     = x(8)
	word18   = x(9)  // W18 without the nonce
	word19   = x(10) // W19 without it, in the upper half
	scratch  = x(11) // two for each lane, from stage A on: up to R15, and R19 on
	free     = x(22) // R22 and R23, for hits and the word to stop
)

// The layout of sha2Job in sha2_arm64.go, which a test compares.
const (
	jobNonce    = 0
	jobGroups   = 4
	jobVersion  = 8
	jobVersions = 12
	jobStop     = 16  // pointer to a word, or nil: if that is not zero, return after the group
	jobRoom     = 24  // how many entries of jobHits may be filled
	jobFound    = 28  // and are
	jobLimit    = 32  // limit word, four times
	jobGroup3   = 48  // W12 to W15 of the second block
	jobGroup4   = 64  // W16, W17, and W18 and W19 without the nonce
	jobSigma0   = 80  // W[t-16] + sigma0(W[t-15]) of groups 5, 6 and 7
	jobPadded   = 128 // W+K of groups 1, 2 and 3
	jobRound0   = 176 // state of the second hash after round 0, without the word
	jobEnd      = 208 // words 8 to 11 of the second hash
	jobLength   = 224 // words 12 to 15 of the second hash
	jobLast     = 240 // initial h, four times
	jobBits     = 256 // 1, 2, 4, 8
	jobStates   = 272 // for each of 32 versions: state after round 3, midstate
	versionSize = 64
	midstate    = 32
	jobHits     = jobStates + 32*versionSize // nonce, version, mask (8 bytes) of each
)

// The frame: the nonces as message words, and W+K of groups 4 to 15 for each
// lane. It begins on a boundary of 64 bytes.
const (
	frameNonces = 0
	frameKept   = 4 * lanes
	keptSize    = 16 * 12
	frameSize   = frameKept + lanes*keptSize
)

type kernel struct {
	assembler
	lanes [lanes]lane
}

func newKernel() *kernel {
	k := &kernel{assembler: assembler{counts: map[string]*count{}}}
	for i := range k.lanes {
		r := v(6 * i)
		k.lanes[i] = lane{abcd: r, efgh: r + 1, w: [4]v{r + 2, r + 3, r + 4, r + 5}}
	}
	return k
}

// emit writes the kernel: the code around the hashing is here, the hashing in
// stages.go.
func (k *kernel) emit() {
	fmt.Fprintf(&k.text, "// func scanGroupsSHA2(job *uint32)\nTEXT ·scanGroupsSHA2(SB), 0, $%d-8\n", frameSize+64)
	k.section("enter", "The frame, on a boundary of 64 bytes.")
	k.enter()
	k.label("group")
	k.section("A", "Nonces and words 16 to 19 of the header's second block.")
	k.takeA()
	k.op("CMPW", "$1", versions)
	k.op("BNE", "rolled")
	k.section("B alone", "B: schedule and rounds of the second block, for one version.")
	k.stageB(false)
	k.op("JMP", "second")
	k.label("rolled")
	k.section("B", "B: the same; W+K is kept for other versions.")
	k.stageB(true)
	k.op("JMP", "second")
	k.label("version")
	k.section("C", "C: the rounds for another version; the schedule is there.")
	k.stageC()
	k.label("second")
	k.section("D", "D: the second hash.")
	k.stageD()
	k.section("E", "E: compare with the limit.")
	k.stageE()
	k.leave()
}

// enter loads the position of the search from job.
func (k *kernel) enter() {
	k.op("MOVD", "job+0(FP)", job)
	k.op("MOVD", fmt.Sprintf("$room-%d(SP)", frameSize+64), kept)
	k.op("ADD", "$63", kept)
	k.op("AND", "$~63", kept)
	k.op("MOVD", "$·roundConstants(SB)", k256)
	k.op("MOVWU", memory{job, jobNonce}, nonce)
	k.op("MOVWU", memory{job, jobGroups}, groups)
	k.op("MOVWU", memory{job, jobVersion}, version)
	k.op("MOVWU", memory{job, jobVersions}, versions)
	k.op("MOVWU", memory{job, jobGroup4 + 8}, word18)
	k.op("MOVWU", memory{job, jobGroup4 + 12}, word19)
	k.op("LSL", "$32", word19)
	k.stageA(0)
}

// stageE compares the last words, e of each lane, with the limit: as numbers
// without sign, after a byte swap, because the hash as a number is little-endian.
// x <= limit if and only if min(x, limit) = x: Go's assembler has no
// comparison without sign.
func (k *kernel) stageE() {
	e, e1, e2, e3 := k.lanes[0].efgh, k.lanes[1].efgh, k.lanes[2].efgh, k.lanes[3].efgh
	k.op("VZIP1", e1.words(), e.words(), e.words())
	k.op("VZIP1", e3.words(), e2.words(), e2.words())
	k.op("VZIP1", e2.halves(), e.halves(), e.halves())
	least, limit := temporaries[0].wk, temporaries[0].copy
	k.loadPair(memory{job, jobLast}, p, q) // q is jobBits
	k.load(memory{job, jobLimit}, limit)
	k.add(p, e, e)
	k.op("VREV32", e.bytes(), e.bytes())
	k.op("VUMIN", limit.words(), e.words(), least.words())
	k.op("VCMEQ", least.words(), e.words(), e.words())
	k.op("VAND", q.bytes(), e.bytes(), e.bytes())
	k.op("VADDV", e.words(), e)
	k.op("FMOVS", e.float(), mask)
	k.op("CBZW", mask, "next")
}

// keepHits enters the mask as the hits of a group under one version, and
// returns when there is no room for more.
func (k *kernel) keepHits() {
	k.section("hits", "Hits of the group under this version.")
	found, entry := free, free+1
	k.op("MOVWU", memory{job, jobFound}, found)
	k.op("LSL", "$4", found, entry)
	k.op("ADD", job, entry)
	k.op("MOVW", nonce, memory{entry, jobHits})
	k.op("MOVW", version, memory{entry, jobHits + 4})
	k.op("MOVD", mask, memory{entry, jobHits + 8})
	k.op("ADDW", "$1", found)
	k.op("MOVW", found, memory{job, jobFound})
	k.op("MOVWU", memory{job, jobRoom}, entry)
	k.op("CMPW", entry, found)
	k.op("BHS", "return")
}

// leave continues with the next version or group, or returns.
func (k *kernel) leave() {
	k.keepHits()
	k.label("next")
	k.section("next version", "The next version.")
	k.op("ADDW", "$1", version)
	k.op("CMPW", versions, version)
	k.op("BLO", "version")
	k.section("next group", "The next group.")
	k.op("MOVD", "ZR", version)
	k.op("ADDW", fmt.Sprintf("$%d", lanes), nonce)
	k.op("SUBW", "$1", groups)
	k.op("CBZW", groups, "return")
	k.op("MOVD", memory{job, jobStop}, free)
	k.op("CBZ", free, "group")
	k.op("MOVWU", memory{free, 0}, free)
	k.op("CBZW", free, "group")
	k.label("return")
	k.section("return", "No more groups, or no room for hits, or to stop.")
	k.op("MOVW", nonce, memory{job, jobNonce})
	k.op("MOVW", groups, memory{job, jobGroups})
	k.op("MOVW", version, memory{job, jobVersion})
	k.op("RET")
}
