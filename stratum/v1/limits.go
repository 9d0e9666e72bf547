package v1

import (
	"time"

	"quarry/stratum/transport"
)

// Limits cap memory, output and waiting time that a pool can cause. Zero fields
// stand for the default.
type Limits struct {
	transport.Limits

	Send        int // bytes of one message of ours, 1000 (ckpool closes above 1024)
	JobID       int // bytes of a job id as we echo it, 256
	Branches    int // merkle branches, 32
	Coinbase    int // bytes of the coinbase without extranonces, 128 KiB
	Extranonce1 int // bytes, 32
	Jobs        int // jobs that shares may still refer to, 64
	Calls       int // calls that wait for their reply, 256
	Shares      int // shares that wait for their verdict, 64
	ShareRate   int // shares sent in a second, 500, in the long run
	ShareBurst  int // and at once, 1000

	Configure time.Duration // reply to mining.configure, 5 s
	Handshake time.Duration // reply to each other step of the handshake, 15 s
	FirstJob  time.Duration // first job after the authorisation, 60 s
	Submit    time.Duration // reply to mining.submit, 60 s
	Authorise time.Duration // that a share waits for the authorisation, 30 s
	// Unanswered is how long the oldest of several submits may be without an
	// answer, 120 s, while none came to any other.
	Unanswered time.Duration
	Refused    time.Duration // that every share is rejected, until we complain, 60 s
	Gap        time.Duration // between two looks, until something must have stopped us, 30 s
}

// WithDefaults returns the same limits with the zero fields filled in.
func (l Limits) WithDefaults() Limits {
	l.Limits = l.Limits.WithDefaults()
	orDefault(&l.Send, 1000)
	orDefault(&l.JobID, 256)
	orDefault(&l.Branches, 32)
	orDefault(&l.Coinbase, 128<<10)
	orDefault(&l.Extranonce1, 32)
	orDefault(&l.Jobs, 64)
	orDefault(&l.Calls, 256)
	orDefault(&l.Shares, 64)
	orDefault(&l.ShareRate, 500)
	orDefault(&l.ShareBurst, 1000)

	orDefault(&l.Configure, 5*time.Second)
	orDefault(&l.Handshake, 15*time.Second)
	orDefault(&l.FirstJob, 60*time.Second)
	orDefault(&l.Submit, 60*time.Second)
	orDefault(&l.Authorise, 30*time.Second)
	orDefault(&l.Unanswered, 120*time.Second)
	orDefault(&l.Refused, 60*time.Second)
	orDefault(&l.Gap, 30*time.Second)
	return l
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Rules of conduct: how much misbehaviour ends a connection.
const (
	maxGarbage       = 3   // unreadable messages in a minute
	maxStrayReplies  = 100 // replies to nothing we asked, in a minute
	maxExtranonces   = 10  // changes of the extranonce in a minute
	maxBadNotifies   = 3   // malformed jobs in a row
	burst            = 5   // answers, and lines about jobs, at once
	maxPushesASecond = 100 // pushes in each of floodSeconds seconds in a row
	floodSeconds     = 10
	maxUnanswered    = 5    // submits in a row without an answer
	minUnanswered    = 2    // likewise, once the oldest waited for Limits.Unanswered
	duplicateMemory  = 4096 // shares of which we know that we sent them

	slotTime = 10 * time.Second // after which an unanswered share no longer counts as under way
)

// Rules of liveness.
const (
	tick          = time.Second     // between two looks
	minRefreshes  = 4               // that must be known to speak of a usual interval
	cadenceMemory = 8               // refreshes that it is made of
	minRefresh    = 5 * time.Second // between jobs that are two pieces of news
)

// Rules of judging a pool.
const (
	maxRefused    = 10 // shares in a row, see also Limits.Refused
	maxDuplicates = 2  // shares that were sent once

	maxLowAfterRaise = 3 // shares too weak for a newer difficulty than their job's

	maxNetworkStep = 16               // the network's difficulty may change by 4 at once
	maxSkew        = 2 * time.Hour    // between the jobs' time and ours
	minFrozen      = 10 * time.Minute // that the jobs' time stands still
	maxBlockTime   = 3 * time.Hour    // a block takes so long once in 65 million
	blockMemory    = 16               // blocks that a pool may go back to
)

// window counts the events of the last minute. They end a connection before
// there are many.
type window struct{ events []time.Time }

// add counts one event and returns how many there were in the minute before.
func (w *window) add(now time.Time) int {
	old := 0
	for old < len(w.events) && now.Sub(w.events[old]) > time.Minute {
		old++
	}
	w.events = append(w.events[old:], now)
	return len(w.events)
}

// flood recognises a rate that stays too high for many seconds.
type flood struct {
	second time.Time
	count  int
	high   int // full seconds in a row with too many events
}

// add counts one event and reports whether the flood has lasted too long: this
// is the last of floodSeconds seconds in a row with too many events.
func (f *flood) add(now time.Time) bool {
	switch since := now.Sub(f.second); {
	case since < time.Second:
	case since < 2*time.Second && f.count > maxPushesASecond:
		f.high++
		f.second, f.count = now, 0
	default:
		*f = flood{second: now}
	}
	f.count++
	return f.high >= floodSeconds-1 && f.count > maxPushesASecond
}

// limiter lets as many events as burst through at once, then one a second.
type limiter struct {
	burst int // 0 stands for 1
	spent int // of burst; one comes back each second
	since time.Time
}

func (l *limiter) allow(now time.Time) bool {
	burst := max(l.burst, 1)
	if back := now.Sub(l.since) / time.Second; back > 0 {
		l.spent = max(l.spent-int(min(back, time.Duration(burst))), 0)
		l.since = now
	}
	if l.spent == burst {
		return false
	}
	l.spent++
	return true
}
