package stratum

import (
	"time"

	"quarry/stratum/stratumtest"
	"quarry/upstream"
)

// fullHold is from how many shares with the client on one is one too many: 64,
// less those that are about to be handed over.
const fullHold = 60

// explain says why a share had to be lost: which fault took its connection or
// its reply, and why it could not be sent again. It returns false where the
// client could have had a verdict.
func (b *chaosBook) explain(s *shareRecord, job *jobRecord) (why string, ok bool) {
	switch {
	case job == nil:
		return "its job is not known", false
	case s.doubtful(), job.tainted:
		return string(stratumtest.Flipped), true
	}
	pool := b.pools[s.key.pool]
	origin := job.origin(s.share.Job.Received)
	if n := len(s.submits); n > 0 {
		last := s.submits[n-1]
		switch open := last.link.openAt(s.settled); {
		case last.surelyAnswered(s.settled) && n > 1 && len(s.judged) > 0:
			return "sent again; the pool refused what it had judged before, for what changed since", !s.submits[0].surelyAnswered(s.settled)
		case last.surelyAnswered(s.settled):
			return "the pool's answer was there", false
		case !open:
			origin = last.link
		case last.passed.Fault != "":
			return string(last.passed.Fault) + ": the submit", true
		case last.reply != nil && last.reply.Fault != "":
			return string(last.reply.Fault) + ": the reply", true
		default:
			return "given up on an open connection", false
		}
	}
	switch {
	case origin == nil:
		return "its connection is not known", false
	case origin.openAt(s.settled):
		return origin.trouble() + ", still open, not sent", origin.swallowed && b.full(s)
	}
	why, ok = b.notResumed(pool, origin, job, s)
	return origin.trouble() + "; " + why, ok
}

// over is when the connection ended for the client: the injector, which may be
// a slow reader, learns of the client's farewell later. It is zero before.
func (l *linkRecord) over() time.Time {
	if !l.left.IsZero() && (l.closed.IsZero() || l.left.Before(l.closed)) {
		return l.left
	}
	return l.closed
}

// openAt reports whether the connection was open then, as seen by the client,
// which may know of its end a little before the injector.
func (l *linkRecord) openAt(at time.Time) bool {
	over := l.over()
	return over.IsZero() || over.After(at.Add(doubtTime))
}

// trouble is what ended the connection, or why it cannot be used.
func (l *linkRecord) trouble() string {
	switch {
	case l.swallowed:
		return string(stratumtest.HalfOpen)
	case l.cause == "":
		return "no trouble"
	case l.cause == stratumtest.ByClient && len(l.suspect) > 0, l.cause == stratumtest.ByPool && len(l.suspect) > 0:
		return string(l.cause) + " after flipped bytes"
	}
	return string(l.cause)
}

// full reports whether as many shares waited in the client as may.
func (b *chaosBook) full(s *shareRecord) bool { return s.waiting >= fullHold }

// origin is the connection that the job came over.
func (j *jobRecord) origin(received time.Time) *linkRecord {
	var origin *linkRecord
	for _, d := range j.on {
		if !d.at.After(received) {
			origin = d.link
		}
	}
	return origin
}

// notResumed says why a share whose connection ended did not reach the pool
// over a later one.
func (b *chaosBook) notResumed(pool *poolBook, origin *linkRecord, job *jobRecord, s *shareRecord) (why string, ok bool) {
	for _, at := range pool.restarts {
		if at.After(origin.opened) && at.Before(s.settled) {
			return "the pool restarted", true
		}
	}
	if origin.damaged {
		return "a byte was flipped in its handshake", true
	}
	for _, l := range pool.links {
		if !l.opened.After(origin.opened) || l.opened.After(s.settled) {
			continue
		}
		if why, ok, final := l.fails(pool, origin, job, s); final {
			return why, ok
		}
	}
	switch {
	case pool.movedOn(job, s.settled):
		return "a new block before the next connection worked", true
	case b.full(s):
		return "too many waiting shares", true
	case pool.refusals(s.settled) >= upstream.MaxRefusals:
		return "the pool had not resumed sessions before", true
	case s.settled.Sub(s.found) > b.patience:
		return "waited for too long", true
	}
	return "did not wait for the next connection", false
}

// refusals is how many times in a row the pool did not resume a session that
// it was asked for: restarted pools do not.
func (p *poolBook) refusals(by time.Time) (n int) {
	last := ""
	for _, l := range p.links {
		if !l.subscribed || l.opened.After(by) {
			continue
		}
		if l.extranonce1 == last {
			n = 0
		} else if l.offered != "" {
			n++
		}
		last = l.extranonce1
	}
	return n
}

// fails says why a later connection did not bring the share to the pool, if
// that settles it.
func (l *linkRecord) fails(pool *poolBook, origin *linkRecord, job *jobRecord, s *shareRecord) (why string, ok, final bool) {
	over := l.over()
	dead := !over.IsZero() && over.Before(s.settled)
	switch {
	case l.damaged:
		return "a byte was flipped in the next handshake", true, true
	case !l.subscribing:
		return "", false, false
	case !l.subscribed && dead:
		return "the handshake that resumed it was cut off", true, true // the pool gives a session once
	case !l.subscribed:
		return "", false, false
	case l.extranonce1 != hexText(s.share.Job.Extranonce1) && origin.changed:
		return "the pool changed the extranonce before", true, true
	case l.extranonce1 != hexText(s.share.Job.Extranonce1) && l.offered == "":
		return "the client did not ask for its session", false, true
	case l.extranonce1 != hexText(s.share.Job.Extranonce1):
		return "the pool did not resume the session", false, true
	case l.firstBlock == "":
		return "", false, false // no job before it ended
	case l.firstBlock != job.block:
		return "a new block when it was resumed", true, true
	case pool.movedOn(job, l.firstJob.Add(doubtTime)) && pool.movedOn(job, s.settled):
		return "a new block before the waiting shares were sent", true, true
	case dead:
		return "", false, false // it may not have come to it
	}
	return "the session was resumed, and the share not sent", false, true
}
