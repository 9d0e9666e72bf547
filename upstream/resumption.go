package upstream

import (
	"errors"
	"time"
)

// resumption is what is known of going on with sessions at a member.
type resumption struct {
	resume   Resume    // what its last session left; nil: nothing
	refusals int       // to resume it, in a row
	forgot   int       // times in a row that it resumed one and knew nothing of its jobs
	forgotIn uint64    // the session in which it did last
	refused  time.Time // the last time of either
}

const (
	// MaxRefusals is how often in a row a member may begin a new session where we
	// came back for the old one, before we no longer mine in that hope.
	MaxRefusals    = 2
	forgetRefusals = time.Hour // since the last one
)

// mayResume reports whether the next session at the member may be the same as the
// last one, which ended for that reason: shares that are found meanwhile, or were
// not answered, are then as good as before.
func (m *member) mayResume(reason error) bool {
	return m.resume != nil && m.resume.Possible() && !errors.Is(reason, errLeft) && m.Protocol.Class(reason).Kind != Refused
}

// mayHope reports whether to go on mining until the member has resumed the
// session. (To hold the shares that there are costs nothing.)
func (m *member) mayHope(reason error, now time.Time) bool {
	return m.mayResume(reason) && (max(m.refusals, m.forgot) < MaxRefusals || now.Sub(m.refused) > forgetRefusals)
}
