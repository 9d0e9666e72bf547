package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"golang.org/x/net/dns/dnsmessage"

	"quarry/stratum/stratumtest"
)

// nameServer answers for one name, on loopback.
type nameServer struct {
	mu        sync.Mutex
	addresses []netip.Addr
	questions int
}

func (s *nameServer) answer(addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addresses = nil
	for _, a := range addresses {
		s.addresses = append(s.addresses, netip.MustParseAddr(a))
	}
}

// asked is how often the name was looked up.
func (s *nameServer) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.questions
}

// serveNames starts a name server and gives a resolver that asks it only.
func serveNames(t *testing.T) (*nameServer, *net.Resolver) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{}
	var running sync.WaitGroup
	running.Go(func() {
		for b := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if reply := s.reply(b[:n]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); running.Wait() })
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (s *nameServer) reply(question []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	if q.Type == dnsmessage.TypeA {
		s.questions++
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, a := range s.addresses {
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// TestNames: all addresses of a name are tried, and it is looked up again at
// every try.
func TestNames(t *testing.T) {
	names, resolver := serveNames(t)
	s := stratumtest.Serve(t, echo)
	_, port, _ := net.SplitHostPort(s.Address)
	d, logs := testDialer(t, target{URL: "stratum+tcp://pool.example.org:" + port}, Limits{})
	d.Resolver = resolver
	for _, c := range []struct {
		name      string
		addresses []string
		want      string // empty: connects
	}{
		{"one", []string{"127.0.0.1"}, ""},
		{"one that is right among others", []string{"::1", "127.0.0.2", "127.0.0.1"}, ""},
		{"none", nil, "no such host"},
		{"blocked", []string{"0.0.0.0"}, "0.0.0.0"},
		{"blocked in IPv6", []string{"::"}, "is the name blocked by a DNS filter?"},
		{"blocked in disguise", []string{"::ffff:0.0.0.0"}, "0.0.0.0"},
		{"blocked, but not quite", []string{"0.0.0.0", "127.0.0.1"}, ""},
		{"again", []string{"127.0.0.1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			names.answer(c.addresses...)
			before := names.asked()
			transport, err := d.Dial(context.Background())
			switch dns := (*net.DNSError)(nil); {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want == "":
				checkEcho(t, transport)
				transport.Close()
			case err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &dns) || !strings.Contains(err.Error(), "pool.example.org"):
				t.Errorf("%v, want %q", err, c.want)
			}
			if names.asked() == before {
				t.Error("the name was not looked up")
			}
		})
	}
	// A public name that leads to a private address is logged, once.
	if n := logs.FilterLevelExact(zap.WarnLevel).FilterMessageSnippet("private address").Len(); n != 1 || logs.Len() != 1 {
		t.Errorf("%d warnings in %v", n, logs.All())
	}
}

// TestProxyNames: the proxy's own name is looked up here, again at every try,
// and may be private.
func TestProxyNames(t *testing.T) {
	names, resolver := serveNames(t)
	s := stratumtest.Serve(t, echo)
	p := stratumtest.ServeSOCKS5(t, stratumtest.ProxyRules{Hosts: map[string]string{"pool.example.org": s.Address}})
	_, port, _ := net.SplitHostPort(p.Address)
	url := "socks5://proxy.example.org:" + port
	d, logs := testDialer(t, target{URL: "stratum+tcp://pool.example.org:1", Proxy: ProxyOptions{URL: url}}, Limits{})
	d.Resolver = resolver
	if _, err := d.Dial(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "proxy "+url+": no such host") {
		t.Errorf("%v", err)
	}
	names.answer("127.0.0.1")
	transport, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	checkEcho(t, transport)
	if logs.Len() > 0 {
		t.Errorf("logged %v", logs.All())
	}
}

func TestPublicName(t *testing.T) {
	for name, want := range map[string]bool{
		"pool.example.org": true, "pool.example.org.": true, "a.b": true, "mine.lan": false, "mine.local.": false,
		"localhost": false, "rig": false, "pool.home.arpa": false,
	} {
		if publicName(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
