package v1

import "quarry/work"

// wire is how shares of a job are spelled in mining.submit, the Ref of a
// [work.Job]. It never changes, and equal ones are spelled alike.
type wire struct {
	id      string // the job id as JSON text, to be echoed
	rolling bool   // version rolling was agreed: version bits are sent, also when none was rolled
	mask    uint32 // all bits that the pool lets us roll, also those that the job's version has set
	masked  bool   // the pool wants all of the mask's bits, not only those that were rolled

	otherWay bool // rolling is the other way round than was agreed: see Quirks.sixth
	guessed  bool // the pool has announced no difficulty
}

func wireOf(job *work.Job) wire {
	w, _ := job.Ref.(wire)
	return w
}

// bits are the version bits to submit.
func (w wire) bits(share *work.Share) uint32 {
	if w.masked {
		return share.Version & w.mask
	}
	return share.Version &^ share.Job.Version
}
