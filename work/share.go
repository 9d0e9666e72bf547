package work

import (
	"errors"
	"fmt"

	"quarry/hashing"
)

// Share is a complete submission. It refers to nothing "current": all it
// needs is in it or in its job.
type Share struct {
	Job         *Job
	Extranonce2 []byte
	NTime       uint32
	Version     uint32 // the whole header version
	Nonce       uint32
	Hash        hashing.Hash
}

// VersionBits are the version bits, as Stratum V1 submits them: the rolled
// ones, or all of the pool's mask if it wants that.
func (s *Share) VersionBits() uint32 {
	if s.Job.MaskedBits {
		return s.Version & s.Job.PoolMask
	}
	return s.Version &^ s.Job.Version
}

// The verdict on a share is the error that submitting it returns: nil if the
// pool accepted it, *Rejected if the pool refused it, ErrStale if its job was
// outdated (by the pool's word, or by our own knowledge without asking), and
// *Lost if no verdict will ever come.

// ErrStale means that the share's job was outdated.
var ErrStale = errors.New("stale: the job was outdated")

// ErrUnsent is in the chain of a verdict that is our own: the pool never saw
// the share.
var ErrUnsent = errors.New("not sent")

// Reason classes of a rejection.
const (
	ReasonDuplicate     = "duplicate"
	ReasonLowDifficulty = "low-difficulty"
	ReasonUnauthorized  = "unauthorized"
	ReasonNotSubscribed = "not-subscribed"
	ReasonNTime         = "ntime"
	ReasonVersion       = "version"
	ReasonBanned        = "banned"
	ReasonOther         = "other"
)

// Rejected is a pool's refusal.
type Rejected struct {
	Reason string // one of the Reason classes
	Code   int    // the pool's error code, 0 if it gave none
	Text   string // the pool's words, made safe to print
}

func (r *Rejected) Error() string {
	return fmt.Sprintf("rejected (%s): %s", r.Reason, r.Text)
}

// Lost means that a share got no verdict.
type Lost struct {
	Why  string // a short class: "disconnected", "timeout", "queue full", "too many shares", "shutdown"
	Err  error  // what happened, may be nil
	Sent bool   // it was written whole: the pool may have taken it
}

func (l *Lost) Error() string {
	if l.Err == nil {
		return "lost: " + l.Why
	}
	return fmt.Sprintf("lost: %s: %v", l.Why, l.Err)
}

func (l *Lost) Unwrap() error { return l.Err }
