package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
)

const proxyPassword = "hunter2-zebra"

// target is a server and the way to it.
type target struct {
	URL   string
	TLS   TLSOptions
	Proxy ProxyOptions
}

func testDialer(t *testing.T, to target, limits Limits) (*Dialer, *observer.ObservedLogs) {
	t.Helper()
	u, err := ParseURL(to.URL)
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	d, err := NewDialer(u, Options{TLS: to.TLS, Proxy: to.Proxy, Limits: limits, Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	return d, logs
}

// proxies are a good one of each kind.
func proxies(t *testing.T, rules stratumtest.ProxyRules) []*stratumtest.Proxy {
	return []*stratumtest.Proxy{stratumtest.ServeSOCKS5(t, rules), stratumtest.ServeCONNECT(t, rules)}
}

// TestThroughProxies: every kind of pool through every kind of proxy. The pool
// is asked for by a name that leads nowhere here.
func TestThroughProxies(t *testing.T) {
	certificate, ca := stratumtest.Certificate(t, "pool.invalid")
	for _, s := range []*stratumtest.Server{
		stratumtest.Serve(t, echo), stratumtest.ServeTLS(t, certificate, echo), stratumtest.ServeWS(t, echo),
		stratumtest.ServeWSS(t, certificate, echo), stratumtest.ServeIPv6(t, echo),
	} {
		hosts := map[string]string{"pool.invalid": s.Address}
		for _, user := range []string{"", "miner"} {
			for _, p := range proxies(t, stratumtest.ProxyRules{User: user, Password: proxyPassword, Hosts: hosts}) {
				pool := target{URL: strings.Replace(s.URL, s.Address, "pool.invalid:3333", 1), Proxy: ProxyOptions{URL: p.URL, User: user}}
				if user != "" {
					pool.Proxy.Password = proxyPassword
				}
				if strings.HasPrefix(s.URL, "stratum+ssl") || strings.HasPrefix(s.URL, "stratum+wss") {
					pool.TLS.CAFile = ca
				}
				d, _ := testDialer(t, pool, Limits{})
				transport, err := d.Dial(context.Background())
				if err != nil {
					t.Errorf("%s through %s: %v", s.URL, p.URL, err)
					continue
				}
				checkEcho(t, transport)
				transport.Close()
				if asked := p.Asked(); len(asked) != 1 || asked[0] != "pool.invalid:3333" {
					t.Errorf("%s was asked for %q", p.URL, asked)
				}
			}
		}
	}
}

// TestIPv6: a pool named by its address, directly and through proxies.
func TestIPv6(t *testing.T) {
	s := stratumtest.ServeIPv6(t, echo)
	urls := []string{""}
	for _, p := range proxies(t, stratumtest.ProxyRules{}) {
		urls = append(urls, p.URL)
	}
	for _, url := range urls {
		d, _ := testDialer(t, target{URL: s.URL, Proxy: ProxyOptions{URL: url}}, Limits{})
		transport, err := d.Dial(context.Background())
		if err != nil {
			t.Errorf("through %q: %v", url, err)
			continue
		}
		checkEcho(t, transport)
		transport.Close()
	}
}

// TestProxySpeaksBeforeTheMiner: what the pool says at once, in one packet
// with the proxy's answer, is not lost.
func TestProxySpeaksBeforeTheMiner(t *testing.T) {
	p := stratumtest.Serve(t, func(c *stratumtest.Conn) {
		readHead(c.Raw())
		c.Raw().Write([]byte("HTTP/1.1 200 OK\r\n\r\n{\"early\":1}\n"))
		c.Hang()
	})
	d, _ := testDialer(t, target{URL: "stratum+tcp://pool.invalid:1", Proxy: ProxyOptions{URL: "http://" + p.Address}}, Limits{})
	transport, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	if line, err := transport.ReadMessage(); err != nil || string(line) != `{"early":1}` {
		t.Errorf("%q, %v", line, err)
	}
}

// readHead reads up to an empty line.
func readHead(c net.Conn) {
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, b[0]) {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// raw is a hostile proxy: it sends replies, one for each thing that is said to
// it, and then nothing more.
func raw(replies ...string) stratumtest.Script {
	return func(c *stratumtest.Conn) {
		closing(replies...)(c)
		c.Hang()
	}
}

// closing is one that hangs up after its replies.
func closing(replies ...string) stratumtest.Script {
	return func(c *stratumtest.Conn) {
		for _, reply := range replies {
			if _, err := c.Raw().Read(make([]byte, 4096)); err != nil {
				return
			}
			c.Raw().Write([]byte(reply))
		}
	}
}

func endless(first, text string) stratumtest.Script {
	return func(c *stratumtest.Conn) {
		c.Raw().Write([]byte(first))
		for {
			if _, err := c.Raw().Write([]byte(text)); err != nil {
				return
			}
		}
	}
}

// TestHostileProxies: each error names the proxy and what went wrong, and no
// secret.
func TestHostileProxies(t *testing.T) {
	t.Parallel()
	locked := proxies(t, stratumtest.ProxyRules{User: "someone", Password: "else"})
	lost := proxies(t, stratumtest.ProxyRules{})
	serve := func(scheme string, script stratumtest.Script) string {
		return scheme + "://" + stratumtest.Serve(t, script).Address
	}
	for _, c := range []struct {
		name, url, want string
		anonymous       bool
	}{
		{"socks5 wants a user", locked[0].URL, "proxy_user", true},
		{"http wants a user", locked[1].URL, "proxy_user", true},
		{"socks5 wants another user", locked[0].URL, "refuses the user or password", false},
		{"http wants another user", locked[1].URL, "refuses the user or password", false},
		{"socks5 does not know the pool", lost[0].URL, "cannot reach pool.invalid:3333: host unreachable", true},
		{"http does not know the pool", lost[1].URL, "cannot reach pool.invalid:3333: 502", true},
		{"nobody", "socks5://" + stratumtest.ClosedPort(t), "connection refused", false},
		{"http on socks5", serve("socks5", raw("HTTP/1.1 400 Bad Request\r\n\r\n")), "http://", false},
		{"socks5 on http", serve("http", raw("\x05\xff")), "no answer within", false},
		{"ssh on http", serve("http", raw("SSH-2.0-OpenSSH\r\n")), "socks5://", false},
		{"silent socks5", serve("socks5", raw()), "no answer within", false},
		{"silent http", serve("http", raw()), "no answer within", false},
		{"half a reply of socks5", serve("socks5", raw("\x05\x00", "\x05\x00\x00\x03\xffhalf")), "no answer within", true},
		{"socks5 closes at once", serve("socks5", closing()), "closed the connection", false},
		{"socks5 closes midway", serve("socks5", closing("\x05\x00", "\x05\x00\x00\x01")), "closed the connection", true},
		{"http closes midway", serve("http", closing("HTTP/1.1 200")), "closed the connection", false},
		{"socks5 version 4", serve("socks5", raw("\x04\x00")), "does not speak socks5", false},
		{"socks5 with a method nobody offered", serve("socks5", raw("\x05\x55")), "does not speak socks5", false},
		{"socks5 with an address of no kind", serve("socks5", raw("\x05\x00", "\x05\x00\x00\x09")), "does not speak socks5", true},
		{"endless line", serve("http", endless("HTTP/1.1 200 OK", strings.Repeat("x", 1000))), "longer than 8192", false},
		{"endless header", serve("http", endless("HTTP/1.1 200 OK\r\n", strings.Repeat("A: b\r\n", 100))), "longer than 8192", false},
		{"endless socks5", serve("socks5", endless("", strings.Repeat("x", 1000))), "does not speak socks5", false},
		{"another answer", serve("http", raw("HTTP/1.1 403 "+proxyPassword+"\r\n\r\n")), "403 Forbidden", false},
		{"another way to want a user", serve("http", raw("HTTP/1.1 401 Unauthorized\r\n\r\n")), "refuses the user or password", false},
		{"a redirect", serve("http", raw("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n")), "302", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := ProxyOptions{URL: c.url, User: "miner", Password: proxyPassword}
			if c.anonymous {
				options = ProxyOptions{URL: c.url}
			}
			limits := Limits{Connect: 30 * time.Second}
			if c.want == "no answer within" {
				limits.Connect = 500 * time.Millisecond
			}
			d, logs := testDialer(t, target{URL: "stratum+tcp://pool.invalid:3333", Proxy: options}, limits)
			_, err := d.Dial(context.Background())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "proxy "+c.url+": ") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), proxyPassword) || strings.ContainsAny(err.Error(), "\r\n")) {
				t.Errorf("%q", err)
			}
			if logs.Len() > 0 {
				t.Errorf("logged %v", logs.All())
			}
		})
	}
}

// TestHostileTunnel: a good proxy, and behind it no pool: the errors are the
// same as without one.
func TestHostileTunnel(t *testing.T) {
	hangsUp := stratumtest.Serve(t, func(c *stratumtest.Conn) {})
	foreign, _ := stratumtest.Certificate(t, "pool.invalid")
	stranger := stratumtest.ServeTLS(t, foreign, echo)
	for _, c := range []struct{ to, want string }{{hangsUp.Address, "stratum+tcp://"}, {stranger.Address, "is self-signed"}} {
		for _, p := range proxies(t, stratumtest.ProxyRules{Hosts: map[string]string{"pool.invalid": c.to}}) {
			d, _ := testDialer(t, target{URL: "stratum+ssl://pool.invalid:1", Proxy: ProxyOptions{URL: p.URL}}, Limits{})
			if _, err := d.Dial(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", p.URL, err, c.want)
			}
		}
	}
}

func TestProxyCanceled(t *testing.T) {
	for _, scheme := range []string{"socks5", "http"} {
		asked := make(chan struct{})
		p := stratumtest.Serve(t, func(c *stratumtest.Conn) {
			c.Raw().Read(make([]byte, 4096))
			close(asked)
			raw()(c)
		})
		d, _ := testDialer(t, target{URL: "stratum+tcp://pool.invalid:1", Proxy: ProxyOptions{URL: scheme + "://" + p.Address}}, Limits{Connect: time.Hour})
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-asked; cancel() }()
		if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestProxyOptions(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		options ProxyOptions
		want    string // empty: fine
	}{
		{ProxyOptions{}, ""},
		{ProxyOptions{URL: "socks5://127.0.0.1:1080"}, ""},
		{ProxyOptions{URL: "SOCKS5H://[::1]:1080/"}, ""},
		{ProxyOptions{URL: "http://proxy.example:3128", User: "a", Password: "b"}, ""},
		{ProxyOptions{URL: "socks5://a:" + proxyPassword + "@h:1"}, "do not belong in the url"},
		{ProxyOptions{URL: "socks5://h"}, "needs a port"},
		{ProxyOptions{URL: "socks5://:1"}, "needs a host"},
		{ProxyOptions{URL: "socks5://h:0"}, "port"},
		{ProxyOptions{URL: "h:1"}, "needs a scheme"},
		{ProxyOptions{URL: "socks4://h:1"}, "use socks5://"},
		{ProxyOptions{URL: "https://h:1"}, "use socks5://"},
		{ProxyOptions{URL: "http://h:1/path"}, "port"},
		{ProxyOptions{User: "a"}, "without a proxy"},
		{ProxyOptions{Password: proxyPassword}, "without a proxy"},
		{ProxyOptions{URL: "socks5://h:1", Password: proxyPassword}, "needs a proxy user"},
		{ProxyOptions{URL: "socks5://h:1", User: long}, "255"},
		{ProxyOptions{URL: "socks5://h:1", User: "a", Password: long}, "255"},
		{ProxyOptions{URL: "http://h:1", User: "a:b", Password: proxyPassword}, "colon"},
		{ProxyOptions{URL: "http://h:1", User: "a", Password: strings.Repeat(long, 17)}, "4096"},
	} {
		err := c.options.Check()
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%.60q: %v, want %q", c.options, err, c.want)
		case err != nil && strings.Contains(err.Error(), proxyPassword):
			t.Errorf("%q shows the password", err)
		}
	}
}

// scripted is a connection on which everything was said already.
type scripted struct {
	net.Conn
	said   *bytes.Reader
	closed bool
}

func (s *scripted) Read(b []byte) (int, error)       { return s.said.Read(b) }
func (s *scripted) Write(b []byte) (int, error)      { return len(b), nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) Close() error                     { s.closed = true; return nil }

// FuzzProxyReply: whatever a proxy says, there is a tunnel with all that
// follows its answer, or one error of one line without our secrets.
func FuzzProxyReply(f *testing.F) {
	for _, reply := range []string{
		"HTTP/1.1 200 OK\r\n\r\n{}\n", "HTTP/1.0 200\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 407 " + proxyPassword + "\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/9.9 999 \x1b\r\n\r\n",
		"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01{}\n", "\x05\x02\x01\x00\x05\x00\x00\x03\x01a\x00\x01{}\n", "\x05\x02\x01\x01", "\x05\xff",
		"\x05\x00\x05\x00\x00\x04" + strings.Repeat("\x00", 18), "\x04\x5a", "",
	} {
		f.Add([]byte(reply), true)
		f.Add([]byte(reply), false)
	}
	f.Fuzz(func(t *testing.T, reply []byte, socks bool) {
		p := &proxyAddr{scheme: schemeConnect, address: "127.0.0.1:1", user: "miner", password: proxyPassword}
		if socks {
			p.scheme = schemeSOCKS5
		}
		s := &scripted{said: bytes.NewReader(reply)}
		conn, err := p.tunnel(context.Background(), s, "pool.invalid:3333", time.Minute)
		if err != nil {
			if !s.closed || strings.Contains(err.Error(), proxyPassword) || strings.ContainsAny(err.Error(), "\r\n\x1b") || len(err.Error()) > 300 {
				t.Errorf("%q, closed: %v", err, s.closed)
			}
			return
		}
		rest, err := io.ReadAll(conn)
		if err != nil || s.closed || !bytes.HasSuffix(reply, rest) {
			t.Errorf("%q is left of %q, %v", rest, reply, err)
		}
		if answer := reply[:len(reply)-len(rest)]; !socks && !bytes.HasSuffix(answer, []byte("\n")) {
			t.Errorf("the answer is %q", answer)
		}
	})
}
