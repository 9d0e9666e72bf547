package upstream

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"quarry/telemetry"
	"quarry/work"
)

// member is a member of the list with its state. Client.mu guards the state.
type member struct {
	Member
	state
}

// state is how a member is doing.
type state struct {
	wanted  bool
	linked  bool              // its link runs
	leave   func(cause error) // ends the link
	leaving bool              // that was called, and the session still waits for verdicts
	wake    func()            // ends the link's pause
	session Session           // the present one, which may still shake hands; nil: none
	current uint64            // its number, or that of the last one
	working time.Time         // since when shares can be found and sent; zero: they cannot
	job     *work.Job         // the newest; kept for a while after a loss
	lost    time.Time         // when the session of job ended

	reason    string        // why it is wanted, until that is logged
	idle      time.Time     // since when it is wanted and gives no work; zero: it does
	unhealthy error         // a reason to leave it although it works
	resting   bool          // it is left alone because of that
	returned  time.Time     // when it took over from a worse member that worked
	trial     time.Duration // that it must be healthy to do so, if longer than usual
	served    time.Duration
	queued    int  // shares that wait for its session to be resumed
	dead      bool // it failed, and is not retried

	connects   uint64              // made so far
	shown      telemetry.PoolState // in the status
	shownSince time.Time

	pauses
	resumption
}

// view returns what the strategy needs to know.
func (m *member) view(now time.Time, r Rules) view {
	v := view{quota: m.Quota, served: m.served, suspect: m.unhealthy != nil, trial: max(r.Failback, m.trial)}
	if m.works() {
		v.works = max(now.Sub(m.working), 1)
	}
	idle := !m.idle.IsZero() && now.Sub(m.idle) >= r.NoWork
	v.givenUp = v.works < healthyAfter && (m.failures >= r.Failures || idle || m.quit != nil)
	return v
}

// works reports whether the member gives work and takes shares. One that is being
// left only takes shares of its earlier jobs, and cannot be chosen.
func (m *member) works() bool { return !m.working.IsZero() && !m.leaving }

// present reports whether that session is still the member's.
func (m *member) present(number uint64) bool { return number == m.current && m.session != nil }

// expire forgets the job of a session that was not resumed in time.
func (m *member) expire(now time.Time, r Rules) {
	if m.job != nil && !m.lost.IsZero() && now.Sub(m.lost) >= r.Resubmit {
		m.job = nil
	}
}

// trouble returns why a member gives no work.
func (m *member) trouble() string {
	switch {
	case m.quit != nil:
		return m.Name + ": " + causeOf(m.quit)
	case m.lastError != nil:
		return m.Name + ": " + causeOf(m.lastError)
	}
	return fmt.Sprintf("%s gives no work", m.Name)
}

// causeOf returns what happened, without the advice that some errors have: that is
// given once, where the error is logged.
func causeOf(err error) string {
	var advising interface{ Cause() string }
	if errors.As(err, &advising) {
		return advising.Cause()
	}
	return err.Error()
}

// faultField names the kind of an error for programs, if it has a name.
func faultField(err error) zap.Field {
	var named interface{ FaultCode() string }
	if errors.As(err, &named) {
		return zap.String("fault", named.FaultCode())
	}
	return zap.Skip()
}

// leaveNow ends the member's link, if it has one.
func (m *member) leaveNow(cause error) {
	if m.linked && m.leave != nil {
		m.leaving = m.session != nil
		m.leave(cause)
	}
}

// maxTrial bounds how long a better member can be on trial.
const maxTrial = time.Hour

// relapse lengthens the next trial of a member that took over and failed again
// soon: being healthy while another was mined was not enough.
func (m *member) relapse(now time.Time, r Rules) {
	switch {
	case m.returned.IsZero():
	case now.Sub(m.returned) < r.Rest:
		m.trial = min(2*max(m.trial, r.Failback), maxTrial)
	default:
		m.trial = 0
	}
	m.returned = time.Time{}
}
