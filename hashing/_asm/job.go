package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The layout of job in job_amd64.go, which a test there compares: the
// input and position of a kernel. Words in groups of four are stored lowest first.
const (
	jobNonce    = 0  // first nonce of the group
	jobGroups   = 4  // groups left
	jobVersion  = 8  // next version
	jobVersions = 12 // number of versions
	jobStop     = 16 // pointer to a word, or nil: if that is not zero, return after the group
	jobRoom     = 24 // how many entries of jobHits may be filled
	jobFound    = 28 // and are
	jobLimit    = 32 // limit word, four times
	jobHead     = 48 // W0, W1, W2, 0
	jobGroup4   = 64 // constant terms of groups 4, 5 and 7, for the SHA extensions
	jobGroup5   = 80
	jobGroup7   = 96
	jobKnown    = 112 // known part of W16 .. W35
	jobKnownK   = 192 // W16+K16, W17+K17, 0, 0
	jobStates   = 208 // for each of maxVersions versions:
	versionSize = 80
	maxVersions = 32
	jobHits     = jobStates + maxVersions*versionSize // nonce, version, mask (8 bytes) of each

	versionStart    = 0  // after round 3, without the nonce: f e b a h g d c
	versionMidstate = 32 // in the same order
	versionH        = 64 // h+K+W of the rounds 4, 5 and 6, 0
)

// stateWord returns where a word of a state (0 for a .. 7 for h) lies in the order
// of the SHA extensions.
func stateWord(name int) int { return 4 * [8]int{3, 2, 7, 6, 1, 0, 5, 4}[name] }

// searcher holds what all kernels keep in the same general registers.
type searcher struct {
	job, states reg.GPPhysical // the job, and in it a version's states
	frame       reg.GPPhysical
}

func newSearcher() searcher { return searcher{job: reg.RDI, frame: reg.RSI, states: reg.R8} }

func (s *searcher) inJob(offset int) Mem     { return Mem{Base: s.job, Disp: offset} }
func (s *searcher) inFrame(offset int) Mem   { return Mem{Base: s.frame, Disp: offset} }
func (s *searcher) inVersion(offset int) Mem { return Mem{Base: s.states, Disp: offset} }
