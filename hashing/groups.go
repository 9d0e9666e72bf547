//go:build (amd64 || arm64) && !purego

package hashing

import "math/bits"

// position is the progress of an assembly kernel, in the first words of its job. It
// searches groups of as many nonces as it has lanes.
type position struct {
	nonce    uint32 // first nonce of the next group
	groups   uint32 // groups left, this one included
	version  uint32 // next version in that group
	versions uint32
	stop     *uint32 // Prehash.Stop: return when the group is done
	room     uint32  // entries of groupHits that may be filled, 1 at least
	found    uint32  // entries that are
}

// groupHits are the hits of a group under one version: bit i of the mask
// stands for its nonce+i.
type groupHits struct {
	nonce, version uint32
	mask           uint64
}

// mostGroupHits is the number of groupHits that a job has room for.
const mostGroupHits = 16

// groupScan implements Scan for an assembly kernel, around the calls of its
// assembly:
//
//	for s.next(&job.position) {
//		assembly(&job)
//		s.record(&job.position, &job.hits)
//	}
//
// The assembly returns when its groups are done, or after the group in which it sees
// the stop word; the position is then the next group. If its room is used up it
// returns at once, and the position is that of the last hits.
type groupScan struct {
	lanes       uint64
	start       uint32 // first nonce
	offset, end uint64 // nonces done, and total
	groups      uint32 // that the assembly was given
	hits        []Hit
	found       int
}

// next sets the position to all groups that are left, and reports whether
// there are any, and room for the hits of one. A group that was begun is
// finished first.
func (s *groupScan) next(p *position) bool {
	if s.offset >= s.end {
		return false
	}
	s.groups = uint32((s.end - s.offset + s.lanes - 1) / s.lanes)
	room := (len(s.hits) - s.found) / int(s.lanes) // groups under one version
	switch more := room - int(p.versions); {
	case p.version > 0:
		s.groups = 1
	case isSet(p.stop) || more < 0:
		return false
	case more == 0:
		s.groups = 1
	default: // wherever that ends, there is room for the rest of the group
		room = more
	}
	p.nonce, p.groups = s.start+uint32(s.offset), s.groups
	p.room, p.found = uint32(min(room, mostGroupHits)), 0
	return true
}

// record records the results of the assembly. The last group may extend beyond the
// range; hits there are dropped.
func (s *groupScan) record(p *position, list *[mostGroupHits]groupHits) {
	for _, h := range list[:p.found] {
		for mask := h.mask; mask != 0; mask &= mask - 1 {
			lane := uint32(bits.TrailingZeros64(mask))
			if uint64(h.nonce-s.start)+uint64(lane) < s.end {
				s.hits[s.found] = Hit{Nonce: h.nonce + lane, Version: h.version}
				s.found++
			}
		}
	}
	s.offset += s.lanes * uint64(s.groups-p.groups)
	if p.found < p.room {
		return
	}
	if p.version++; p.version == p.versions {
		p.version = 0
		s.offset += s.lanes
	}
}

// result returns the results of Scan.
func (s *groupScan) result() (found int, done uint32) {
	return s.found, uint32(min(s.offset, s.end))
}
