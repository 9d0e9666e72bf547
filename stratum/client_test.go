package stratum

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/internal/testutil"
	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/telemetry"
	"quarry/upstream"
	"quarry/work"
)

type pc = stratumtest.Conn // the pool's side

const patience = 30 * time.Second

// running is a client at work, on a clock that runs fast. Shares wait in it for
// as long as it takes: the usual 120 s are soon over, see waitsBriefly.
type running struct {
	*upstream.Client
	rules upstream.Rules
	clock upstream.Clock
	taps  []*tap
	t     *testing.T
	jobs  chan *work.Job
	ended chan error
	logs  *observer.ObservedLogs
	level zap.AtomicLevel
	stop  context.CancelFunc

	begun time.Time
	speed time.Duration

	mu     sync.Mutex
	waits  []time.Duration
	enough int // waits until the clock stops
}

// speed is how many seconds of the clock go by in one, and calm the same where
// the client must have decided on a failure before the next one comes.
const (
	speed = 200
	calm  = 20
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testutil.SideBySide{M: m, Tests: 16}) }

func run(t *testing.T, options Options, change func(*running)) *running {
	t.Helper()
	level := zap.NewAtomicLevelAt(zap.DebugLevel)
	core, logs := observer.New(level)
	options.Log = zap.New(core)
	for i := range options.Pools {
		if options.Pools[i].User == "" {
			options.Pools[i].User, options.Pools[i].Password = "user.rig", "hunter2"
		}
	}
	list := upstream.Options{
		Strategy: options.Strategy, Failback: options.Failback, Turn: options.Turn, NoRetry: options.NoRetry, Log: options.Log,
	}
	r := &running{t: t, rules: upstream.RulesFor(list), jobs: make(chan *work.Job, 1000), ended: make(chan error, 1), logs: logs, level: level, begun: time.Now(), speed: speed, enough: 1000}
	r.clock = upstream.Clock{Now: r.now, Wait: r.wait, After: r.after, Jitter: func() float64 { return 0 }}
	r.rules.Resubmit = forEver
	var err error
	if list.Members, err = Members(options); err != nil {
		t.Fatal(err)
	}
	for i := range list.Members {
		r.taps = append(r.taps, &tap{Protocol: list.Members[i].Protocol})
		list.Members[i].Protocol = r.taps[i]
	}
	if change != nil {
		change(r)
	}
	list.Rules, list.Clock = &r.rules, &r.clock
	if r.Client, err = upstream.New(list); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- r.Client.Run(ctx, func(j *work.Job) { r.jobs <- j })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		for _, entry := range logs.All() {
			if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, "hunter2") {
				t.Errorf("the password is logged: %s", text)
			}
		}
	})
	return r
}

// waitsBriefly has shares wait for the usual time.
func waitsBriefly(r *running) { r.rules.Resubmit = upstream.RulesFor(upstream.Options{}).Resubmit }

// tap is a pool's protocol, and what was opened by it.
type tap struct {
	upstream.Protocol

	mu       sync.Mutex // guards the rest
	terms    []upstream.Terms
	sessions []*session
}

func (p *tap) Open(ctx context.Context, terms upstream.Terms) (upstream.Session, error) {
	s, err := p.Protocol.Open(ctx, terms)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.terms, p.sessions = append(p.terms, terms), append(p.sessions, s.(*session))
	}
	return s, err
}

func (p *tap) pool() *pool { return p.Protocol.(*pool) }

// last is the newest session, and what it was opened with; nil if there is none.
func (p *tap) last() (*session, upstream.Terms) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sessions) == 0 {
		return nil, upstream.Terms{}
	}
	return p.sessions[len(p.sessions)-1], p.terms[len(p.terms)-1]
}

func (r *running) now() time.Time { return r.begun.Add(r.speed * time.Since(r.begun)) }

func (r *running) wait(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	r.waits = append(r.waits, d)
	enough := len(r.waits) >= r.enough
	r.mu.Unlock()
	if enough {
		r.stop()
	}
	return upstream.RealClock().Wait(ctx, d/r.speed)
}

func (r *running) after(d time.Duration) (<-chan time.Time, func() bool) {
	return upstream.RealClock().After(d / r.speed)
}

func (r *running) job() *work.Job {
	r.t.Helper()
	select {
	case job := <-r.jobs:
		return job
	case err := <-r.ended:
		r.ended <- err
		if len(r.jobs) > 0 {
			return <-r.jobs
		}
		r.t.Fatalf("the client ended with %v", err)
	case <-time.After(patience):
		r.t.Fatalf("no job; the log: %v", r.logs.All())
	}
	return nil
}

// jobOf waits for a job of the pool, after a nil if there was one before.
func (r *running) jobOf(s *stratumtest.Server) *work.Job {
	r.t.Helper()
	job := r.job()
	if job == nil || job.Pool != s.URL {
		r.t.Fatalf("job %+v, want one of %s", job, s.URL)
	}
	return job
}

// noWorkFor waits until the job is no longer worked on, if that is not over
// already.
func (r *running) noWorkFor(old *work.Job) {
	r.t.Helper()
	if job := r.job(); job != nil {
		if job.Session == old.Session {
			r.t.Fatalf("job %+v, want none", job)
		}
		r.jobs <- job
	}
}

func (r *running) noWork() {
	r.t.Helper()
	if job := r.job(); job != nil {
		r.t.Fatalf("job %+v, want none", job)
	}
}

func (r *running) end() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		r.t.Fatal("the client did not end")
	}
	return nil
}

// logged waits for a log line.
func (r *running) logged(message, text string) {
	r.t.Helper()
	if !eventually(func() bool {
		return slices.ContainsFunc(r.logs.FilterMessage(message).All(), func(entry observer.LoggedEntry) bool {
			return strings.Contains(fmt.Sprint(entry.ContextMap()), text)
		})
	}) {
		r.t.Errorf("no log line %q with %q in %v", message, text, r.logs.All())
	}
}

// works is a pool that gives a job and answers shares until it gets one whose
// nonce is 0xdead: then it hangs up.
func works(c *pc) { worksAs(c, stratumtest.Usual()) }

// fresh is a pool like works that gives a new extranonce1 each time.
func fresh(c *pc) {
	offer := stratumtest.Usual()
	offer.Extranonce1 = newExtranonce()
	worksAs(c, offer)
}

func worksAs(c *pc, offer stratumtest.Offer) {
	c.Welcome(offer)
	c.Notify(stratumtest.Sample("1").Params())
	for {
		r := c.Expect("mining.submit")
		if r.Params[4] == "0000dead" {
			return
		}
		c.Result(r, "true")
	}
}

// newExtranonce differs each time.
func newExtranonce() string { return fmt.Sprintf("%016x", rand.Uint64()) }

func share(job *work.Job, nonce uint32) *work.Share {
	s := &work.Share{Job: job, Extranonce2: make([]byte, job.Extranonce2Size), NTime: job.NTime, Version: job.Version, Nonce: nonce}
	header := job.Header(s.Extranonce2, s.Version, s.NTime, s.Nonce)
	s.Hash = header.Hash()
	return s
}

func (r *running) submit(s *work.Share) work.Verdict {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.Submit(ctx, s)
}

func pools(urls ...string) Options {
	o := Options{UserAgent: "quarry/test", Failback: 2 * time.Minute, Turn: time.Minute}
	o.Limits.LateTerms = 20 * time.Millisecond
	for _, url := range urls {
		o.Pools = append(o.Pools, Pool{URL: url})
	}
	return o
}

func TestMineOverEveryScheme(t *testing.T) {
	certificate, ca := stratumtest.Certificate(t)
	for _, server := range []*stratumtest.Server{
		stratumtest.Serve(t, works), stratumtest.ServeTLS(t, certificate, works), stratumtest.ServeWS(t, works), stratumtest.ServeWSS(t, certificate, works),
	} {
		options := pools(server.URL)
		if u, _ := transport.ParseURL(server.URL); u.TLS() {
			options.Pools[0].TLS.CAFile = ca
		}
		r := run(t, options, nil)
		job := r.jobOf(server)
		if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
			t.Errorf("%s: %v", server.URL, v)
		}
		status, opened := r.Status()[0], r.taps[0].sessions[0].Session.Status()
		if !status.Connected || status.State != telemetry.PoolActive || status.URL != server.URL || status.User != "user.rig" || status.Connects != 1 || status.Difficulty.Value != 1 {
			t.Errorf("%s: status %+v", server.URL, status)
		}
		if !opened.Authorized || opened.SessionID != "deadbeef" {
			t.Errorf("%s: session %+v", server.URL, opened)
		}
		r.stop()
		if err := r.end(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: ended with %v", server.URL, err)
		}
		r.noWork()
		if status := r.Status()[0]; status.Connected || status.State != telemetry.PoolUnused {
			t.Errorf("%s: status %+v after the end", server.URL, status)
		}
	}
}

func TestFailover(t *testing.T) {
	first, second := stratumtest.Serve(t, fresh), stratumtest.Serve(t, fresh)
	dead := "stratum+tcp://" + stratumtest.ClosedPort(t)
	r := mineFailures(t, pools(dead, first.URL, second.URL))
	one := r.jobOf(first)
	r.logged("pool failed", "retry_in")
	r.logged("pool failed", dead)
	r.logged("active pool", first.URL)
	if v := r.submit(share(one, 0xdead)); !disconnected(v) { // the pool does not resume sessions
		t.Errorf("share under way at the loss: %v", v)
	}
	r.noWorkFor(one)
	again := r.jobOf(first) // a single failure is no reason to leave
	if again.Session <= one.Session {
		t.Errorf("session %d after %d", again.Session, one.Session)
	}
	if v := r.submit(share(one, 1)); !disconnected(v) {
		t.Errorf("share of the lost session: %v", v)
	}
	if v := r.submit(share(again, 1)); v.Kind != work.Accepted {
		t.Error(v)
	}
	if n := second.Connections(); n != 0 {
		t.Errorf("%d connections to the second pool", n)
	}
	first.Close()
	r.noWorkFor(again)
	two := r.jobOf(second)
	if v := r.submit(share(two, 1)); v.Kind != work.Accepted {
		t.Error(v)
	}
}

func TestBackoff(t *testing.T) {
	r := run(t, pools("stratum+tcp://"+stratumtest.ClosedPort(t)), func(r *running) { still(r); r.enough = 8 })
	if err := r.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	const s = time.Second
	r.paused(1*s, 2*s, 4*s, 8*s, 16*s, 32*s, 60*s, 60*s)
}

// TestClass: what a session's end means for the next attempt.
func TestClass(t *testing.T) {
	p := &pool{}
	for _, c := range []struct {
		err  error
		want upstream.Class
	}{
		{errors.New("broken"), upstream.Class{}},
		{transport.ErrClosed, upstream.Class{}},
		{transport.ErrCertificate, upstream.Class{Kind: upstream.Misconfigured, Switch: true}},
		{v1.ErrUnauthorized, upstream.Class{Kind: upstream.Refused, Switch: true}},
		{v1.ErrDeauthorized, upstream.Class{Kind: upstream.Deauthorized}},
		{v1.ErrSuspended, upstream.Class{Kind: upstream.Suspended}},
		{&v1.Reconnect{Wait: 5 * time.Second}, upstream.Class{Kind: upstream.Moved, Wait: 5 * time.Second, Switch: true}},
		{v1.ErrNoJob, upstream.Class{Switch: true}},
		{transport.ErrSilent, upstream.Class{Switch: true}},
		{v1.ErrFlood, upstream.Class{Switch: true}},
		{&net.DNSError{}, upstream.Class{Switch: true}},
	} {
		if got := p.Class(fmt.Errorf("x: %w", c.err)); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, got, c.want)
		}
	}
}

func TestNoRetry(t *testing.T) {
	web := httptest.NewServer(nil)
	defer web.Close()
	hangsUp := stratumtest.Serve(t, func(*pc) {})
	options := pools("tcp://"+stratumtest.ClosedPort(t), "tcp://"+web.Listener.Addr().String(), hangsUp.URL)
	options.NoRetry = true
	err := run(t, options, nil).end()
	if !errors.Is(err, work.ErrNoWork) || !errors.Is(err, v1.ErrNotStratum) {
		t.Errorf("ended with %v", err)
	}
	for _, part := range []string{"refused", "HTTP/1.1 400", "stratum+ssl://"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if n := hangsUp.Connections(); n > 2 { // with and without mining.configure
		t.Errorf("%d connections", n)
	}
}

// TestNoRetryLater: a pool that worked and is gone ends the client, too.
func TestNoRetryLater(t *testing.T) {
	server := stratumtest.Serve(t, works, func(*pc) {})
	options := pools("tcp://"+stratumtest.ClosedPort(t), server.URL)
	options.NoRetry = true
	r := run(t, options, nil)
	job := r.jobOf(server)
	r.submit(share(job, 0xdead))
	if err := r.end(); !errors.Is(err, work.ErrNoWork) {
		t.Errorf("ended with %v", err)
	}
	for _, p := range r.Client.Status() {
		if p.State != telemetry.PoolFailed {
			t.Errorf("%s is %s in the end", p.URL, p.State)
		}
	}
}

// TestSimplerHandshake: what a pool does not understand is left out at once,
// and from then on.
func TestSimplerHandshake(t *testing.T) {
	for name, refuse := range map[string]stratumtest.Script{
		"error":   func(c *pc) { c.Error(c.Expect("mining.configure"), `[-3,"Method not found",null]`); c.Hang() },
		"hang up": func(c *pc) { c.Expect("mining.configure") },
		"silence": func(c *pc) { c.Expect("mining.configure"); c.Hang() },
	} {
		t.Run(name, func(t *testing.T) {
			without := func(c *pc) {
				if requests := c.Welcome(stratumtest.Usual()); len(requests) != 2 {
					t.Errorf("the handshake has %v", requests)
				}
				c.Notify(stratumtest.Sample("1").Params())
				if r := c.Expect("mining.submit"); len(r.Params) != 5 {
					t.Errorf("sent %s", r.Line)
				}
			}
			server := stratumtest.Serve(t, refuse, without, without)
			options := pools(server.URL)
			options.Limits.Configure, options.Limits.Handshake = 200*time.Millisecond, time.Second
			r := run(t, options, nil)
			for range 2 { // the second time it is remembered
				go r.submit(share(r.jobOf(server), 1))
			}
			if server.Connections() < 3 {
				t.Errorf("%d connections", server.Connections())
			}
		})
	}
}

// TestSimplerHandshakeIsForgotten when it did not help: the pool was only
// restarting.
func TestSimplerHandshakeIsForgotten(t *testing.T) {
	hangUp := func(c *pc) { c.Read() }
	server := stratumtest.Serve(t, hangUp, hangUp, works)
	r := run(t, pools(server.URL), nil)
	if job := r.jobOf(server); job.VersionMask == 0 {
		t.Error("version rolling was given up")
	}
}

// TestRestartKeepsVersionRolling: a pool that has agreed to it is not taken for
// one that cannot, because of one hang-up while it restarts.
func TestRestartKeepsVersionRolling(t *testing.T) {
	serves := func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
		c.Read()
	}
	hangUp := func(c *pc) { c.Read() }
	server := stratumtest.Serve(t, serves, hangUp, serves, hangUp, works)
	r := run(t, pools(server.URL), nil)
	for range 2 {
		go r.submit(share(r.jobOf(server), 1))
	}
	if job := r.jobOf(server); job.VersionMask == 0 || server.Connections() != 5 {
		t.Errorf("version mask %08x at connection %d", job.VersionMask, server.Connections())
	}
}

// TestSimplerHandshakeTakesTurns: a pool that hangs up at everything is not
// connected to twice at each attempt, yet the simpler handshake is tried again.
func TestSimplerHandshakeTakesTurns(t *testing.T) {
	hangUp := func(c *pc) { c.Read() }
	without := func(c *pc) {
		if c.Read().Method == "mining.configure" {
			return
		}
		c.Hang()
	}
	server := stratumtest.Serve(t, hangUp, hangUp, hangUp, hangUp, without, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
		c.Hang()
	})
	r := run(t, pools(server.URL), still) // so that no pause is over before it begins
	if job := r.jobOf(server); job.VersionMask != 0 {
		t.Error("the fifth connection was hung up at for its mining.configure, but the sixth had it too")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := server.Connections(); n != 6 || len(r.waits) != 4 {
		t.Errorf("%d connections, %d pauses, want one connection for each attempt after the first", n, len(r.waits))
	}
}

func TestBareSubscribe(t *testing.T) {
	refuse := func(c *pc) {
		c.Result(c.Expect("mining.configure"), `{"version-rolling":false}`)
		c.Error(c.Expect("mining.subscribe"), `[20,"too many params",null]`)
		c.Hang()
	}
	server := stratumtest.Serve(t, refuse, func(c *pc) {
		if r := c.Welcome(stratumtest.Usual())["mining.subscribe"]; len(r.Params) != 0 {
			t.Errorf("sent %s", r.Line)
		}
		c.Notify(stratumtest.Sample("1").Params())
		c.Hang()
	})
	run(t, pools(server.URL), nil).jobOf(server)
}

func TestUserRefused(t *testing.T) {
	refuses := stratumtest.Serve(t, func(c *pc) {
		c.Result(c.Expect("mining.configure"), `{}`)
		c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
		c.Difficulty("1")
		c.Notify(stratumtest.Sample("1").Params()) // before the authorization, as many do
		c.Error(c.Expect("mining.authorize"), `[24,"no such user, hunter2",null]`)
		c.Hang()
	})
	t.Run("alone", func(t *testing.T) {
		r := run(t, pools(refuses.URL), func(r *running) { still(r); r.enough = 3 })
		r.end()
		r.paused(30*time.Second, time.Minute, 2*time.Minute)
		r.logged("pool failed", `the pool refuses the user "user.rig": no such user, *** (24)`)
	})
	t.Run("with another pool", func(t *testing.T) {
		other := stratumtest.Serve(t, works)
		r := run(t, pools(refuses.URL, other.URL), nil)
		r.jobOf(refuses)
		r.noWork()
		r.jobOf(other)
	})
	t.Run("without retries", func(t *testing.T) {
		options := pools(refuses.URL)
		options.NoRetry = true
		if err := run(t, options, nil).end(); !errors.Is(err, work.ErrNoWork) || !errors.Is(err, v1.ErrUnauthorized) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestResume: the session id goes to the pool that it came from, and to no
// other.
func TestResume(t *testing.T) {
	asked := make(chan string, 1000)
	script := func(id string) stratumtest.Script {
		return func(c *pc) {
			offer := stratumtest.Usual()
			offer.SessionID = id
			asked <- fmt.Sprint(id, c.Welcome(offer)["mining.subscribe"].Params)
			c.Notify(stratumtest.Sample("1").Params())
			c.Read()
		}
	}
	first, second := stratumtest.Serve(t, script("a1")), stratumtest.Serve(t, script("b1"))
	options := pools(first.URL, second.URL)
	options.Strategy, options.Turn = upstream.StrategyRoundRobin, 5*time.Second
	r := run(t, options, nil)
	seen := make(map[string]int)
	for late := time.After(patience); seen["a1[quarry/test a1]"] == 0 || seen["b1[quarry/test b1]"] == 0; {
		select {
		case job := <-r.jobs:
			if job != nil {
				go r.submit(share(job, 1)) // at which the pool hangs up
			}
		case subscription := <-asked:
			seen[subscription]++
			if id, params := subscription[:2], subscription[2:]; params != "[quarry/test]" && params != "[quarry/test "+id+"]" {
				t.Fatalf("the pool of session %s was asked with %s", id, params)
			}
		case <-late:
			t.Fatalf("subscriptions %v; the log: %v", seen, r.logs.All())
		}
	}
}

func TestReconnectWaits(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
		c.Send(`{"id":null,"method":"client.reconnect","params":["evil.example",3333,7]}`)
		c.Hang()
	}, works)
	r := run(t, pools(server.URL), still)
	one := r.jobOf(server)
	if two := r.jobOf(server); two.Session == one.Session {
		t.Error("no new session")
	}
	r.paused(7 * time.Second)
	r.logged("leaving the pool", "asked to reconnect")
	if r.logs.FilterMessage("pool lost").Len()+r.logs.FilterMessage("pool failed").Len() != 0 {
		t.Errorf("taken for a failure: %v", r.logs.All())
	}
}

// TestStopsAtOnce: the end of the context ends every phase.
func TestStopsAtOnce(t *testing.T) {
	for name, script := range map[string]stratumtest.Script{
		"handshake": func(c *pc) { c.Hang() },
		"no job":    func(c *pc) { c.Welcome(stratumtest.Usual()); c.Hang() },
		"working":   works,
	} {
		server := stratumtest.Serve(t, script)
		options := pools(server.URL)
		options.Limits.Configure = time.Hour // like the other phases, longer than a test waits
		r := run(t, options, nil)
		if !eventually(func() bool { return server.Connections() > 0 }) {
			t.Errorf("%s: no connection", name)
		}
		r.stop()
		if err := r.end(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("pause", func(t *testing.T) {
		waiting := make(chan struct{}, 100)
		r := run(t, pools("tcp://"+stratumtest.ClosedPort(t)), func(r *running) {
			r.clock.Wait = func(ctx context.Context, d time.Duration) error {
				waiting <- struct{}{}
				return upstream.RealClock().Wait(ctx, time.Hour)
			}
		})
		<-waiting
		if status := r.Status()[0]; status.RetryAt.IsZero() || status.LastError == "" || status.Connected || status.State != telemetry.PoolWaiting {
			t.Errorf("status %+v", status)
		}
		r.stop()
		if err := r.end(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		pools []Pool
		want  string
	}{
		{nil, "no pool"},
		{[]Pool{{URL: "pool:0", User: "u"}}, "65535"},
		{[]Pool{{URL: "pool:1"}}, "needs a user"},
		{[]Pool{{URL: "pool:1", User: "u"}, {URL: "tcp://POOL:1", User: "u"}}, "pool 2: stratum+tcp://pool:1 (u) is listed twice"},
		{[]Pool{{URL: "pool:1", User: strings.Repeat("u", 900), Password: "hunter2"}}, "too long"},
		{[]Pool{{URL: "pool:1", User: "u", TLS: transport.TLSOptions{Insecure: true}}}, "no effect"},
		{[]Pool{{URL: "ssl://pool:1", User: "u", TLS: transport.TLSOptions{CAFile: "/nowhere/ca.pem"}}}, "/nowhere/ca.pem"},
		{[]Pool{{URL: "ftp://pool:1", User: "u"}, {URL: "pool", User: "u"}}, "pool 2"},
	} {
		if client, err := New(Options{Pools: c.pools}); err == nil || client != nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v, want %q", c.pools, err, c.want)
		}
	}
}

// TestOddReplyKeepsTheSession: a pool that has taken the full handshake gives
// one odd reply to mining.subscribe. It is asked in full again, and resumes.
func TestOddReplyKeepsTheSession(t *testing.T) {
	asked := make(chan []any, 10)
	hangsUp := func(c *pc) {
		asked <- c.Welcome(stratumtest.Usual())["mining.subscribe"].Params
		c.Notify(stratumtest.Sample("1").Params())
	}
	server := stratumtest.Serve(t, hangsUp, func(c *pc) {
		c.Result(c.Expect("mining.configure"), `{}`)
		r := c.Expect("mining.subscribe")
		asked <- r.Params
		c.Result(r, `[[],"odd",4]`)
		c.Hang()
	}, hangsUp, func(c *pc) { c.Hang() })
	r := run(t, pools(server.URL), nil)
	r.jobOf(server)
	for i, want := range []string{"[quarry/test]", "[quarry/test deadbeef]", "[quarry/test deadbeef]"} {
		select {
		case params := <-asked:
			if fmt.Sprint(params) != want {
				t.Errorf("subscription %d: %v, want %s", i+1, params, want)
			}
		case <-time.After(patience):
			t.Fatalf("%d subscriptions; the log: %v", i, r.logs.All())
		}
	}
}

// TestRefusalIsNotForGood: configure refused once by a pool that knows it costs
// one session its version rolling.
func TestRefusalIsNotForGood(t *testing.T) {
	knows := func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("1").Params())
		c.Read()
	}
	server := stratumtest.Serve(t, knows, func(c *pc) {
		c.Error(c.Expect("mining.configure"), `[-3,"Method not found",null]`)
		knows(c)
	}, knows, works)
	r := run(t, pools(server.URL), nil)
	for i, want := range []bool{true, false, true} {
		job := r.job()
		for job == nil {
			job = r.job()
		}
		if (job.VersionMask != 0) != want {
			t.Errorf("session %d: version mask %08x", i+1, job.VersionMask)
		}
		go r.submit(share(job, uint32(i)))
	}
}

// disconnected reports whether the share's connection was gone.
func disconnected(v work.Verdict) bool { return v.LostFor(work.LostDisconnected) }
