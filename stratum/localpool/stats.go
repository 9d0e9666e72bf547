package localpool

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// tally counts shares by verdict.
type tally struct {
	accepted uint64
	rejected map[Code]uint64
	best     float64 // difficulty of the best accepted share
}

func (t *tally) count(v Verdict) {
	if v.Accepted() {
		t.accepted++
		t.best = max(t.best, v.Achieved)
		return
	}
	if t.rejected == nil {
		t.rejected = make(map[Code]uint64)
	}
	t.rejected[v.Code]++
}

// Stats is a snapshot of a pool.
type Stats struct {
	Connections       int
	Accepted          uint64
	Rejected          map[Code]uint64
	Blocks            uint64  // practice blocks found by the miners
	Best              float64 // difficulty of the best accepted share
	JobID             string  // current job
	Height            uint32  // zero when jobs are scripted
	NetworkDifficulty float64 // zero when unknown
	Hashrate          float64 // hashes per second, estimated from accepted shares
	Miners            []MinerStats
}

// MinerStats is one connection.
type MinerStats struct {
	Remote      string
	Transport   Transport
	UserAgent   string
	Users       []string
	Session     string // session id
	Extranonce1 []byte
	Difficulty  string // of the next jobs, decimal text
	VersionMask uint32 // zero: no version rolling
	Accepted    uint64
	Rejected    map[Code]uint64
	Best        float64
	Hashrate    float64 // hashes per second
	Connected   time.Duration
}

// Stats returns a snapshot, which shares no memory with the pool.
func (p *Pool) Stats() Stats {
	now := p.cfg.Now()
	all := p.everySession()
	p.mu.Lock()
	st := Stats{
		Connections: len(all), Accepted: p.tally.accepted, Rejected: maps.Clone(p.tally.rejected),
		Blocks: p.blocks, Best: p.tally.best, JobID: p.current.JobID, Height: p.current.height,
		NetworkDifficulty: p.current.networkDifficulty(),
	}
	p.mu.Unlock()
	for _, s := range all {
		m := s.stats(now)
		st.Hashrate += m.Hashrate
		st.Miners = append(st.Miners, m)
	}
	slices.SortFunc(st.Miners, func(a, b MinerStats) int { return strings.Compare(a.Remote, b.Remote) })
	return st
}

func (s *session) stats(now time.Time) MinerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return MinerStats{
		Remote: s.remote, Transport: s.scheme, UserAgent: s.userAgent, Users: slices.Clone(s.users),
		Session: s.id, Extranonce1: slices.Clone(s.extranonce.one), Difficulty: s.difficulty.text,
		VersionMask: s.mask, Accepted: s.tally.accepted, Rejected: maps.Clone(s.tally.rejected),
		Best: s.tally.best, Hashrate: s.rate.hashes(now), Connected: now.Sub(s.since),
	}
}

func (p *Pool) count(v Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.count(v)
}
