package telemetry

import (
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	maxReasons    = 16 // distinct reasons kept by name; the rest count as otherReason
	maxReasonSize = 64 // bytes of one reason: it may come from a pool

	otherReason   = "other"
	unknownReason = "unspecified"
)

// Ticket identifies one found share in the ledger. The zero Ticket identifies none.
type Ticket uint64

// FoundShare is what the ledger needs to know about a share when it is found.
type FoundShare struct {
	Achieved float64 // difficulty of its hash
	Assigned float64 // difficulty it was mined for
	Block    bool    // its hash also meets the network target
}

// Ledger records every share. Every found share gets a Ticket and ends in exactly one of accepted, rejected,
// stale or lost, so that found = accepted + rejected + stale + lost + pending in every snapshot. A second verdict
// on a ticket, or one on an unknown ticket, changes nothing and is counted as a bug. Safe for concurrent use.
type Ledger struct {
	now func() time.Time

	mu       sync.Mutex
	last     Ticket
	pending  map[Ticket]pendingShare
	closed   bool
	closing  string // the reason given to Close
	sums     Shares // everything but Pending, the reason maps and the latencies
	rejected reasons
	lost     reasons
	latency  latencies
	weights  weights
}

type pendingShare struct {
	FoundShare
	submitted time.Time // zero: not sent
}

// NewLedger returns an empty ledger. now is the clock, nil for time.Now.
func NewLedger(now func() time.Time) *Ledger {
	if now == nil {
		now = time.Now
	}
	return &Ledger{
		now:      now,
		pending:  make(map[Ticket]pendingShare),
		rejected: make(reasons),
		lost:     make(reasons),
	}
}

// Found records a new share. After Close it is lost at once, with the reason given there.
func (l *Ledger) Found(share FoundShare) Ticket {
	share.Achieved, share.Assigned = clamp(share.Achieved), clamp(share.Assigned)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	l.sums.Found++
	l.sums.BestDifficulty = max(l.sums.BestDifficulty, share.Achieved)
	l.sums.LastDifficulty = share.Achieved
	if share.Block {
		l.sums.BlocksFound++
	}
	if l.closed {
		l.lose(share, l.closing)
	} else {
		l.pending[l.last] = pendingShare{FoundShare: share}
	}
	return l.last
}

// Submitted records that the share was sent to the pool now; the latency of its reply counts from the last call.
func (l *Ledger) Submitted(t Ticket) { l.submitted(t, l.now()) }

// Unsent takes Submitted back: the share was not sent after all, so its verdict says nothing about the pool's latency.
func (l *Ledger) Unsent(t Ticket) { l.submitted(t, time.Time{}) }

func (l *Ledger) submitted(t Ticket, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.pending[t]; ok {
		p.submitted = at
		l.pending[t] = p
	}
}

// Accepted records that the pool accepted the share. It returns the time since Submitted, 0 if unknown.
func (l *Ledger) Accepted(t Ticket) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.take(t)
	if !ok {
		return 0
	}
	l.sums.Accepted++
	l.sums.AcceptedDifficulty += p.Assigned
	l.sums.LastAccepted = l.now()
	l.weights.add(p.Assigned)
	if p.Block {
		l.sums.BlocksAccepted++
	}
	return l.replied(p)
}

// Rejected records that the pool rejected the share, by reason: the first 16 distinct reasons are kept by name, the
// rest count as "other". It returns the time since Submitted, 0 if unknown.
func (l *Ledger) Rejected(t Ticket, reason string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.take(t)
	if !ok {
		return 0
	}
	l.sums.Rejected++
	l.sums.RejectedDifficulty += p.Assigned
	l.rejected.count(reason, false)
	return l.replied(p)
}

// Stale records a share that was too late, whether the pool said so or it was never sent. It returns the time
// since Submitted, 0 if it was not sent.
func (l *Ledger) Stale(t Ticket) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.take(t)
	if !ok {
		return 0
	}
	l.sums.Stale++
	if p.submitted.IsZero() {
		l.sums.StaleUnsent++
	}
	l.sums.StaleDifficulty += p.Assigned
	return l.replied(p)
}

// Lost records a share whose verdict will never be known, by reason (a dropped connection, a missing reply).
func (l *Ledger) Lost(t Ticket, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.take(t); ok {
		l.lose(p.FoundShare, reason)
	}
}

// Close ends the ledger: pending shares are lost with the reason, which is always kept by name. Later verdicts are
// ignored.
func (l *Ledger) Close(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.closing = true, reason
	for t, p := range l.pending {
		l.lose(p.FoundShare, reason)
		delete(l.pending, t)
	}
}

// take removes a pending share. The caller holds mu.
func (l *Ledger) take(t Ticket) (pendingShare, bool) {
	p, ok := l.pending[t]
	if !ok && !l.closed {
		l.sums.Bugs++
	}
	delete(l.pending, t)
	return p, ok
}

func (l *Ledger) lose(share FoundShare, reason string) {
	l.sums.Lost++
	l.sums.LostDifficulty += share.Assigned
	l.lost.count(reason, l.closed)
}

func (l *Ledger) replied(p pendingShare) time.Duration {
	if p.submitted.IsZero() {
		return 0
	}
	d := max(l.now().Sub(p.submitted), 0)
	l.latency.add(d)
	return d
}

// reasons counts by name; the number and the size of names are bounded.
type reasons map[string]uint64

// count adds one to the reason, by its name in any case if keep.
func (r reasons) count(reason string, keep bool) {
	reason = cleanReason(reason)
	if _, known := r[reason]; !known && len(r) >= maxReasons && !keep {
		reason = otherReason
	}
	r[reason]++
}

// cleanReason turns foreign text into one short printable line.
func cleanReason(reason string) string {
	if len(reason) > maxReasonSize {
		reason = reason[:maxReasonSize]
	}
	reason = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, reason)
	if reason = strings.Join(strings.Fields(reason), " "); reason == "" {
		return unknownReason
	}
	return reason
}

// maxDifficulty is above what any 256-bit hash can reach (2^224), and small enough for squares to stay finite.
const maxDifficulty = 1e75

// clamp keeps NaN, infinities and negative values out of sums, which would never get rid of them.
func clamp(difficulty float64) float64 {
	if math.IsNaN(difficulty) || difficulty < 0 {
		return 0
	}
	return min(difficulty, maxDifficulty)
}
