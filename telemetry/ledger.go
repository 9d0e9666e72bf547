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
	Rare     bool    // of a block: on a network where not every miner finds them at once
	Pool     string  // whose job it was mined for; empty: not known
}

// Ledger records every share. Every found share gets a Ticket and ends in exactly one of accepted, rejected,
// stale or lost, so that found = accepted + rejected + stale + lost + pending in every snapshot. A second verdict
// on a ticket, or one on an unknown ticket, changes nothing and is counted as a bug. Safe for concurrent use.
type Ledger struct {
	now func() time.Time

	mu      sync.Mutex
	last    Ticket
	pending map[Ticket]pendingShare
	closed  bool
	closing string // the reason given to Close
	all     *book
	pools   map[string]*book // the same by pool
}

// book is what became of some of the shares.
type book struct {
	sums     Shares // everything but the reason maps and the latencies
	rejected reasons
	lost     reasons
	latency  latencies
	weights  weights
}

func newBook() *book { return &book{rejected: make(reasons), lost: make(reasons)} }

type pendingShare struct {
	FoundShare
	submitted time.Time // zero: not sent
}

// NewLedger returns an empty ledger. now is the clock, nil for time.Now.
func NewLedger(now func() time.Time) *Ledger {
	if now == nil {
		now = time.Now
	}
	return &Ledger{now: now, pending: make(map[Ticket]pendingShare), all: newBook(), pools: make(map[string]*book)}
}

// each writes into the book of all shares, and into that of the share's pool.
// The caller holds mu.
func (l *Ledger) each(share FoundShare, write func(*book)) {
	own := l.pools[share.Pool]
	if own == nil {
		own = newBook()
		l.pools[share.Pool] = own
	}
	write(l.all)
	write(own)
}

// Found records a new share. After Close it is lost at once, with the reason given there.
func (l *Ledger) Found(share FoundShare) Ticket {
	share.Achieved, share.Assigned = clamp(share.Achieved), clamp(share.Assigned)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	now := l.now()
	l.each(share, func(b *book) {
		b.sums.Found++
		b.sums.Pending++
		if share.Achieved > b.sums.BestDifficulty {
			b.sums.BestDifficulty, b.sums.BestAt, b.sums.BestPool = share.Achieved, now, share.Pool
		}
		b.sums.LastDifficulty = share.Achieved
		if share.Block {
			b.sums.BlocksFound++
		}
		if share.Rare {
			b.sums.RareBlocksFound++
		}
	})
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
	now := l.now()
	l.each(p.FoundShare, func(b *book) {
		b.sums.Pending--
		b.sums.Accepted++
		b.sums.AcceptedDifficulty += p.Assigned
		b.sums.LastAccepted = now
		b.weights.add(p.Assigned)
		if p.Block {
			b.sums.BlocksAccepted++
		}
	})
	return l.replied(p, now)
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
	l.each(p.FoundShare, func(b *book) {
		b.sums.Pending--
		b.sums.Rejected++
		b.sums.RejectedDifficulty += p.Assigned
		b.rejected.count(reason, false)
	})
	return l.replied(p, l.now())
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
	l.each(p.FoundShare, func(b *book) {
		b.sums.Pending--
		b.sums.Stale++
		if p.submitted.IsZero() {
			b.sums.StaleUnsent++
		}
		b.sums.StaleDifficulty += p.Assigned
	})
	return l.replied(p, l.now())
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
		l.all.sums.Bugs++
	}
	delete(l.pending, t)
	return p, ok
}

func (l *Ledger) lose(share FoundShare, reason string) {
	l.each(share, func(b *book) {
		b.sums.Pending--
		b.sums.Lost++
		b.sums.LostDifficulty += share.Assigned
		b.lost.count(reason, l.closed)
	})
}

func (l *Ledger) replied(p pendingShare, now time.Time) time.Duration {
	if p.submitted.IsZero() {
		return 0
	}
	d := max(now.Sub(p.submitted), 0)
	l.each(p.FoundShare, func(b *book) { b.latency.add(d) })
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
