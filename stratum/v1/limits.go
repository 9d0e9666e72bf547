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
	FirstJob  time.Duration // first job after the authorization, 110 s: there are pools that send it after 90
	Nudge     time.Duration // without a job, until the pool is sent a harmless request, 2 s
	LateTerms time.Duration // that a job waits for the pool's first difficulty, 500 ms
	Submit    time.Duration // reply to mining.submit, 60 s
	Authorize time.Duration // that a share waits for the authorization, 30 s
	// Unanswered is how long the oldest of several submits may be without an
	// answer, 120 s, while none came to any other.
	Unanswered time.Duration
	Refused    time.Duration // that every share is rejected, until another pool is preferred, 60 s
	Gap        time.Duration // between two ticks, from which the process must have been suspended, 30 s
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
	orDefault(&l.FirstJob, 110*time.Second)
	orDefault(&l.Nudge, 2*time.Second)
	orDefault(&l.LateTerms, 500*time.Millisecond)
	orDefault(&l.Submit, 60*time.Second)
	orDefault(&l.Authorize, 30*time.Second)
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

// Rate limits: how much misbehavior ends a connection.
const (
	maxGarbage       = 3   // unreadable messages in a minute
	maxTextLines     = 100 // lines of text in a minute
	maxStrayReplies  = 100 // unsolicited replies in a minute
	maxExtranonces   = 10  // mining.set_extranonce in a minute
	maxBadNotifies   = 3   // malformed jobs in a row
	burst            = 5   // answers at once
	maxPushesASecond = 100 // pushes in each of floodSeconds seconds in a row
	floodSeconds     = 10
	duplicateMemory  = 4096 // hashes of sent shares that are remembered

	slotTime = 10 * time.Second // after which an unanswered share no longer counts as under way
)

// tick is the time between two checks of a session that works.
const tick = time.Second

// maxLowAfterRaise is how many shares a pool may reject as too weak for a newer
// difficulty than their job's, before weak ones are no longer sent.
const maxLowAfterRaise = 3

// maxWrongBits is how many shares a pool may reject for their version bits, none
// having been accepted, before it is tried without them, or with.
const maxWrongBits = 3

// window counts the events of the last minute. They are few: many end the
// connection.
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

// flood recognizes a rate that stays too high for many seconds.
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
