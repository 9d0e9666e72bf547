package stratum

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/stratum/transport"
	"quarry/stratum/v1"
	"quarry/stratum/watch"
)

// Pauses before a pool is tried again.
const (
	minBackoff   = time.Second
	maxBackoff   = time.Minute
	minUserPause = 30 * time.Second // after it refused the user
	maxUserPause = 10 * time.Minute
	healthyAfter = time.Minute // of work, after which the pauses start small again

	forgetDisowned = time.Hour // since a pool no longer knew the user, until that counts as the first time again

	maxReconnects   = 3 // client.reconnect that are followed within reconnectWindow
	reconnectWindow = 10 * time.Minute
)

// pool is a pool with what was learnt about it.
type pool struct {
	Pool
	url    transport.URL
	dialer *transport.Dialer

	standing
	quirks v1.Quirks

	// The link's own.
	known                      bool // it spoke Stratum with us before
	noConfigure, bareSubscribe bool // it needs a simpler handshake
	onTrial                    bool // whether that helps is not known yet
	trialFailed                bool // the last time
	knowsConfigure             bool // it has answered mining.configure
	knowsSubscribe             bool // it has answered mining.subscribe with params

	// Client.mu guards these.
	resume     *v1.ResumeState // of the last session there
	refusals   int             // to resume it, in a row
	forgot     int             // times in a row that it resumed one and knew nothing of its jobs
	forgotIn   uint64          // the session in which it did last
	refused    time.Time       // the last time of either
	next       time.Time       // when it may be tried again
	backoff    time.Duration
	userPause  time.Duration
	reconnects []time.Time // when it asked us to reconnect
	disowned   time.Time   // when it last told an authorised user that it knows none
	noFault    bool        // the last session ended as it may
	lastError  error
}

func newPool(p Pool, options Options) (*pool, error) {
	url, err := transport.ParseURL(p.URL)
	if err != nil {
		return nil, fmt.Errorf("pool %w", err)
	}
	if p.User == "" {
		return nil, fmt.Errorf("%s: needs a user, which is at most pools the payout address, with .name for the rig", url)
	}
	if err := v1.CheckCredentials(p.User, p.Password, options.UserAgent, options.Limits); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	d, err := transport.NewDialer(url, transport.Options{
		TLS: p.TLS, Proxy: p.Proxy, Limits: options.Limits.Limits, Log: options.Log.With(zap.String("pool", url.String())),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return &pool{Pool: p, url: url, dialer: d}, nil
}

// sessionConfig is what the pool's next session is told, but for who listens.
func (p *pool) sessionConfig(o Options, log *zap.Logger) v1.Config {
	return v1.Config{
		Pool: p.url.String(), User: p.User, Password: p.Password, UserAgent: o.UserAgent,
		NoConfigure: p.noConfigure || p.NoVersionRolling, BareSubscribe: p.bareSubscribe,
		SuggestDifficulty: p.SuggestDifficulty, SubscribeExtra: p.SubscribeExtra,
		SubmitStale: o.SubmitStale, Limits: o.Limits, Quirks: &p.quirks, Log: log, Trace: o.Trace,
	}
}

// CheckCredentials tells whether pools take lines as long as these make them.
func CheckCredentials(user, password, userAgent string) error {
	return v1.CheckCredentials(user, password, userAgent, v1.Limits{})
}

// learn draws the conclusions from how a handshake went. It returns what to
// do differently at once, empty if there is nothing. A simpler handshake that
// was of no use is forgotten, for the failure may have been an accident; the
// next one is tried with the next attempt, so that a pool which hangs up at
// everything is not connected to twice each time.
func (p *pool) learn(err error, authorised bool) string {
	if authorised {
		p.onTrial, p.trialFailed = false, false
	}
	simpler := p.simplify(err)
	switch {
	case simpler != "":
		p.onTrial = true
	case p.onTrial:
		p.noConfigure, p.bareSubscribe, p.onTrial, p.trialFailed = false, false, false, true
	}
	if p.trialFailed {
		return ""
	}
	return simpler
}

// simplify leaves out what the handshake failed at, and says so. A pool that
// was not at a loss before is slow, cut off or restarting: it is believed to
// have changed only when it fails again and again.
func (p *pool) simplify(err error) string {
	hungUp := errors.Is(err, v1.ErrNoAnswer) || errors.Is(err, transport.ErrClosed)
	patient := p.failures < patientFailures
	switch {
	case errors.Is(err, v1.ErrConfigure) && p.knowsConfigure && hungUp && patient:
	case errors.Is(err, v1.ErrSubscribe) && p.knowsSubscribe && patient:
	case errors.Is(err, v1.ErrConfigure) && !p.noConfigure:
		p.noConfigure = true
		return "without mining.configure, hence without version rolling"
	case errors.Is(err, v1.ErrSubscribe) && !p.bareSubscribe:
		p.bareSubscribe = true
		return "subscribing without params"
	}
	return ""
}

// understood takes note of what the pool understood in a session. What it did not
// understand only this time is tried again the next.
func (p *pool) understood() {
	p.known = true
	p.knowsConfigure = p.knowsConfigure || !p.noConfigure && !p.NoVersionRolling
	p.knowsSubscribe = p.knowsSubscribe || !p.bareSubscribe
	p.noConfigure = p.noConfigure && !p.knowsConfigure
	p.bareSubscribe = p.bareSubscribe && !p.knowsSubscribe
}

// settle says how long to leave the pool alone after a session. The jitter is
// between -1 and 1.
func (p *pool) settle(end outcome, err error, now time.Time, jitter float64) time.Duration {
	p.lastError = err
	p.credit(end)
	pause := p.pauseAfter(err, now, jitter)
	if !p.noFault {
		p.failures++
		if reason := reasonToQuit(err); reason {
			p.quit = err
		}
	}
	p.next = now.Add(pause)
	return pause
}

// credit forgets the failures before a session that worked for long enough.
func (p *pool) credit(end outcome) {
	if end.status.Authorised {
		p.userPause = 0
	}
	if end.worked >= healthyAfter {
		p.backoff, p.failures, p.quit = 0, 0, nil
	}
}

func (p *pool) pauseAfter(err error, now time.Time, jitter float64) time.Duration {
	var reconnect *v1.Reconnect
	p.noFault = errors.As(err, &reconnect) && p.mayReconnect(now) || errors.Is(err, v1.ErrSuspended)
	switch {
	case errors.Is(err, v1.ErrSuspended):
		return 0
	case p.noFault:
		return about(reconnect.Wait, jitter, reconnect.Wait, 2*maxBackoff)
	case errors.Is(err, v1.ErrDeauthorised):
		if again := !p.disowned.IsZero() && now.Sub(p.disowned) < forgetDisowned; again {
			p.quit = err
			return about(maxUserPause, jitter, maxUserPause, 2*maxUserPause)
		}
		p.disowned = now
		return about(minBackoff, jitter, minBackoff, maxBackoff)
	case errors.Is(err, v1.ErrUnauthorised):
		p.userPause = min(max(2*p.userPause, minUserPause), maxUserPause)
		return about(p.userPause, jitter, minUserPause, maxUserPause)
	case errors.Is(err, transport.ErrCertificate):
		p.backoff = maxBackoff
	default:
		p.backoff = min(max(2*p.backoff, minBackoff), maxBackoff)
	}
	return about(p.backoff, jitter, minBackoff, maxBackoff)
}

// about is the pause give or take a quarter, but within the bounds: forty rigs
// that lost one pool must not come back at one moment.
func about(pause time.Duration, jitter float64, least, most time.Duration) time.Duration {
	d := pause + time.Duration(jitter*float64(pause)/4)
	switch {
	case d < least:
		d = 2*least - d
	case d > most:
		d = 2*most - d
	}
	return d
}

// reasonToQuit knows the failures that trying again soon will not mend: another
// pool is wanted at once.
func reasonToQuit(err error) bool {
	for _, reason := range []error{
		v1.ErrAuthorise, v1.ErrUnauthorised, v1.ErrSubscribe, v1.ErrNoJob, transport.ErrSilent, transport.ErrTimedOut, watch.ErrDeaf, watch.ErrOldJob, v1.ErrFlood, transport.ErrCertificate,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	var reconnect *v1.Reconnect // too many of them
	var name *net.DNSError
	var dial *net.OpError
	return errors.As(err, &reconnect) || errors.As(err, &name) || errors.As(err, &dial) && dial.Op == "dial" && dial.Timeout()
}

// mayResume tells whether the pool may give the same extranonces again after
// its last session ended for that reason: shares that are found meanwhile, or
// were not answered, are then as good as before. A pool whose extranonce1 is
// empty has no others to give.
func (p *pool) mayResume(reason error) bool {
	h := p.resume
	return h != nil && (h.SessionID != "" || len(h.Extranonce.One) == 0) &&
		!errors.Is(reason, v1.ErrUnauthorised) && !errors.Is(reason, errLeft)
}

const (
	// maxRefusals is how often in a row a pool may give new extranonces where we
	// came back for the old ones, before we no longer hash in that hope.
	maxRefusals    = 2
	forgetRefusals = time.Hour // since the last one
)

// mayHope tells whether to go on hashing until the pool has resumed the
// session. (To hold the shares that there are costs nothing.)
func (p *pool) mayHope(reason error, now time.Time) bool {
	return p.mayResume(reason) && (max(p.refusals, p.forgot) < maxRefusals || now.Sub(p.refused) > forgetRefusals)
}

// level is how loudly to speak of another attempt: one that fails in the same
// way again and again is not worth a line each time.
func (p *pool) level() zapcore.Level {
	if p.failures > quietAfter {
		return zap.DebugLevel
	}
	return zap.InfoLevel
}

// patientFailures is how many failures in a row it takes to believe that a pool
// no longer understands what it understood before.
const patientFailures = 10

// quietAfter is how many failures in a row are told.
const quietAfter = 5

// mayReconnect tells whether a wish to reconnect is still no failure.
func (p *pool) mayReconnect(now time.Time) bool {
	recent := p.reconnects[:0]
	for _, at := range p.reconnects {
		if now.Sub(at) < reconnectWindow {
			recent = append(recent, at)
		}
	}
	if len(recent) >= maxReconnects {
		p.reconnects = recent
		return false
	}
	p.reconnects = append(recent, now)
	return true
}

// clock is time, replaceable in tests.
type clock struct {
	now    func() time.Time
	wait   func(context.Context, time.Duration) error                    // returns the context's error
	after  func(time.Duration) (over <-chan time.Time, stop func() bool) // a timer
	jitter func() float64                                                // between -1 and 1
}

func realClock() clock {
	return clock{now: time.Now, wait: wait, after: after, jitter: func() float64 { return 2*rand.Float64() - 1 }}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func after(d time.Duration) (<-chan time.Time, func() bool) {
	timer := time.NewTimer(d)
	return timer.C, timer.Stop
}
