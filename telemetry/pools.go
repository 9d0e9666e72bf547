package telemetry

import (
	"sync"
	"time"
)

// PoolState is what a source of jobs does with one of its pools or nodes.
type PoolState string

// The states.
const (
	PoolUnused     PoolState = "unused"     // a better one works, or mining has ended
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
	Name       string    `json:"name"` // unique, as in log lines: the URL, with the user where several share it
	URL        string    `json:"url"`
	User       string    `json:"user"`
	State      PoolState `json:"state"`
	Since      time.Time `json:"since,omitzero"` // of the state
	Connected  bool      `json:"connected"`
	Connects   uint64    `json:"connects"`       // connections made so far
	Failures   int       `json:"failures"`       // in a row
	Waiting    int       `json:"shares_waiting"` // for the session to be resumed
	Difficulty Reading   `json:"difficulty"`     // of the next shares
	PaysUser   bool      `json:"pays_user"`      // the newest job pays the user's own address: a block is the user's alone
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

// change records that the pool is mined from now on. The meter is read under the lock, so that what a pool has been
// booked in one snapshot is not less in the next.
func (s *spending) change(pool string, meter *Meter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool == pool {
		return
	}
	if s.spent == nil {
		s.spent = make(map[string]spent)
	}
	read := meter.Read()
	s.spent[s.pool] = s.of(s.pool, read)
	s.pool, s.hashes, s.at = pool, read.Hashes, read.At
}

// read reads the meter and returns what was spent on each of the pools by then.
func (s *spending) read(meter *Meter, pools []PoolStatus) (Readout, []spent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	read, all := meter.Read(), make([]spent, len(pools))
	for i, p := range pools {
		all[i] = s.of(p.Name, read)
	}
	return read, all
}

// of returns what was spent on the pool up to that reading. The caller holds mu.
func (s *spending) of(pool string, read Readout) spent {
	sum := s.spent[pool]
	if pool == s.pool {
		sum.hashes += read.Hashes - min(s.hashes, read.Hashes)
		sum.time += max(read.At.Sub(s.at), 0)
	}
	return sum
}

// pools joins what the source says of its pools with what was spent on them and what became of their shares. A pool
// that the source no longer has is not shown.
func pools(statuses []PoolStatus, spent []spent, books map[string]Shares) []Pool {
	all := make([]Pool, len(statuses))
	for i, status := range statuses {
		shares, known := books[status.Name]
		if !known {
			shares = newBook().shares()
		}
		all[i] = Pool{PoolStatus: status, Hashes: spent[i].hashes, ActiveSeconds: spent[i].time.Seconds(), Shares: shares}
	}
	return all
}
