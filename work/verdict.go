package work

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// VerdictKind is what became of a share.
type VerdictKind uint8

// The zero kind is no verdict at all. It is never booked as accepted.
const (
	NoVerdict VerdictKind = iota
	Accepted
	Rejected // by the pool, or by us where its answer is known
	Stale    // the job was outdated: as the pool says, or as we know without asking
	Lost     // no verdict will ever come
)

func (k VerdictKind) String() string {
	switch k {
	case Accepted:
		return "accepted"
	case Rejected:
		return "rejected"
	case Stale:
		return "stale"
	case Lost:
		return "lost"
	}
	return "no verdict"
}

// Reasons of a rejection.
const (
	ReasonDuplicate     = "duplicate"
	ReasonLowDifficulty = "low_difficulty"
	ReasonUnauthorized  = "unauthorized"
	ReasonNotSubscribed = "not_subscribed"
	ReasonNTime         = "ntime"
	ReasonVersion       = "version"
	ReasonBanned        = "banned"
	ReasonOther         = "other"
)

// Reasons of a loss.
const (
	LostDisconnected = "disconnected"    // the connection ended first
	LostTimeout      = "timeout"         // no reply in time
	LostQueueFull    = "queue_full"      // found or sent faster than the pool answers
	LostTooMany      = "too_many_shares" // more than the session may send
	LostShutdown     = "shutdown"        // the miner ended first
	LostNoPool       = "no_pool"         // the connection had ended, and the miner ended before the pool was back
	LostNoVerdict    = "no_verdict"      // the source returned none
)

// ReasonText returns a reason for people: "queue full".
func ReasonText(reason string) string { return strings.ReplaceAll(reason, "_", " ") }

// Verdict is what became of a share, as submitting it returns.
type Verdict struct {
	Kind   VerdictKind
	Reason string // of Rejected or Lost: one of the constants
	Code   int    // the pool's error code, 0 if it gave none
	Text   string // the pool's text, or ours where it was not asked; safe to print
	Sent   bool   // it was written in full: the pool has judged it, or, if it is lost, may have
	Cause  error  // of Lost: what happened, may be nil
}

// ErrForeign is in the cause of the verdict on a share of an earlier session that
// can never be sent in this one.
var ErrForeign = errors.New("it does not fit the pool's new session")

// LostTo returns the verdict on a share that err kept from being sent: the end
// of a context, or of the connection.
func LostTo(err error) Verdict {
	v := Verdict{Kind: Lost, Reason: LostDisconnected, Cause: err}
	switch {
	case errors.Is(err, context.Canceled):
		v.Reason = LostShutdown
	case errors.Is(err, context.DeadlineExceeded):
		v.Reason = LostTimeout
	}
	return v
}

// RejectedFor reports whether the share was rejected for one of the reasons.
func (v Verdict) RejectedFor(reasons ...string) bool {
	return v.Kind == Rejected && slices.Contains(reasons, v.Reason)
}

// LostFor reports whether the share was lost for the reason.
func (v Verdict) LostFor(reason string) bool { return v.Kind == Lost && v.Reason == reason }

// String is the verdict as text, for logs.
func (v Verdict) String() string {
	switch {
	case v.Kind == Rejected:
		return fmt.Sprintf("rejected (%s): %s", ReasonText(v.Reason), v.Text)
	case v.Kind == Stale && !v.Sent:
		return "stale: the job was outdated: not sent"
	case v.Kind == Stale && v.Code != 0:
		return fmt.Sprintf("stale: the job was outdated, the pool says: %s (%d)", v.Text, v.Code)
	case v.Kind == Stale:
		return "stale: the job was outdated, the pool says: " + v.Text
	case v.Kind == Lost && v.Cause != nil:
		return fmt.Sprintf("lost: %s: %v", ReasonText(v.Reason), v.Cause)
	case v.Kind == Lost:
		return "lost: " + ReasonText(v.Reason)
	}
	return v.Kind.String()
}
