// Package suggest decides which share difficulty to ask a pool for, and when.
package suggest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
)

const (
	goodTime  = 10.0             // seconds per share that are asked for
	rareTime  = 60.0             // seconds per share, above which another number is tried
	gap       = 5 * time.Second  // between suggestions at least
	patience  = 20 * time.Second // that a pool gets to follow
	pause     = 2 * time.Minute  // between suggestions because the rate is known better
	maxAsked  = 8                // suggestions in a session
	otherRate = 2.0              // factor between rates that is worth another suggestion
	step      = 8                // factor between numbers that are tried after a refusal
)

// ErrTooLate: the rate was not known before the authorization, and the pool does not
// follow later requests. The next session begins with one.
var ErrTooLate = errors.New("the pool does not follow a difficulty suggested after its first job")

// hashesPerShare is how many hashes a share of difficulty 1 takes on average.
const hashesPerShare = float64(1<<48) / 65535

// Good returns the difficulty at which that many hashes a second find a share every
// ten seconds, rounded to one digit; 0 if the rate is unknown.
func Good(rate float64) float64 {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return 0
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(rate*goodTime/hashesPerShare, 'g', 1, 64), 64)
	return rounded
}

// Text writes a difficulty as a plain number.
func Text(d float64) string { return strconv.FormatFloat(d, 'f', -1, 64) }

// Asker decides what is suggested to one pool, in one session after another. The
// nil Asker suggests nothing.
type Asker struct {
	fixed float64        // by the user; 0: from the rate
	rate  func() float64 // in hashes a second, 0: unknown
	log   *zap.Logger

	mu       sync.Mutex
	late     bool // not before the authorization: the pool hung up
	off      bool // it hung up after it, too
	survived int  // requests in one session that it did not hang up at
	most     int  // requests in one session: at one more it hung up
	blamed   bool // it hung up at a request once although it had sent a job: perhaps by chance
	renewed  bool // a session was ended for ErrTooLate
	level    int  // which number is tried, after refusals

	// In this session:
	early   bool    // asked before the authorization
	asked   float64 // the latest number; 0: none
	good    float64 // the number that was wanted then
	at      time.Time
	count   int
	refused bool
	unknown bool    // the pool does not know the request
	jobs    int     // since then
	current float64 // difficulty of the newest job; 0: none yet
	logged  float64
}

// New makes an Asker for a number that the user gave, or else for the rate that the
// function returns; nil if there is neither.
func New(fixed hashing.Difficulty, rate func() float64, log *zap.Logger) *Asker {
	if fixed.Float64() == 0 && rate == nil {
		return nil
	}
	return &Asker{fixed: fixed.Float64(), rate: rate, log: log, most: maxAsked}
}

// Early returns what to ask for between subscription and authorization, when some
// pools (public-pool) choose the first job's difficulty; empty: nothing. It begins a
// session.
func (a *Asker) Early(now time.Time) string {
	if a == nil {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.good, a.count, a.refused, a.unknown, a.jobs, a.current = 0, 0, 0, false, false, 0, 0
	if a.late {
		return ""
	}
	number := a.ask(now)
	a.early = number != ""
	return number
}

// Late returns what to ask for after the authorization, before which other pools
// (ckpool) do not listen; empty: nothing.
func (a *Asker) Late(now time.Time) string {
	if a == nil {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	number := a.ask(now)
	a.say()
	return number
}

// Again returns what to ask for now, empty for nothing: the rate is known at last or
// known better, or the pool refused or ignored the number before. A number that the
// user gave is not changed.
func (a *Asker) Again(now time.Time) string {
	if a == nil || a.fixed > 0 {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	rate := a.rate()
	good, since := Good(rate), now.Sub(a.at)
	switch {
	case good == 0 || a.unknown || a.count >= a.most:
		return ""
	case a.asked == 0:
	case since < gap:
		return ""
	case (a.refused || a.level == 0 && a.jobs > 0 && since >= patience) && a.unmet(rate):
		if a.number(good, a.level+1) >= a.current {
			return "" // nothing is left to try
		}
		a.level++
	case since >= pause && (good > otherRate*a.good || a.good > otherRate*good):
	default:
		return ""
	}
	number := a.ask(now)
	a.say()
	return number
}

// TooLate returns ErrTooLate, once, when the pool ignores a number that it was not
// asked for before the authorization.
func (a *Asker) TooLate(now time.Time) error {
	if a == nil || a.fixed > 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.renewed || a.early || a.late || a.off || a.asked == 0 || now.Sub(a.at) < patience || !a.unmet(a.rate()) {
		return nil
	}
	a.renewed, a.level = true, 0
	return ErrTooLate
}

// unmet reports whether the jobs' difficulty is far from what was asked for, and out of
// reach. Caller holds mu.
func (a *Asker) unmet(rate float64) bool {
	return rate > 0 && a.current > 2*a.asked && a.current*hashesPerShare/rate > rareTime
}

// ask returns the number to ask for. Caller holds mu.
func (a *Asker) ask(now time.Time) string {
	good := a.fixed
	if good == 0 {
		good = Good(a.rate())
	}
	if a.off || good == 0 || a.count >= a.most {
		return ""
	}
	a.survived = max(a.survived, a.count) // what was asked before in this session
	a.good, a.asked = good, a.number(good, a.level)
	a.at, a.refused, a.jobs = now, false, 0
	a.count++
	return Text(a.asked)
}

// number returns what is tried at the level: first the best number, then whole ones,
// because some pools take no others, or none so small.
func (a *Asker) number(good float64, level int) float64 {
	if level == 0 {
		return good
	}
	first := math.Max(1, math.Ceil(good))
	if first == good {
		level++
	}
	return first * math.Pow(step, float64(level-1))
}

// say logs a new number. Caller holds mu.
func (a *Asker) say() {
	if a.asked > 0 && a.asked != a.logged {
		a.logged = a.asked
		a.log.Info("suggesting a share difficulty", zap.Float64("suggested_difficulty", a.asked))
	}
}

// Refused records why the pool refused the latest number. Where it does not know the
// request, another number would not help.
func (a *Asker) Refused(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = true
	a.unknown = strings.Contains(strings.ToLower(why.Error()), "method") // "Method not found", "unknown method"
}

// Job records the difficulty of a new job.
func (a *Asker) Job(difficulty float64) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs++
	a.current = difficulty
}

// HungUp records that the pool ended the connection, and returns what is done
// differently in the next session; empty: nothing. A pool may dislike to be asked, at
// all, before the authorization, or once more, even if it has sent a job just before.
func (a *Asker) HungUp(now time.Time, authorized bool) (change event.Phrase) {
	if a == nil {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.at) >= gap {
		a.survived, a.blamed = max(a.survived, a.count), false
	}
	switch {
	case a.count <= a.survived || a.off: // not because of the request
	case !authorized && !a.late:
		a.late = true
		return "suggesting a difficulty only after the authorization"
	case a.current > 0 && !a.blamed:
		a.blamed = true
	case authorized && a.survived == 0:
		a.off = true
		return "without suggesting a difficulty"
	case authorized:
		a.most = a.survived
		return "suggesting a difficulty less often"
	}
	return ""
}
