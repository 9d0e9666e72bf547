package localpool

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"quarry/stratum/localpool/selfsigned"
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
	certificate, err := selfsigned.Certificate(time.Now(), "127.0.0.1", "localhost")
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
	certificate, err := selfsigned.Certificate(time.Now(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if pin := selfsigned.Pin(certificate); len(pin) != 7+64 || !strings.HasPrefix(pin, "sha256:") || selfsigned.Pin(tls.Certificate{}) != "" {
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
