package telemetry

import (
	"maps"
	"slices"
	"time"
)

// Shares is the state of the ledger at one moment. Always Found = Accepted + Rejected + Stale + Lost + Pending.
type Shares struct {
	Found    uint64 `json:"found"`
	Accepted uint64 `json:"accepted"`
	Rejected uint64 `json:"rejected"`
	Stale    uint64 `json:"stale"`
	Lost     uint64 `json:"lost"`
	Pending  uint64 `json:"pending"`

	StaleUnsent uint64 `json:"stale_not_sent"` // of Stale: known to be stale, so not sent to the pool

	// RejectedBy and LostBy split Rejected and Lost by reason; never nil.
	RejectedBy map[string]uint64 `json:"rejected_by_reason"`
	LostBy     map[string]uint64 `json:"lost_by_reason"`

	// Sums of the difficulties that the shares were mined for.
	AcceptedDifficulty float64 `json:"accepted_difficulty"`
	RejectedDifficulty float64 `json:"rejected_difficulty"`
	StaleDifficulty    float64 `json:"stale_difficulty"`
	LostDifficulty     float64 `json:"lost_difficulty"`

	BestDifficulty  float64   `json:"best_difficulty"` // highest of a found share
	BestAt          time.Time `json:"best_at,omitzero"`
	BestPool        string    `json:"best_pool"`
	LastDifficulty  float64   `json:"last_difficulty"` // of the newest found share
	LastAccepted    time.Time `json:"last_accepted,omitzero"`
	BlocksFound     uint64    `json:"blocks_found"`
	RareBlocksFound uint64    `json:"rare_blocks_found"` // not on a test network where every miner finds them at once
	BlocksAccepted  uint64    `json:"blocks_accepted"`
	Latency         Latency   `json:"reply_latency"`
	Bugs            uint64    `json:"bookkeeping_errors"` // second verdicts and unknown tickets: 0 in a correct program

	weights weights // for the effective rate's interval
}

// Latency is the time from a submit to its verdict. Everything but Count is unavailable while Count is 0.
type Latency struct {
	Count       uint64  `json:"count"`
	LastSeconds Reading `json:"last_seconds"`
	MeanSeconds Reading `json:"mean_seconds"`
	MaxSeconds  Reading `json:"max_seconds"`
	P50Seconds  Reading `json:"p50_seconds"` // of the last 512 replies
	P99Seconds  Reading `json:"p99_seconds"` // of the last 512 replies
}

// Snapshot returns a copy of the ledger. Nothing in it changes later.
func (l *Ledger) Snapshot() Shares {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.shares()
}

// Books returns the same with that of each pool, of the same moment: they add up.
func (l *Ledger) Books() (all Shares, pools map[string]Shares) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pools = make(map[string]Shares, len(l.pools))
	for pool, book := range l.pools {
		pools[pool] = book.shares()
	}
	return l.all.shares(), pools
}

func (b *book) shares() Shares {
	s := b.sums
	s.RejectedBy = maps.Clone(b.rejected)
	s.LostBy = maps.Clone(b.lost)
	s.Latency = b.latency.summary()
	s.weights = b.weights
	return s
}

// recentReplies is the number of latencies that the percentiles cover.
const recentReplies = 512

// latencies collects reply times.
type latencies struct {
	count  uint64
	last   time.Duration
	sum    time.Duration
	max    time.Duration
	recent [recentReplies]time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.recent[l.count%recentReplies] = d
	l.count++
	l.last = d
	l.sum += d
	l.max = max(l.max, d)
}

func (l *latencies) summary() Latency {
	if l.count == 0 {
		return Latency{}
	}
	recent := slices.Clone(l.recent[:min(l.count, recentReplies)])
	slices.Sort(recent)
	// Nearest rank: the smallest value that at least p percent of the values do not exceed.
	rank := func(p int) Reading {
		return Known(recent[(len(recent)*p+99)/100-1].Seconds())
	}
	return Latency{
		Count:       l.count,
		LastSeconds: Known(l.last.Seconds()),
		MeanSeconds: Known(l.sum.Seconds() / float64(l.count)),
		MaxSeconds:  Known(l.max.Seconds()),
		P50Seconds:  rank(50),
		P99Seconds:  rank(99),
	}
}

// weights are the power sums of accepted shares' assigned difficulties.
type weights struct {
	sum, squares, largest float64
}

func (w *weights) add(d float64) {
	w.sum += d
	w.squares += d * d
	w.largest = max(w.largest, d)
}
