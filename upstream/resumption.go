package upstream

import "errors"

// resumption is what is known about resuming sessions at a member.
type resumption struct {
	resume     Resume // what its last session left; nil: nothing
	refusals   int    // to resume it, in a row
	lostJobs   int    // times in a row that it seemed to resume one but knew none of its jobs
	lostJobsIn uint64 // the session in which it last did
}

// MaxRefusals is how often in a row a member may not have resumed a session, before
// mining for an interrupted session stops. It begins again once the member resumes
// one, which is asked for each time.
const MaxRefusals = 1

// mayResume reports whether the next session at the member may be the same as the
// last one, which ended for that reason: shares that are found meanwhile, or were
// not answered, are then as good as before.
func (m *member) mayResume(reason error) bool {
	return m.resume != nil && m.resume.Possible() && !errors.Is(reason, errLeft) && m.Protocol.Class(reason).Kind != Refused
}

// mayKeepMining reports whether to keep mining until the member has resumed the
// session. (Keeping the shares that there are costs nothing.)
func (m *member) mayKeepMining(reason error) bool {
	return m.mayResume(reason) && max(m.refusals, m.lostJobs) < MaxRefusals
}
