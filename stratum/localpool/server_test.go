package localpool

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

type socketLines struct{ *websocket.Conn }

func (c socketLines) send(line string) error {
	return c.WriteMessage(websocket.TextMessage, []byte(line))
}

func (c socketLines) receive() (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience)) // a closed one shows on reading
	_, line, err := c.ReadMessage()
	return string(line), err
}

func (c socketLines) close() { _ = c.Close() }

// everyTransport is a pool on all four, and a client configuration that trusts it.
func everyTransport(t testing.TB) (*Pool, *tls.Config) {
	t.Helper()
	certificate, err := SelfSigned(time.Now(), "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	cfg := easy()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	for _, transport := range []Transport{TCP, TLS, WS, WSS} {
		cfg.Listen = append(cfg.Listen, Listener{transport, "127.0.0.1:0"})
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	return startPool(t, cfg), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

func dial(t testing.TB, e Endpoint, trust *tls.Config) lines {
	t.Helper()
	switch e.Transport {
	case TLS:
		c, err := tls.Dial("tcp", e.Addr, trust)
		if err != nil {
			t.Fatal(err)
		}
		return tcpLines{c, bufio.NewReader(c)}
	case WS, WSS:
		scheme := strings.TrimPrefix(string(e.Transport), "stratum+")
		dialer := websocket.Dialer{TLSClientConfig: trust, HandshakeTimeout: patience}
		c, response, err := dialer.Dial(scheme+"://"+e.Addr+"/any/path", nil)
		if err != nil {
			t.Fatal(err, response)
		}
		return socketLines{c}
	default:
		c, err := net.Dial("tcp", e.Addr)
		if err != nil {
			t.Fatal(err)
		}
		return tcpLines{c, bufio.NewReader(c)}
	}
}

func TestTransports(t *testing.T) {
	p, trust := everyTransport(t)
	for _, e := range p.Endpoints() {
		t.Run(string(e.Transport), func(t *testing.T) {
			m := newMiner(t, dial(t, e, trust))
			m.login("rig", "1fffe000")
			m.want(m.search("rig", CodeAccepted), CodeAccepted)
			if err := p.NewBlock(); err != nil {
				t.Fatal(err)
			}
			m.awaitJob()
			m.want(m.search("rig", CodeAccepted), CodeAccepted)
			if e.URL() != string(e.Transport)+"://"+e.Addr {
				t.Errorf("URL %s", e.URL())
			}
		})
	}
}

func TestPin(t *testing.T) {
	certificate, err := SelfSigned(time.Now(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if pin := Pin(certificate); len(pin) != 7+64 || !strings.HasPrefix(pin, "sha256:") || Pin(tls.Certificate{}) != "" {
		t.Errorf("pin %q", pin)
	}
}

// Clients of another kind are turned away, and the pool goes on.
func TestWrongClients(t *testing.T) {
	p, trust := everyTransport(t)
	for _, e := range p.Endpoints() {
		t.Run(string(e.Transport), func(t *testing.T) {
			for _, hello := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n\n\n", "\x16\x03\x01\x00\x05hello\n\n\n", "SSH-2.0-x\r\nx\r\nx\r\n"} {
				c, err := net.Dial("tcp", e.Addr)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = c.Write([]byte(hello)) // the pool may hang up any time
				_ = c.(*net.TCPConn).CloseWrite()
				_ = c.SetReadDeadline(time.Now().Add(patience))
				_, err = io.Copy(io.Discard, c)
				if n, ok := err.(net.Error); ok && n.Timeout() {
					t.Errorf("%q was kept", hello)
				}
				_ = c.Close()
			}
			m := newMiner(t, dial(t, e, trust))
			m.subscribe()
		})
	}
	ws := p.Endpoints()[2]
	_, response, err := websocket.DefaultDialer.Dial("ws://"+ws.Addr, http.Header{"Origin": {"https://example.org"}})
	if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a web page was let in: %v", err)
	}
}

func TestGarbage(t *testing.T) {
	p, trust := everyTransport(t)
	for _, e := range p.Endpoints() {
		t.Run(string(e.Transport), func(t *testing.T) {
			m := newMiner(t, dial(t, e, trust))
			for _, line := range []string{"garbage", `[{"id":1,"method":"mining.ping"}]`} {
				if err := m.wire.send(line); err != nil {
					t.Fatal(err)
				}
			}
			if w := m.call("mining.ping"); string(w.Result) != `"pong"` || len(m.pushes) != 2 || m.pushes[0].code() != CodeOther {
				t.Errorf("after two bad lines: %s, before it %v", w.Result, m.pushes)
			}
			if err := m.wire.send(`{"id":1,"method":`); err != nil {
				t.Fatal(err)
			}
			m.wantEnd() // the third is one too many

			m = newMiner(t, dial(t, e, trust))
			_ = m.wire.send(strings.Repeat("x", p.cfg.MaxLine+1)) // the pool may hang up while this is written
			m.wantEnd()
		})
	}
	m := newMiner(t, dial(t, p.Endpoints()[2], trust))
	for range maxBadLines {
		_ = m.wire.(socketLines).WriteMessage(websocket.BinaryMessage, []byte("{}")) // as above
	}
	m.wantEnd()
}

// The longest line that is allowed, ids and nesting of hostile shape.
func TestLongButLegal(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	id := `"` + strings.Repeat("i", 4000) + `"`
	if w := m.line(`{"id":`+id+`,"method":"mining.ping"}`, id); string(w.Result) != `"pong"` {
		t.Errorf("long id: %s", w.Result)
	}
	deep := strings.Repeat("[", 3000) + strings.Repeat("]", 3000)
	if w := m.line(`{"id":1,"method":"mining.authorize","params":`+deep+`}`, "1"); w.code() != CodeOther {
		t.Errorf("deep params: %s %s", w.Result, w.Error)
	}
	var users int
	m.subscribe()
	for i := range maxUsers + 5 {
		if w := m.call("mining.authorize", fmt.Sprint("u", i), "x"); string(w.Result) == "true" {
			users++
		}
	}
	if users != maxUsers {
		t.Errorf("%d users on one connection", users)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	cfg := easy()
	cfg.HandshakeTimeout = 100 * time.Millisecond
	p := startPool(t, cfg)
	idle := connect(t, p)
	idle.subscribe() // but never authorises
	idle.wantEnd()
}

// A miner that does not read is cut off and holds up nobody.
func TestMinerThatDoesNotRead(t *testing.T) {
	cfg := easy()
	cfg.Branches = 12
	cfg.WriteTimeout = 200 * time.Millisecond
	p := startPool(t, cfg)
	deaf := connect(t, p)
	deaf.login("deaf", "")
	good := connect(t, p)
	good.login("good", "")
	deadline := time.Now().Add(patience)
	for p.Stats().Connections == 2 {
		if time.Now().After(deadline) {
			t.Fatal("the deaf miner is still there")
		}
		if err := p.NewJob(); err != nil {
			t.Fatal(err)
		}
		good.awaitJob()
	}
	good.want(good.search("good", CodeAccepted), CodeAccepted)
}

func TestConnectionLimit(t *testing.T) {
	cfg := easy()
	cfg.MaxConnections = 1
	p := startPool(t, cfg)
	first := connect(t, p)
	first.login("rig", "")
	connect(t, p).wantEnd()
	first.want(first.search("rig", CodeAccepted), CodeAccepted)
}

// A hundred miners at once, while jobs and blocks change: every valid share is
// accepted, unless a new block overtook it.
func TestManyMiners(t *testing.T) {
	const miners, shares = 100, 5
	p := startPool(t, easy())
	var ready, done sync.WaitGroup
	var mu sync.Mutex
	ones := make(map[string]bool)
	ready.Add(miners)
	for i := range miners {
		done.Go(func() {
			var once sync.Once
			defer once.Do(ready.Done) // also when the test fails in here
			m := connect(t, p)
			defer m.wire.close()
			user := fmt.Sprint("rig", i)
			m.login(user, "1fffe000")
			mu.Lock()
			ones[hex.EncodeToString(m.one)] = true
			mu.Unlock()
			once.Do(ready.Done)
			ready.Wait()
			for range shares {
				m.want(m.search(user, CodeAccepted), CodeAccepted)
			}
		})
	}
	ready.Wait()
	for range 10 {
		if err := p.NewJob(); err != nil {
			t.Error(err)
		}
	}
	done.Wait()
	if len(ones) != miners {
		t.Errorf("%d extranonces for %d miners", len(ones), miners)
	}
	if st := p.Stats(); st.Accepted != miners*shares || len(st.Rejected) != 0 {
		t.Errorf("%d accepted, rejected %v", st.Accepted, st.Rejected)
	}
}

func TestListenAndRun(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr() != "" {
		t.Error("an address before Listen")
	}
	if err := p.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := p.Listen(); err != nil || len(p.Endpoints()) != 1 {
		t.Errorf("second Listen: %v, %v", err, p.Endpoints())
	}
	busy, err := New(Config{Listen: []Listener{{TCP, "127.0.0.1:0"}, {TCP, p.Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := busy.Run(context.Background()); err == nil || !strings.Contains(err.Error(), p.Addr()) {
		t.Errorf("listening on a taken port: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := p.Run(ctx); err == nil {
		t.Error("run twice")
	}
}

func TestBadConfig(t *testing.T) {
	for what, cfg := range map[string]Config{
		"transport":   {Listen: []Listener{{"udp", "127.0.0.1:0"}}},
		"certificate": {Listen: []Listener{{TLS, "127.0.0.1:0"}}},
		"size":        {Extranonce2Size: 17},
		"branches":    {Branches: 33},
		"difficulty":  {Difficulty: "x"},
		"start":       {Vardiff: Vardiff{Start: "1", Max: "0.5"}},
		"min":         {Vardiff: Vardiff{Min: "-1"}},
		"max":         {Vardiff: Vardiff{Max: "many"}},
		"seconds":     {Vardiff: Vardiff{Seconds: -1}},
		"nbits":       {NBits: "00000000"},
		"nbits text":  {NBits: "1d00fff"},
		"too hard":    {Difficulty: "2", NBits: "1d00ffff"},
		"interval":    {JobInterval: -time.Second},
		"line":        {MaxLine: 10},
		"no jobs":     {Script: &Script{}},
		"bad job":     {Script: &Script{Jobs: []Notify{{JobID: "1"}}}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: a bad configuration was taken", what)
		}
	}
}

func TestRunEndsWithMinersConnected(t *testing.T) {
	p, trust := everyTransport(t)
	for _, e := range p.Endpoints() {
		newMiner(t, dial(t, e, trust)).login("rig", "")
		if c, err := net.Dial("tcp", e.Addr); err == nil { // and one that says nothing
			t.Cleanup(func() { _ = c.Close() })
		}
	}
}
