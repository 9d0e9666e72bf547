package stratum

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/stratum/printable"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/upstream"
	"quarry/work"
)

// State is how a step of a check went.
type State string

// The states.
const (
	StateOK   State = "ok"
	StateWarn State = "warn" // it works, but should be looked at
	StateFail State = "fail" // the pool cannot be mined
)

// Step is one step of a check.
type Step struct {
	Name   string // dns, proxy, tcp, tls, websocket, handshake, subscribe, authorize, job
	State  State
	Text   string         // what was found; printable, one line
	Advice string         // what to do about it; empty if nothing, or if the text says so
	Took   time.Duration  // 0: not measured
	Facts  map[string]any // what was found, for programs
}

// Offer is the work that a pool gives.
type Offer struct {
	Job        *work.Job
	Difficulty hashing.Difficulty // of its next job, which may differ from Job's
}

const (
	checkTime = 3 * time.Minute // that a check may take
	graceTime = 2 * time.Second // for a late set_difficulty or disconnect
)

// Check goes to the pool's first job step by step, and reports each step. It has
// the same limits as mining, submits nothing and hangs up at the end. The error is
// the one that mining would fail with, or the context's.
func Check(ctx context.Context, p Pool, o Options, report func(Step)) (*Offer, error) {
	o = o.withDefaults()
	made, err := newPool(p, "", o)
	if err != nil {
		return nil, err
	}
	c := check{pool: made, options: o, report: report, grace: graceTime}
	return c.run(ctx)
}

type check struct {
	pool    *pool
	options Options
	report  func(Step)
	grace   time.Duration
	again   bool // the way to the pool was reported already
}

// failure is a step that ends the check.
type failure struct {
	step, advice string
	error
}

// Unwrap is the reason.
func (f *failure) Unwrap() error { return f.error }

// report returns the step. A fault on the way to the pool has an advice of its own.
func (f *failure) report() Step {
	s := Step{Name: f.step, State: StateFail, Text: printable.Sanitize(f.Error()), Advice: f.advice}
	if fault := (*transport.Fault)(nil); errors.As(f.error, &fault) {
		s.Text, s.Advice, s.Facts = fault.What, fault.Remedy, map[string]any{"reason": fault.Code}
		if fault.Pin != "" {
			s.Facts["pin"] = fault.Pin
		}
	}
	return s
}

func (c *check) run(ctx context.Context) (*Offer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, fmt.Errorf("the check took longer than %v", checkTime))
	defer cancel()
	offer, err := c.attempts(ctx)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) { // that says nothing about the pool
		fail := &failure{error: err}
		errors.As(err, &fail)
		c.report(fail.report())
	}
	return offer, err
}

// attempts makes one attempt, or more where the pool needs a simpler handshake.
func (c *check) attempts(ctx context.Context) (*Offer, error) {
	if err := c.names(ctx); err != nil {
		return nil, err
	}
	for {
		offer, err := c.attempt(ctx)
		simpler := c.pool.Learn(err, upstream.Status{Authorized: offer != nil}, 0)
		if simpler == "" || ctx.Err() != nil {
			return offer, err
		}
		c.again = true
		c.report(Step{Name: "handshake", State: StateWarn, Text: printable.Sanitize(err.Error()), Advice: "quarry continues " + string(simpler)})
	}
}

func (c *check) attempt(ctx context.Context) (*Offer, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return c.session(ctx, conn)
}

// reportWay reports a step that is the same in every attempt.
func (c *check) reportWay(s Step) {
	if !c.again {
		c.report(s)
	}
}

// names looks up the pool's name, unless the proxy does that.
func (c *check) names(ctx context.Context) error {
	d := c.pool.dialer
	began := time.Now()
	addresses, err := d.Lookup(ctx)
	switch {
	case err == nil && len(addresses) == 0:
		return nil
	case err != nil:
		return &failure{"dns", "", err}
	}
	s := Step{Name: "dns", State: StateOK, Took: time.Since(began)}
	var texts []string
	unusable := 0
	for _, a := range addresses {
		switch {
		case a.IsUnspecified():
			unusable++
		case transport.SuspectAddress(d.URL.Host, a):
			s.State, s.Advice = StateWarn, "a private address for a public name: fine for your own pool, else check this machine's name server"
		}
		texts = append(texts, a.String())
	}
	const shown = 8
	s.Facts = map[string]any{"addresses": texts}
	s.Text = strings.Join(texts[:min(len(texts), shown)], ", ")
	if len(texts) > shown {
		s.Text += fmt.Sprintf(" and %d more", len(texts)-shown)
	}
	if unusable == len(addresses) {
		return &failure{"dns", "the name is blocked or wrong: check it, and this machine's name server", fmt.Errorf("%s resolves only to unusable addresses: %s", d.URL.Host, s.Text)}
	}
	c.report(s)
	return nil
}

// connect opens the connection, step by step.
func (c *check) connect(ctx context.Context) (transport.Conn, error) {
	d := c.pool.dialer
	step, advice := "tcp", "check host and port, and whether a firewall is in between"
	if d.Proxy() != "" {
		step, advice = "proxy", "check that the proxy runs, and that it allows connections to the pool's port"
	}
	began := time.Now()
	conn, err := d.Connect(ctx)
	if err != nil {
		if errors.Is(err, transport.ErrProxyUser) { // it says itself what to do
			advice = ""
		}
		return nil, &failure{step, advice, err}
	}
	s := Step{Name: step, State: StateOK, Took: time.Since(began), Text: conn.RemoteAddr().String()}
	s.Facts = map[string]any{"address": s.Text}
	if proxy := d.Proxy(); proxy != "" {
		s.Text = proxy + " reaches " + d.URL.Address()
		s.Facts["proxy"] = proxy
	}
	c.reportWay(s)
	if conn, err = c.secure(ctx, conn); err != nil {
		return nil, err
	}
	began = time.Now()
	messages, err := d.Open(ctx, conn)
	if err != nil {
		return nil, &failure{"websocket", "", err}
	}
	if d.URL.WebSocket() {
		c.reportWay(Step{Name: "websocket", State: StateOK, Text: "open", Took: time.Since(began)})
	}
	return messages, nil
}

// secure does the TLS handshake, if the pool's URL wants one.
func (c *check) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	d := c.pool.dialer
	if !d.URL.TLS() {
		c.reportWay(Step{Name: "tls", State: StateOK, Text: "none: traffic to this pool can be read and changed on the way", Facts: map[string]any{"encrypted": false}})
		return conn, nil
	}
	began := time.Now()
	conn, err := d.Secure(ctx, conn)
	if err != nil {
		return nil, &failure{"tls", "", err} // it says itself what to do
	}
	if client, ok := conn.(*tls.Conn); ok {
		c.reportWay(certificateStep(c.pool.TLS, client.ConnectionState(), time.Since(began)))
	}
	return conn, nil
}

// session shakes hands and waits for the first job.
func (c *check) session(ctx context.Context, t transport.Conn) (*Offer, error) {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var job atomic.Pointer[work.Job]
	subscribed, working, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	p, began := c.pool, time.Now()
	config := p.sessionConfig(c.options.Log.With(zap.String("pool", p.url.String())))
	config.Publish = func(j *work.Job) { job.Store(j) }
	config.Subscribed = func(bool) { close(subscribed) }
	config.Working = func() { close(working) }
	s := v1.NewSession(t, config)
	go func() { ended <- s.Run(ctx) }()
	worked, err := c.follow(s, began, subscribed, working, ended)
	if err != nil {
		return nil, c.failed(s.Status(), err)
	}
	hangUp()
	<-ended
	c.report(jobStep(job.Load(), worked.Sub(began)))
	return &Offer{Job: job.Load(), Difficulty: s.Status().Difficulty}, nil
}

// follow reports the steps of a session until it has a job, and waits for the
// grace time. The error is why the session ended before.
func (c *check) follow(s *v1.Session, began time.Time, subscribed, working <-chan struct{}, ended chan error) (worked time.Time, err error) {
	if err := passed(subscribed, ended); err != nil {
		return worked, err
	}
	c.report(subscribeStep(s.Status(), time.Since(began), c.pool.NoVersionRolling))
	err = passed(working, ended)
	worked = time.Now()
	if s.Status().Authorized {
		c.report(Step{Name: "authorize", State: StateOK, Text: "as " + c.pool.User, Facts: map[string]any{"user": c.pool.User}})
	}
	if err != nil {
		return worked, err
	}
	timer := time.NewTimer(c.grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		return worked, fmt.Errorf("the pool hung up just after its first job: %w", err)
	case <-timer.C:
		return worked, nil
	}
}

// passed waits until the session has passed a point; the error is why it ended
// before that.
func passed(point <-chan struct{}, ended chan error) error {
	select {
	case <-point:
		return nil
	case err := <-ended:
		select {
		case <-point: // first
			ended <- err
			return nil
		default:
			return err
		}
	}
}

// failed returns the step at which the session ended.
func (c *check) failed(status v1.Status, err error) error {
	step, advice := c.pool.advice(status, err)
	return &failure{step, advice, err}
}
