package telemetry

import "time"

// Totals is what sessions did. Package state keeps those of all sessions at real pools in a file.
type Totals struct {
	Begun              time.Time `json:"begun,omitzero"` // the first session
	Seconds            float64   `json:"seconds"`        // of all sessions
	Hashes             uint64    `json:"hashes"`
	Accepted           uint64    `json:"accepted"`
	Rejected           uint64    `json:"rejected"`
	Stale              uint64    `json:"stale"`
	Lost               uint64    `json:"lost"`
	AcceptedDifficulty float64   `json:"accepted_difficulty"`
	BlocksFound        uint64    `json:"blocks_found"`    // rare ones
	BestDifficulty     float64   `json:"best_difficulty"` // highest of a found share
	BestAt             time.Time `json:"best_at,omitzero"`
	BestPool           string    `json:"best_pool"`
}

// Session returns the totals of this session alone.
func (s Snapshot) Session() Totals {
	return Totals{
		Begun: s.StartedAt, Seconds: s.Seconds, Hashes: s.Hashes,
		Accepted: s.Shares.Accepted, Rejected: s.Shares.Rejected, Stale: s.Shares.Stale, Lost: s.Shares.Lost,
		AcceptedDifficulty: s.Shares.AcceptedDifficulty, BlocksFound: s.Shares.RareBlocksFound,
		BestDifficulty: s.Shares.BestDifficulty, BestAt: s.Shares.BestAt, BestPool: s.Shares.BestPool,
	}
}

// Add returns the sums of both, and the better of their best shares; of two equal ones the receiver's.
func (t Totals) Add(more Totals) Totals {
	if t.Begun.IsZero() || !more.Begun.IsZero() && more.Begun.Before(t.Begun) {
		t.Begun = more.Begun
	}
	t.Seconds += more.Seconds
	t.Hashes += more.Hashes
	t.Accepted += more.Accepted
	t.Rejected += more.Rejected
	t.Stale += more.Stale
	t.Lost += more.Lost
	t.AcceptedDifficulty += more.AcceptedDifficulty
	t.BlocksFound += more.BlocksFound
	if more.BestDifficulty > t.BestDifficulty {
		t.BestDifficulty, t.BestAt, t.BestPool = more.BestDifficulty, more.BestAt, more.BestPool
	}
	return t
}

// Since returns what was added since before, an earlier state of the same session. The best share stays: adding it
// again changes nothing.
func (t Totals) Since(before Totals) Totals {
	t.Seconds = max(t.Seconds-before.Seconds, 0)
	t.Hashes -= min(before.Hashes, t.Hashes)
	t.Accepted -= min(before.Accepted, t.Accepted)
	t.Rejected -= min(before.Rejected, t.Rejected)
	t.Stale -= min(before.Stale, t.Stale)
	t.Lost -= min(before.Lost, t.Lost)
	t.AcceptedDifficulty = max(t.AcceptedDifficulty-before.AcceptedDifficulty, 0)
	t.BlocksFound -= min(before.BlocksFound, t.BlocksFound)
	return t
}

// earlier is what was saved of all sessions, with this session's part of it.
type earlier struct{ saved, session Totals }

// SetEver records the totals of all sessions, in which this one's are included up to session. Snapshots have Ever from
// then on.
func (t *Telemetry) SetEver(saved, session Totals) { t.earlier.Store(&earlier{saved, session}) }
