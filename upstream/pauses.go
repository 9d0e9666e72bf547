package upstream

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Pauses before a member is tried again.
const (
	minBackoff   = time.Second
	maxBackoff   = time.Minute
	minUserPause = 30 * time.Second // after it refused the user
	maxUserPause = 10 * time.Minute
	healthyAfter = time.Minute // of work, after which the pauses start small again

	forgetDeauthorized = time.Hour // after which a deauthorization counts as the first one again

	maxMoves   = 3 // reconnect requests that are accepted within moveWindow
	moveWindow = 10 * time.Minute

	quietAfter = 5 // failures in a row, after which attempts are logged at the debug level
)

// pauses is how often a member failed, and how long it is left alone.
type pauses struct {
	failures     int       // in a row
	quit         error     // why to give it up at once
	next         time.Time // when it may be tried again
	backoff      time.Duration
	userPause    time.Duration
	moves        []time.Time // when it asked us to reconnect
	deauthorized time.Time   // when it last no longer knew an authorized user
	noFault      bool        // the last session did not end by a failure
	lastError    error
}

// failed records the end of a session and returns how long to leave the member
// alone. The jitter is between -1 and 1.
func (p *pauses) failed(end outcome, class Class, err error, now time.Time, jitter float64) time.Duration {
	p.lastError = err
	p.credit(end)
	pause := p.after(class, err, now, jitter)
	if !p.noFault {
		p.failures++
		if class.Switch {
			p.quit = err
		}
	}
	p.next = now.Add(pause)
	return pause
}

// credit forgets the failures before a session that worked for long enough.
func (p *pauses) credit(end outcome) {
	if end.status.Authorized {
		p.userPause = 0
	}
	if end.worked >= healthyAfter {
		p.backoff, p.failures, p.quit = 0, 0, nil
	}
}

func (p *pauses) after(class Class, err error, now time.Time, jitter float64) time.Duration {
	p.noFault = class.Kind == Moved && p.mayMove(now) || class.Kind == Suspended
	switch {
	case class.Kind == Suspended:
		return 0
	case p.noFault:
		return spread(class.Wait, jitter, class.Wait, 2*maxBackoff)
	case class.Kind == Deauthorized:
		if again := !p.deauthorized.IsZero() && now.Sub(p.deauthorized) < forgetDeauthorized; again {
			p.quit = err
			return spread(maxUserPause, jitter, maxUserPause, 2*maxUserPause)
		}
		p.deauthorized = now
		return spread(minBackoff, jitter, minBackoff, maxBackoff)
	case class.Kind == Refused:
		p.userPause = min(max(2*p.userPause, minUserPause), maxUserPause)
		return spread(p.userPause, jitter, minUserPause, maxUserPause)
	case class.Kind == Misconfigured:
		p.backoff = maxBackoff
	default:
		p.backoff = min(max(2*p.backoff, minBackoff), maxBackoff)
	}
	return spread(p.backoff, jitter, minBackoff, maxBackoff)
}

// spread returns the pause give or take a quarter, but within the bounds: forty
// rigs that lost one pool must not come back at the same moment.
func spread(pause time.Duration, jitter float64, least, most time.Duration) time.Duration {
	d := pause + time.Duration(jitter*float64(pause)/4)
	switch {
	case d < least:
		d = 2*least - d
	case d > most:
		d = 2*most - d
	}
	return d
}

// logLevel quiets repeated failures.
func (p *pauses) logLevel() zapcore.Level {
	if p.failures > quietAfter {
		return zap.DebugLevel
	}
	return zap.InfoLevel
}

// mayMove reports whether another request to reconnect is acceptable.
func (p *pauses) mayMove(now time.Time) bool {
	recent := p.moves[:0]
	for _, at := range p.moves {
		if now.Sub(at) < moveWindow {
			recent = append(recent, at)
		}
	}
	if len(recent) >= maxMoves {
		p.moves = recent
		return false
	}
	p.moves = append(recent, now)
	return true
}
