package stratum

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
	"quarry/stratum/suggest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/stratum/watch"
	"quarry/upstream"
)

// Pool is one pool as the user names it.
type Pool struct {
	URL            string
	User, Password string
	TLS            transport.TLSOptions
	Proxy          transport.ProxyOptions

	Quota int // percent of the hashing, with StrategyBalance; 0: only if no other works

	NoVersionRolling  bool               // do not ask for it (BIP 310)
	SuggestDifficulty hashing.Difficulty // asked for; zero: what fits the Rate
	Rate              func() float64     // for that, in hashes a second, 0: unknown; nil: ask for nothing
	SubscribeExtra    bool               // send mining.extranonce.subscribe
}

// pool is a pool and how to speak to it: the upstream.Protocol of Stratum V1.
type pool struct {
	Pool
	options Options
	name    string // unique among the pools, see poolNames
	url     transport.URL
	dialer  *transport.Dialer
	quirks  v1.Quirks
	suggest *suggest.Asker

	known                      bool // it has spoken Stratum with us
	noConfigure, bareSubscribe bool // it needs a simpler handshake
	unproven                   bool // whether that helps is not known yet
	simplerFailed              bool // it did not help the last time
	knowsConfigure             bool // it has answered mining.configure
	knowsSubscribe             bool // it has answered mining.subscribe with params
}

// ParseURL reads the URL of a pool, and returns it without the fragment #xnsub, by
// which people ask miners for mining.extranonce.subscribe.
func ParseURL(text string) (url transport.URL, subscribeExtra bool, err error) {
	if url, err = transport.ParseURL(text); err != nil || url.Fragment == "" {
		return url, false, err
	}
	if !strings.EqualFold(url.Fragment, "xnsub") {
		return transport.URL{}, false, fmt.Errorf("url %.100q: unknown option %q: only #xnsub is known (extranonce_subscribe)", url, "#"+url.Fragment)
	}
	url.Fragment = ""
	return url, true, nil
}

// newPool checks the pool's settings. An empty name stands for its URL.
func newPool(p Pool, name string, options Options) (*pool, error) {
	url, extra, err := ParseURL(p.URL)
	if err != nil {
		return nil, fmt.Errorf("pool %w", err)
	}
	p.SubscribeExtra = p.SubscribeExtra || extra
	name = cmp.Or(name, url.String())
	if p.User == "" {
		return nil, fmt.Errorf("%s: needs a user, which is at most pools the payout address, with .name for the rig", url)
	}
	if err := v1.CheckCredentials(p.User, p.Password, options.UserAgent, options.Limits); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	log := options.Log.With(zap.String("pool", name))
	d, err := transport.NewDialer(url, transport.Options{TLS: p.TLS, Proxy: p.Proxy, Limits: options.Limits.Limits, Log: log})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return &pool{Pool: p, options: options, name: name, url: url, dialer: d, suggest: suggest.New(p.SuggestDifficulty, p.Rate, log)}, nil
}

// Route is the proxy on the way, if there is one.
func (p *pool) Route() zap.Field {
	if proxy := p.dialer.Proxy(); proxy != "" {
		return zap.String("proxy", proxy)
	}
	return zap.Skip()
}

// Open connects to the pool.
func (p *pool) Open(ctx context.Context, terms upstream.Terms) (upstream.Session, error) {
	conn, err := p.dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	config := p.sessionConfig(terms.Log)
	config.Generation = terms.Number
	config.ResumeState, _ = terms.Resume.(*v1.ResumeState)
	config.Publish, config.Subscribed = terms.Events.Publish, terms.Events.Subscribed
	config.Working, config.Health = terms.Events.Working, terms.Events.Health
	return &session{Session: v1.NewSession(conn, config), pool: p}, nil
}

// sessionConfig configures the pool's next session, except for the functions that
// it calls.
func (p *pool) sessionConfig(log *zap.Logger) v1.Config {
	return v1.Config{
		Pool: p.name, User: p.User, Password: p.Password, UserAgent: p.options.UserAgent,
		NoConfigure: p.noConfigure || p.NoVersionRolling, BareSubscribe: p.bareSubscribe,
		Suggest: p.suggest, SubscribeExtra: p.SubscribeExtra,
		SubmitStale: p.options.SubmitStale, Limits: p.options.Limits, Quirks: &p.quirks, Log: log, Trace: p.options.Trace,
	}
}

// session is a V1 session as a session of an upstream client.
type session struct {
	*v1.Session
	pool *pool
}

// Run runs the session, and adds an advice to its error if it did not get to work.
func (s *session) Run(ctx context.Context) error {
	known := s.pool.known
	err := s.Session.Run(ctx)
	mistake := errors.Is(err, v1.ErrUnauthorized) || errors.Is(err, v1.ErrNoJob)
	status := s.Session.Status()
	if ctx.Err() != nil || (known || status.Authorized) && !mistake { // it works, or has worked
		return err
	}
	if step, advice := s.pool.advice(status, err); advice != "" {
		err = &transport.Fault{Code: step + "_failed", What: err.Error(), Remedy: advice, Err: err}
	}
	return err
}

// Status is what every kind of session knows.
func (s *session) Status() upstream.Status {
	status := s.Session.Status()
	return upstream.Status{
		Subscribed: status.Subscribed, Authorized: status.Authorized, Difficulty: status.Difficulty, Mask: status.VersionMask, PaysUser: status.PaysUser,
	}
}

// Resume is what the next session needs to continue this one.
func (s *session) Resume() upstream.Resume {
	if h := s.ResumeState(); h != nil {
		return h
	}
	return nil
}

// patientFailures is after how many failures in a row a pool is assumed to no
// longer understand what it understood before.
const patientFailures = 10

// Learn records how a handshake went. A simpler handshake that did not help is
// undone, because the failure may have been an accident; the next one is tried
// with the next attempt, so that a pool which hangs up at everything is not
// connected to twice each time.
func (p *pool) Learn(err error, status upstream.Status, failures int) (change event.Phrase) {
	if status.Subscribed {
		p.understood()
	}
	if status.Authorized {
		p.unproven, p.simplerFailed = false, false
	}
	simpler := p.simplify(err, failures)
	switch {
	case simpler != "":
		p.unproven = true
	case p.unproven:
		p.noConfigure, p.bareSubscribe, p.unproven, p.simplerFailed = false, false, false, true
	}
	switch {
	case errors.Is(err, suggest.ErrTooLate):
		return "suggesting a difficulty before the authorization"
	case simpler == "" && status.Subscribed && errors.Is(err, transport.ErrClosed):
		simpler = p.suggest.HungUp(time.Now(), status.Authorized)
	}
	if p.simplerFailed {
		return ""
	}
	return simpler
}

// simplify leaves out the step that the handshake failed at, and returns that in
// words. A pool that took the step before is slow, cut off or restarting: it is
// assumed to have changed only when it fails again and again.
func (p *pool) simplify(err error, failures int) event.Phrase {
	hungUp := errors.Is(err, v1.ErrNoAnswer) || errors.Is(err, transport.ErrClosed)
	patient := failures < patientFailures
	switch {
	case errors.Is(err, v1.ErrConfigure) && p.knowsConfigure && hungUp && patient:
	case errors.Is(err, v1.ErrSubscribe) && p.knowsSubscribe && patient:
	case errors.Is(err, v1.ErrConfigure) && !p.noConfigure:
		p.noConfigure = true
		return "without mining.configure and version rolling"
	case errors.Is(err, v1.ErrSubscribe) && !p.bareSubscribe:
		p.bareSubscribe = true
		return "subscribing without params"
	}
	return ""
}

// understood records what the pool understood in a session. What it did not
// understand only this time is tried again the next.
func (p *pool) understood() {
	p.known = true
	p.knowsConfigure = p.knowsConfigure || !p.noConfigure && !p.NoVersionRolling
	p.knowsSubscribe = p.knowsSubscribe || !p.bareSubscribe
	p.noConfigure = p.noConfigure && !p.knowsConfigure
	p.bareSubscribe = p.bareSubscribe && !p.knowsSubscribe
}

// Class returns what the end of a session means for the next attempt.
func (p *pool) Class(err error) upstream.Class {
	class := upstream.Class{Switch: needsAnother(err)}
	var reconnect *v1.Reconnect
	switch {
	case errors.Is(err, v1.ErrSuspended):
		class.Kind = upstream.Suspended
	case errors.As(err, &reconnect):
		class.Kind, class.Wait, class.Switch = upstream.Moved, reconnect.Wait, true // if they become too many
	case errors.Is(err, v1.ErrDeauthorized):
		class.Kind = upstream.Deauthorized
	case errors.Is(err, v1.ErrUnauthorized):
		class.Kind = upstream.Refused
	case errors.Is(err, transport.ErrCertificate):
		class.Kind = upstream.Misconfigured
	}
	return class
}

// needsAnother reports whether trying again soon will not help, so that another
// pool is wanted at once.
func needsAnother(err error) bool {
	for _, reason := range []error{
		v1.ErrAuthorize, v1.ErrUnauthorized, v1.ErrSubscribe, v1.ErrNoJob, transport.ErrSilent, transport.ErrTimedOut, watch.ErrDeaf, watch.ErrOldJob, v1.ErrFlood, transport.ErrCertificate,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	var name *net.DNSError
	var dial *net.OpError
	return errors.As(err, &name) || errors.As(err, &dial) && dial.Op == "dial" && dial.Timeout()
}

// CheckCredentials reports whether pools take lines as long as these make them.
func CheckCredentials(user, password, userAgent string) error {
	return v1.CheckCredentials(user, password, userAgent, v1.Limits{})
}
