package stratumtest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
)

const patience = 30 * time.Second

// echo is a pool that answers each line with itself as a reply, after a push
// where the line asks for one.
func echo(t *testing.T) string {
	s := stratumtest.Serve(t, func(c *stratumtest.Conn) {
		for {
			r := c.Read()
			c.Send(`{"id":%s,"result":true}`, r.ID)
			if r.Method == "more" {
				c.Send(`{"id":null,"method":"push","params":[]}`)
			}
		}
	})
	return s.Address
}

// seen collects what a witness is told.
type seen struct {
	mu     sync.Mutex
	lines  []stratumtest.Passage
	opened int
	closed []stratumtest.Fault
	change chan struct{}
}

func (s *seen) witness() stratumtest.Witness {
	s.change = make(chan struct{}, 1000)
	note := func(f func()) {
		s.mu.Lock()
		f()
		s.mu.Unlock()
		s.change <- struct{}{}
	}
	return stratumtest.Witness{
		Opened: func(int, *tls.Certificate) { note(func() { s.opened++ }) },
		Passed: func(p stratumtest.Passage) { note(func() { s.lines = append(s.lines, p) }) },
		Closed: func(_ int, f stratumtest.Fault) { note(func() { s.closed = append(s.closed, f) }) },
	}
}

// await waits until what was seen is as wanted.
func (s *seen) await(t *testing.T, what string, wanted func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		ok := wanted()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.change:
		case <-late:
			t.Fatalf("not seen: %s; but %d opened, %v, closed %v", what, s.opened, s.lines, s.closed)
		}
	}
}

// client is one connection through an injector.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, i *stratumtest.Injector) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", i.Address(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{conn, t, bufio.NewReader(conn)}
}

func (c *client) send(id int, method string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, `{"id":%d,"method":%q,"params":[]}`+"\n", id, method); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// ask sends a request and wants its reply.
func (c *client) ask(id int) {
	c.t.Helper()
	c.send(id, "ask")
	if got, want := c.read(), fmt.Sprintf(`{"id":%d,"result":true}`, id); got != want {
		c.t.Fatalf("got %s, want %s", got, want)
	}
}

func proxy(t *testing.T) (*stratumtest.Injector, *seen, *client) {
	var s seen
	i := stratumtest.NewInjector(t, echo(t), nil, 1, s.witness())
	c := dial(t, i)
	c.ask(1)
	s.await(t, "both lines, whole", func() bool {
		return s.opened == 1 && len(s.lines) == 2 && s.lines[0].Whole() && s.lines[1].Whole()
	})
	return i, &s, c
}

func TestInjectorEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*stratumtest.Injector) int
		why  stratumtest.Fault
		read error
	}{
		"cut":     {(*stratumtest.Injector).Cut, stratumtest.Cut, io.EOF},
		"reset":   {(*stratumtest.Injector).Reset, stratumtest.Reset, syscall.ECONNRESET},
		"restart": {func(i *stratumtest.Injector) int { return i.End(stratumtest.Restarted) }, stratumtest.Restarted, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			i, s, client := proxy(t)
			if n := c.end(i); n != 1 {
				t.Fatalf("%d connections ended, want 1", n)
			}
			if _, err := client.r.ReadByte(); !errors.Is(err, c.read) {
				t.Errorf("the client reads %v, want %v", err, c.read)
			}
			s.await(t, "the end", func() bool { return slices.Equal(s.closed, []stratumtest.Fault{c.why}) })
			if c.why == stratumtest.Cut { // what the client still writes is seen, and goes nowhere
				client.send(2, "late")
				s.await(t, "the late line", func() bool {
					last := s.lines[len(s.lines)-1]
					return len(s.lines) == 3 && last.Fault == c.why && last.Sent == nil
				})
			}
			client.Close()
			if c.end(i) != 0 || i.Faults()[c.why] != 1 {
				t.Errorf("ended again: %v", i.Faults())
			}
			dial(t, i).ask(3)
		})
	}
}

func TestInjectorSwallows(t *testing.T) {
	i, s, c := proxy(t)
	i.HalfOpen(stratumtest.ToClient)
	c.send(2, "ask")
	s.await(t, "a swallowed reply", func() bool {
		return len(s.lines) == 4 && s.lines[2].Whole() && s.lines[3].Fault == stratumtest.HalfOpen
	})
	i.HalfOpen(stratumtest.ToPool)
	i.Heal()
	c.send(3, "ask")
	s.await(t, "a swallowed request", func() bool { return len(s.lines) == 5 && s.lines[4].Fault == stratumtest.HalfOpen })
	if i.Swallowing() != 1 {
		t.Error("the connection is not half-open any more")
	}
	c.Close()
	s.await(t, "the client's end", func() bool { return slices.Equal(s.closed, []stratumtest.Fault{stratumtest.ByClient}) })
	if i.Swallowing() != 0 {
		t.Error("the connection is half-open still")
	}
}

func TestInjectorTruncates(t *testing.T) {
	i, s, c := proxy(t)
	i.Truncate(stratumtest.ToClient)
	c.send(2, "ask")
	rest, err := io.ReadAll(c.r)
	whole := `{"id":2,"result":true}` + "\n"
	if err != nil || string(rest) == whole || !strings.HasPrefix(whole, string(rest)) {
		t.Errorf("the client reads %q and %v, want a part of %q", rest, err, whole)
	}
	s.await(t, "the truncation", func() bool { return slices.Equal(s.closed, []stratumtest.Fault{stratumtest.Truncated}) })
	c.send(3, "late")
	s.await(t, "the late line", func() bool { return len(s.lines) == 5 })
	if n := i.Faults()[stratumtest.Truncated]; n != 1 {
		t.Errorf("%d truncations counted, want 1", n)
	}
}

func TestInjectorFlips(t *testing.T) {
	i, s, c := proxy(t)
	i.Flip(stratumtest.ToClient, 2)
	for id := 2; id < 4; id++ {
		c.send(id, "ask")
		got, want := c.read(), fmt.Sprintf(`{"id":%d,"result":true}`, id)
		differ := 0
		for at := range min(len(got), len(want)) {
			if got[at] != want[at] {
				differ++
			}
		}
		if len(got) != len(want) || differ != 1 {
			t.Errorf("got %q, want %q but for a byte", got, want)
		}
	}
	c.ask(4)
	s.await(t, "two flips", func() bool {
		return len(s.lines) == 8 && s.lines[3].Fault == stratumtest.Flipped && s.lines[5].Fault == stratumtest.Flipped && s.lines[7].Whole()
	})
	if i.Faults()[stratumtest.Flipped] != 2 {
		t.Errorf("counted %v", i.Faults())
	}
}

func TestInjectorReorders(t *testing.T) {
	i, _, c := proxy(t)
	i.Reorder(2, patience)
	c.send(2, "ask")
	c.send(3, "more") // a reply and a push
	for _, want := range []string{`{"id":3,"result":true}`, `{"id":null,"method":"push","params":[]}`, `{"id":2,"result":true}`} {
		if got := c.read(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	i.Reorder(100, 10*time.Millisecond)
	c.ask(4) // comes when the time is over
	if i.Faults()[stratumtest.Reordered] != 2 {
		t.Errorf("counted %v", i.Faults())
	}
}

func TestInjectorDelays(t *testing.T) {
	i, _, c := proxy(t)
	const by = 50 * time.Millisecond
	i.Delay(stratumtest.ToPool, by, patience)
	i.Delay(stratumtest.ToClient, by, patience)
	begun := time.Now()
	c.ask(2)
	if took := time.Since(begun); took < 2*by {
		t.Errorf("took %v, want %v at least", took, 2*by)
	}
	i.Delay(stratumtest.ToPool, time.Hour, patience)
	i.Heal()
	c.ask(3)
	i.Stall(patience)
	c.send(4, "ask")
	i.Heal()
	if got := c.read(); got != `{"id":4,"result":true}` {
		t.Errorf("after the stall: %s", got)
	}
}

func TestInjectorRefusesAndMoves(t *testing.T) {
	i, s, c := proxy(t)
	i.Refuse()
	if conn, err := net.Dial("tcp", i.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling: %v, %v; want a refusal", conn, err)
	}
	c.ask(2) // what is open stays
	if err := i.Open(); err != nil {
		t.Fatal(err)
	}
	dial(t, i).ask(3)
	before := i.Address()
	if err := i.Move("127.0.0.2"); err != nil {
		t.Skip("no second loopback address here:", err)
	}
	s.await(t, "the drop of both", func() bool {
		return slices.Equal(s.closed, []stratumtest.Fault{stratumtest.Moved, stratumtest.Moved})
	})
	if conn, err := net.Dial("tcp", before); err == nil {
		conn.Close()
		t.Error("the old address still answers")
	}
	dial(t, i).ask(4)
	i.Redirect(echo(t))
	dial(t, i).ask(5)
}

func TestInjectorChangesCertificates(t *testing.T) {
	a := stratumtest.NewAuthority(t)
	pem, err := os.ReadFile(a.File)
	if err != nil {
		t.Fatal(err)
	}
	trust := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "pool.test"}
	trust.RootCAs.AppendCertsFromPEM(pem)
	certificate := a.Issue("pool.test")
	var s seen
	i := stratumtest.NewInjector(t, echo(t), certificate, 1, s.witness())
	connect := func(want *tls.Certificate) {
		t.Helper()
		conn, err := tls.Dial("tcp", i.Address(), trust)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		(&client{conn, t, bufio.NewReader(conn)}).ask(1)
		if !slices.Equal(conn.ConnectionState().PeerCertificates[0].Raw, want.Certificate[0]) {
			t.Error("another certificate was shown")
		}
		i.Cut()
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after a cut the client reads %v", err)
		}
	}
	connect(certificate)
	certificate = a.Issue("pool.test")
	i.Show(certificate)
	connect(certificate)
	i.Show(stratumtest.NewAuthority(t).Issue("pool.test"))
	if _, err := tls.Dial("tcp", i.Address(), trust); err == nil {
		t.Error("a certificate of a strange authority was taken")
	}
	i.Close() // waits for all connections
	if s.opened != 2 {
		t.Errorf("%d connections opened, want the two that took the certificate", s.opened)
	}
	if n := i.Faults()[stratumtest.Recertified]; n != 2 {
		t.Errorf("%d changes counted, want 2", n)
	}
}

func TestNames(t *testing.T) {
	var n stratumtest.Names
	r := n.Resolver()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := r.LookupHost(ctx, "a.chaos.test"); err == nil {
		t.Errorf("an unknown name has the addresses %v", got)
	}
	for _, want := range [][]string{{"127.0.0.1"}, {"127.0.0.2", "::1"}, {"::1"}} {
		n.Set("a.chaos.test", want...)
		got, err := r.LookupHost(ctx, "A.chaos.test")
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v and %v, want %v", got, err, want)
		}
	}
	n.Set("a.chaos.test")
	var missing *net.DNSError
	if _, err := r.LookupHost(ctx, "a.chaos.test"); !errors.As(err, &missing) || !missing.IsNotFound {
		t.Errorf("a name taken away: %v", err)
	}
}
