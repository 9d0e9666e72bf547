package upstream

import (
	"errors"
	"time"
)

// resumption is what is known about resuming sessions at a member.
type resumption struct {
	resume     Resume    // what its last session left; nil: nothing
	refusals   int       // to resume it, in a row
	lostJobs   int       // times in a row that it resumed one but knew none of its jobs
	lostJobsIn uint64    // the session in which it last did
	refused    time.Time // the last time of either
}

const (
	// MaxRefusals is how often in a row a member may start a new session instead of
	// resuming one, before mining for an interrupted session stops.
	MaxRefusals    = 2
	forgetRefusals = time.Hour // since the last one
)

// mayResume reports whether the next session at the member may be the same as the
// last one, which ended for that reason: shares that are found meanwhile, or were
// not answered, are then as good as before.
func (m *member) mayResume(reason error) bool {
	return m.resume != nil && m.resume.Possible() && !errors.Is(reason, errLeft) && m.Protocol.Class(reason).Kind != Refused
}

// mayKeepMining reports whether to keep mining until the member has resumed the
// session. (Keeping the shares that there are costs nothing.)
func (m *member) mayKeepMining(reason error, now time.Time) bool {
	return m.mayResume(reason) && (max(m.refusals, m.lostJobs) < MaxRefusals || now.Sub(m.refused) > forgetRefusals)
}
