//go:build (amd64 || arm64) && !purego

package hashing

import "math/bits"

// position is where an assembly kernel stands: the first words of its job. It
// searches groups of as many nonces as it has lanes.
type position struct {
	nonce    uint32 // first nonce of the next group
	groups   uint32 // groups left, this one included
	version  uint32 // next version in that group
	versions uint32
}

// groupScan is the Scan of an assembly kernel around the calls of its
// assembly:
//
//	for s.next(&job.position) {
//		s.take(&job.position, assembly(&job))
//	}
//
// The last group may reach beyond the range: hits there are dropped.
type groupScan struct {
	lanes       uint64
	start       uint32 // first nonce
	offset, end uint64 // nonces done, and to do
	groups      uint32 // that the assembly was given
	hits        []Hit
	found       int
}

// next sets the position to all groups that are left, and reports whether
// there are any, and room for the hits of one.
func (s *groupScan) next(p *position) bool {
	if s.offset >= s.end {
		return false
	}
	s.groups = uint32((s.end - s.offset + s.lanes - 1) / s.lanes)
	if p.version > 0 {
		s.groups = 1 // finish this one: there may be no room for the hits of the next
	} else if len(s.hits)-s.found < int(s.lanes)*int(p.versions) {
		return false
	}
	p.nonce, p.groups = s.start+uint32(s.offset), s.groups
	return true
}

// take books what the assembly returned: with a mask of 0 it is through with
// its groups; otherwise it stands at a group that has hits under one version,
// where bit i of the mask is for the group's nonce+i.
func (s *groupScan) take(p *position, mask uint64) {
	s.offset += s.lanes * uint64(s.groups-p.groups)
	if mask == 0 {
		return
	}
	for ; mask != 0; mask &= mask - 1 {
		at := s.offset + uint64(bits.TrailingZeros64(mask))
		if at < s.end {
			s.hits[s.found] = Hit{Nonce: s.start + uint32(at), Version: p.version}
			s.found++
		}
	}
	if p.version++; p.version == p.versions {
		p.version = 0
		s.offset += s.lanes
	}
}

// result is what Scan returns.
func (s *groupScan) result() (found int, done uint32) {
	return s.found, uint32(min(s.offset, s.end))
}
