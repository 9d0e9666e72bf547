package v1

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/stratum/printable"
	"quarry/work"
)

// pendingNotify is a job as it came, with the difficulty that was in force then.
type pendingNotify struct {
	notify     *Notify
	difficulty hashing.Difficulty
	announced  bool // the difficulty was, by the pool
	received   time.Time
}

// begin makes a job of a notify and publishes it, unless that has to wait. Jobs are
// published in the order of their arrival.
func (s *Session) begin(p *pendingNotify) {
	s.order.Lock()
	defer s.order.Unlock()
	s.state.Lock()
	if s.park(p) {
		s.state.Unlock()
		return
	}
	s.publishNew(p)
}

// publishNew is begin for a caller that holds both locks, of which it lets go of
// that of the state.
func (s *Session) publishNew(p *pendingNotify) {
	moved := s.state.next != nil && !s.state.next.equal(s.state.extranonce)
	if s.state.next != nil {
		s.state.extranonce, s.state.next = *s.state.next, nil
	}
	before := s.state.current()
	job := s.newJob(p)
	job.Clean = job.Clean || before != nil && before.PrevHash != job.PrevHash
	s.state.keep(job, s.cfg.Limits.Jobs)
	first := s.state.firstJob.IsZero()
	if first {
		s.state.firstJob = p.received
	}
	working := first && !s.state.authorized.IsZero()
	s.state.Unlock()

	if !p.announced && s.cfg.Quirks.once("guess") {
		s.log.Warn("guessed the difficulty of a job that came without", zap.Float64("guessed_difficulty", job.Difficulty.Float64()))
	}
	s.publish(job)
	if first {
		close(s.firstJob)
	}
	if moved {
		s.log.Info("pool changed the extranonce", zap.Int("extranonce2_bytes", job.Extranonce2Size))
	}
	if working {
		s.cfg.Working()
	}
	s.log.Debug("new job", zap.String("job", printable.Sanitize(job.ID)), zap.Bool("clean", job.Clean), zap.Float64("job_difficulty", job.Difficulty.Float64()))
	s.watch.Job(job)
	s.cfg.Suggest.Job(job.Difficulty.Float64())
}

// newJob freezes what is in force now into a job.
func (s *Session) newJob(p *pendingNotify) *work.Job {
	n, st := p.notify, &s.state
	job := &work.Job{
		ID: n.ID, Ref: wire{id: n.Wire, guessed: !p.announced}, Pool: s.cfg.Pool, Session: s.cfg.Generation,
		PrevHash: n.PrevHash, Coinb1: n.Coinb1, Coinb2: n.Coinb2, Branches: n.Branches,
		Version: n.Version, NBits: n.NBits, NTime: n.NTime, Clean: n.Clean,
		Extranonce1: st.extranonce.One, Extranonce2Size: st.extranonce.TwoSize,
		Difficulty: p.difficulty, Received: p.received,
	}
	if target, err := hashing.TargetFromNBits(n.NBits); err == nil {
		job.NetworkTarget, job.NetworkKnown = target, true
	}
	st.setMask(job, s.cfg.Quirks)
	return job
}

// setMask sets which version bits of the job may be rolled: none that the
// version has set already, so that every pool's arithmetic comes to the same
// header. A pool that agreed with an empty mask gets no rolling and no sixth
// parameter; once there was a mask, the parameter stays, whatever becomes of
// the mask (BIP 310). A pool that agreed without a mask that can be read may want
// the parameter. If all that turns out wrong, it is the other way round.
func (st *state) setMask(job *work.Job, quirks *Quirks) {
	mask := st.poolMask & versionBits
	st.rolled = st.rolled || mask != 0
	before := wireOf(job)
	w := wire{id: before.id, guessed: before.guessed, otherWay: quirks.otherWay()}
	rolling := st.rolling.Agreed && (st.rolled || !st.rolling.Known)
	w.rolling = rolling != w.otherWay
	job.VersionMask = 0
	if rolling && w.rolling {
		job.VersionMask = mask &^ job.Version
		w.mask, w.masked = st.poolMask, quirks.maskedBits()
	}
	job.Ref = w
}

// current is the newest job, nil if there is none.
func (st *state) current() *work.Job {
	if len(st.jobs) == 0 {
		return nil
	}
	return st.jobs[len(st.jobs)-1]
}

// keep makes the job one that shares may refer to. A new block ends all others.
// A clean flag alone does not: pools set it with every job, or with a new
// difficulty, but still accept shares of the block's earlier jobs.
func (st *state) keep(job *work.Job, limit int) {
	if before := st.current(); before != nil && before.PrevHash != job.PrevHash {
		st.jobs = nil
	}
	if len(st.jobs) >= limit {
		st.jobs = slices.Clone(st.jobs[1:])
	}
	st.jobs = append(st.jobs, job)
}

// changeMask takes a new mask, valid at once. Shares that were found under the
// old one are still sent.
func (s *Session) changeMask(mask uint32) {
	if s.amend(func(st *state) {
		if st.asked {
			st.poolMask, st.rolling.Known = mask, true
		}
	}) {
		s.log.Info("version mask changed", zap.String("mask", hex8(mask&versionBits)))
	}
}

// amend changes what was agreed, and publishes the current job again if that
// changes it. Only the reader calls it.
func (s *Session) amend(change func(*state)) bool {
	s.order.Lock()
	defer s.order.Unlock()
	s.state.Lock()
	change(&s.state)
	old := s.state.current()
	if old == nil || s.state.firstJob.IsZero() { // none, or one of the previous session
		s.state.Unlock()
		return false
	}
	job := *old
	job.Clean = false
	if w := wireOf(old); w.guessed {
		job.Difficulty, w.guessed = s.state.difficulty, !s.state.announced
		job.Ref = w
	}
	s.state.setMask(&job, s.cfg.Quirks)
	changed := job.VersionMask != old.VersionMask || wireOf(&job) != wireOf(old) || job.Difficulty.Target() != old.Difficulty.Target()
	if changed {
		s.state.keep(&job, s.cfg.Limits.Jobs)
	}
	s.state.Unlock()
	if changed {
		s.publish(&job)
	}
	return changed
}

func (s *Session) publish(job *work.Job) {
	s.cfg.Publish(job)
	if s.cfg.Trace.JobReceived != nil {
		s.cfg.Trace.JobReceived(job.Received)
	}
}
