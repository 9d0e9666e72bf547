package telemetry

import (
	"sync"
	"time"
)

// PoolState is what a source of jobs does with one of its pools or nodes.
type PoolState string

// The states.
const (
	PoolUnused     PoolState = "unused"     // a better one works
	PoolConnecting PoolState = "connecting" // up to the first job
	PoolReady      PoolState = "ready"      // connected, and others are mined
	PoolActive     PoolState = "active"     // its jobs are mined; maybe its last one while the connection is made again
	PoolLeaving    PoolState = "leaving"    // until the last verdicts are in
	PoolWaiting    PoolState = "waiting"    // to be tried again
	PoolResting    PoolState = "resting"    // left alone because of its bad work
	PoolFailed     PoolState = "failed"     // and not tried again
)

// PoolStatus is what a source of jobs knows about one of its pools or nodes.
type PoolStatus struct {
	URL        string    `json:"url"`
	User       string    `json:"user"`
	State      PoolState `json:"state"`
	Since      time.Time `json:"since,omitzero"` // of the state
	Connected  bool      `json:"connected"`
	Connects   uint64    `json:"connects"`       // connections made so far
	Failures   int       `json:"failures"`       // in a row
	Waiting    int       `json:"shares_waiting"` // for the session to be resumed
	Difficulty Reading   `json:"difficulty"`     // of the next shares
	RetryAt    time.Time `json:"retry_at,omitzero"`
	LastError  Text      `json:"last_error"` // why the last connection failed or ended
}

// Pool is one pool or node with all that was counted for it.
type Pool struct {
	PoolStatus
	Hashes        uint64  `json:"hashes"`         // spent on its jobs
	ActiveSeconds float64 `json:"active_seconds"` // during which its jobs were mined
	Shares        Shares  `json:"shares"`
}

// spending books the session's hashes and time to the pools that they were spent on. The zero spending is ready to use.
type spending struct {
	mu     sync.Mutex
	pool   string // the one that is mined; empty: none
	hashes uint64 // of the session, when that began
	at     time.Time
	spent  map[string]spent
}

type spent struct {
	hashes uint64
	time   time.Duration
}

// on reports whether the pool is mined already.
func (s *spending) on(pool string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool == pool
}

// change records that the pool is mined from now on, when the session has that many hashes.
func (s *spending) change(pool string, hashes uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spent == nil {
		s.spent = make(map[string]spent)
	}
	s.spent[s.pool] = s.of(s.pool, hashes, at)
	s.pool, s.hashes, s.at = pool, hashes, at
}

// of returns what was spent on the pool up to that time. The caller holds mu.
func (s *spending) of(pool string, hashes uint64, at time.Time) spent {
	sum := s.spent[pool]
	if pool == s.pool {
		sum.hashes += hashes - min(s.hashes, hashes)
		sum.time += max(at.Sub(s.at), 0)
	}
	return sum
}

// pools completes what the source says of its pools. A pool that it no longer has is not shown.
func (t *Telemetry) pools(read Readout) []Pool {
	all := []Pool{}
	source := t.source.Load()
	if source == nil {
		return all
	}
	statuses, books := (*source)(), t.Ledger.Pools()
	t.spending.mu.Lock()
	defer t.spending.mu.Unlock()
	for _, status := range statuses {
		shares, known := books[status.URL]
		if !known {
			shares = newBook().shares()
		}
		spent := t.spending.of(status.URL, read.Hashes, read.At)
		all = append(all, Pool{PoolStatus: status, Hashes: spent.hashes, ActiveSeconds: spent.time.Seconds(), Shares: shares})
	}
	return all
}
