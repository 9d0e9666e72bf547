package stratum

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
)

// checkPassword must not show in what a check says.
const checkPassword = "hunter2-zebra"

// checked checks a pool and returns the steps as "name state", and all that was
// said.
func checked(t *testing.T, p Pool, limits v1.Limits, grace time.Duration) (steps []string, said string, offer *Offer, err error) {
	t.Helper()
	if p.User == "" {
		p.User = "rig.1"
	}
	o := Options{Limits: limits}.withDefaults()
	made, err := newPool(p, "", o)
	if err != nil {
		t.Fatal(err)
	}
	c := check{pool: made, options: o, grace: grace, report: func(s Step) {
		steps = append(steps, s.Name+" "+string(s.State))
		said += fmt.Sprintf("%s: %s -> %s\n", s.Name, s.Text, s.Advice)
	}}
	offer, err = c.run(context.Background())
	if strings.Contains(said, checkPassword) || strings.Count(said, "\n") != len(steps) {
		t.Errorf("said %q", said)
	}
	return steps, said, offer, err
}

// serves is a pool that does, and reads on until the miner hangs up.
func serves(c *stratumtest.Conn) {
	c.Welcome(stratumtest.Usual())
	c.Notify(today("1").Params())
	c.Difficulty("512") // after the job it is not for
	c.Hang()
}

func TestCheckGoodPools(t *testing.T) {
	t.Parallel()
	certificate, ca := stratumtest.Certificate(t)
	polite := make(chan string, 1)
	plain := stratumtest.Serve(t, func(c *stratumtest.Conn) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		c.Difficulty("512")
		line := make([]byte, 100)
		n, _ := c.Raw().Read(line)
		polite <- string(line[:n])
	})
	secure, web := stratumtest.ServeTLS(t, certificate, serves), stratumtest.ServeWS(t, serves)
	cases := []struct {
		pool  Pool
		steps string
		says  []string
	}{
		{Pool{URL: plain.URL}, "tcp ok, tls ok, subscribe ok, authorize ok, job ok",
			[]string{"extranonces of 4 and 4 bytes, version rolling 1fffe000", "as rig.1", "block 2442185, ", "s old"}},
		{Pool{URL: secure.URL, TLS: transport.TLSOptions{CAFile: ca}}, "tcp ok, tls warn, subscribe ok, authorize ok, job ok",
			[]string{`TLS 1.3, certificate of "CN=stratumtest" by "CN=stratumtest", 0 days left, --tls-pin sha256:`, "expires soon"}},
		{Pool{URL: secure.URL, TLS: transport.TLSOptions{Insecure: true}}, "tcp ok, tls warn, subscribe ok, authorize ok, job ok", []string{"not verified"}},
		{Pool{URL: web.URL, NoVersionRolling: true}, "tcp ok, tls ok, websocket ok, subscribe ok, authorize ok, job ok", []string{"not asked for"}},
		{Pool{URL: "stratum+tcp://pool.invalid:1", Proxy: transport.ProxyOptions{
			URL: stratumtest.ServeSOCKS5(t, stratumtest.ProxyRules{Hosts: map[string]string{"pool.invalid": stratumtest.Serve(t, serves).Address}}).URL,
		}}, "proxy ok, tls ok, subscribe ok, authorize ok, job ok", []string{"reaches pool.invalid:1"}},
	}
	t.Run("each", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.steps, func(t *testing.T) {
				t.Parallel()
				steps, said, offer, err := checked(t, c.pool, v1.Limits{}, 2*time.Second) // until the difficulty is there
				if got := strings.Join(steps, ", "); err != nil || got != c.steps {
					t.Errorf("%s: %s, %v; want %s", c.pool.URL, got, err, c.steps)
					return
				}
				if offer.Job.ID != "1" || offer.Difficulty.String() != "512" {
					t.Errorf("%s: job %s, difficulty %v", c.pool.URL, offer.Job.ID, offer.Difficulty)
				}
				for _, text := range c.says {
					if !strings.Contains(said, text) {
						t.Errorf("%s: no %q in\n%s", c.pool.URL, text, said)
					}
				}
			})
		}
	})
	if rest := <-polite; rest != "" {
		t.Errorf("after the first job the check said %q", rest)
	}
}

// TestCheckBadPools: the step that fails is the last, and says what to do.
func TestCheckBadPools(t *testing.T) {
	certificate, _ := stratumtest.Certificate(t)
	answer := func(c *stratumtest.Conn, failing string) {
		for {
			r := c.Read()
			switch {
			case r.Method == failing:
				c.Error(r, `[24,"no",null]`)
			case r.Method == "mining.subscribe":
				c.Result(r, `[[["mining.notify","a"]],"0a0b",4]`)
			case r.Method == "mining.configure":
				c.Result(r, `{}`)
			default:
				c.Result(r, "true")
			}
		}
	}
	old := stratumtest.Sample("1")
	for _, c := range []struct {
		name   string
		script stratumtest.Script
		steps  string
		says   string
	}{
		{"hangs up at once", func(c *stratumtest.Conn) {}, "handshake warn, subscribe fail", "stratum+ssl://"},
		{"is no pool", func(c *stratumtest.Conn) { c.Read(); c.Send("HTTP/1.1 400 Bad Request"); c.Hang() }, "subscribe fail", "another kind of server"},
		{"is silent", func(c *stratumtest.Conn) { c.Hang() }, "handshake warn, subscribe fail", "no answer to mining.subscribe"},
		{"refuses to subscribe", func(c *stratumtest.Conn) { answer(c, "mining.subscribe") }, "handshake warn, subscribe fail", "try again later"},
		{"refuses the user", func(c *stratumtest.Conn) { answer(c, "mining.authorize") }, "subscribe ok, authorize fail", "payout address"},
		{"has no job", func(c *stratumtest.Conn) { answer(c, "") }, "subscribe ok, authorize ok, job fail", "no work for us"},
		{"hangs up after the job", func(c *stratumtest.Conn) { c.Welcome(stratumtest.Usual()); c.Notify(today("1").Params()) }, "subscribe ok, authorize ok, job fail", "hung up just after"},
		{"knows no configure", func(c *stratumtest.Conn) {
			r := c.Read()
			if r.Method == "mining.configure" {
				c.Error(r, `[-3,"Method not found",null]`)
				return
			}
			c.Result(r, `[[["mining.notify","a"]],"0a0b",4]`)
			c.Result(c.Expect("mining.authorize"), "true")
			c.Notify(today("1").Params())
			c.Hang()
		}, "handshake warn, subscribe ok, authorize ok, job ok", "without mining.configure"},
		{"has an old job", func(c *stratumtest.Conn) { c.Welcome(stratumtest.Usual()); c.Notify(old.Params()); c.Hang() },
			"subscribe ok, authorize ok, job warn", " days old -> check this machine's clock"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stratumtest.Serve(t, c.script)
			limits, grace := v1.Limits{}, time.Millisecond
			switch c.name { // what never comes is not waited for long
			case "is silent":
				limits.Configure, limits.Handshake = 100*time.Millisecond, 100*time.Millisecond
			case "has no job":
				limits.FirstJob = 100 * time.Millisecond
			case "hangs up after the job":
				grace = time.Minute
			}
			steps, said, offer, err := checked(t, Pool{URL: s.URL, Password: checkPassword}, limits, grace)
			if got := strings.Join(steps, ", "); got != "tcp ok, tls ok, "+c.steps || !strings.Contains(said, c.says) {
				t.Errorf("%s, %v; want %s and %q in\n%s", got, err, c.steps, c.says, said)
			}
			if failed := strings.HasSuffix(c.steps, "fail"); failed != (err != nil) || failed != (offer == nil) {
				t.Errorf("error %v, offer %v", err, offer)
			}
		})
	}
	s := stratumtest.ServeTLS(t, certificate, serves)
	for _, c := range []struct {
		pool         Pool
		steps, error string
	}{
		{Pool{URL: s.URL}, "tcp ok, tls fail", "--tls-pin sha256:"},
		{Pool{URL: "stratum+tcp://" + stratumtest.ClosedPort(t)}, "tcp fail", "refused"},
		{Pool{URL: "ws://" + s.Address}, "tcp ok, tls ok, websocket fail", "websocket"},
		{Pool{URL: s.URL, Proxy: transport.ProxyOptions{URL: "http://" + stratumtest.ClosedPort(t)}}, "proxy fail", "refused"},
	} {
		if steps, _, _, err := checked(t, c.pool, v1.Limits{}, time.Minute); strings.Join(steps, ", ") != c.steps || err == nil || !strings.Contains(err.Error(), c.error) {
			t.Errorf("%+v: %s, %v", c.pool, steps, err)
		}
	}
}

// TestCheckNames: the addresses of a name, and names that are none.
func TestCheckNames(t *testing.T) {
	names := &stratumtest.Names{}
	_, port, _ := net.SplitHostPort(stratumtest.Serve(t, serves).Address)
	o := Options{}.withDefaults()
	for _, c := range []struct {
		addresses []string
		step      string
	}{
		{nil, "dns fail no such host"},
		{[]string{"0.0.0.0", "::"}, "dns fail resolves only to unusable addresses"},
		{[]string{"127.0.0.1", "0.0.0.0"}, "dns warn 127.0.0.1"},
	} {
		made, err := newPool(Pool{URL: "stratum+tcp://pool.example.org:" + port, User: "x"}, "", o)
		if err != nil {
			t.Fatal(err)
		}
		made.dialer.Resolver = names.Resolver()
		names.Set("pool.example.org", c.addresses...)
		var steps []string
		k := check{pool: made, options: o, grace: time.Millisecond, report: func(s Step) { steps = append(steps, s.Name+" "+string(s.State)+" "+s.Text) }}
		_, err = k.run(context.Background())
		want := strings.Fields(c.step)
		if !slices.ContainsFunc(steps, func(s string) bool {
			return strings.HasPrefix(s, want[0]+" "+want[1]) && strings.Contains(s, strings.Join(want[2:], " "))
		}) || (want[1] == "fail") != (err != nil) {
			t.Errorf("%v: %q, %v", c.addresses, steps, err)
		}
	}
}

// TestCheckEnds: with its context, whatever the pool does.
func TestCheckEnds(t *testing.T) {
	asked := make(chan struct{})
	s := stratumtest.Serve(t, func(c *stratumtest.Conn) { c.Read(); close(asked); c.Hang() })
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	offer, err := Check(ctx, Pool{URL: s.URL, User: "x"}, Options{}, func(Step) {})
	if !errors.Is(err, context.Canceled) || offer != nil {
		t.Errorf("%v, %v", offer, err)
	}
	if _, err := Check(context.Background(), Pool{URL: s.URL}, Options{}, func(Step) { t.Error("a step") }); err == nil {
		t.Error("a pool without a user passed")
	}
}
