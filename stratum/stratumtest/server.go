// Package stratumtest is a scripted Stratum server for tests, over real
// sockets on loopback: TCP, TLS, WebSocket, and both. A script decides line
// by line what the pool does, so it can do anything that a broken or hostile
// pool would. The package does not use quarry's own protocol code.
package stratumtest

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// Script is the pool's side of one connection. The connection is closed when
// it returns.
type Script func(*Conn)

// Server is a pool that runs scripts.
type Server struct {
	// Address is host:port; URL also has the scheme.
	Address, URL string

	t        testing.TB
	listener net.Listener
	scripts  []Script
	handlers sync.WaitGroup

	mu    sync.Mutex // guards the rest
	conns map[*Conn]struct{}
	count int
	shut  bool
}

// Serve starts a plain TCP pool. The first connection is served by the first
// script, and so on; the last one serves all later ones. The server ends with
// the test.
func Serve(t testing.TB, scripts ...Script) *Server {
	s := newServer(t, "stratum+tcp://", listen(t), scripts)
	s.handlers.Go(s.accept)
	return s
}

// ServeTLS is Serve over TLS.
func ServeTLS(t testing.TB, certificate tls.Certificate, scripts ...Script) *Server {
	s := newServer(t, "stratum+ssl://", tls.NewListener(listen(t), serverTLS(certificate)), scripts)
	s.handlers.Go(s.accept)
	return s
}

// ServeWS is Serve over WebSocket, one message in each text message.
func ServeWS(t testing.TB, scripts ...Script) *Server {
	s := newServer(t, "stratum+ws://", listen(t), scripts)
	s.serveHTTP()
	return s
}

// ServeWSS is ServeWS over TLS.
func ServeWSS(t testing.TB, certificate tls.Certificate, scripts ...Script) *Server {
	s := newServer(t, "stratum+wss://", tls.NewListener(listen(t), serverTLS(certificate)), scripts)
	s.serveHTTP()
	return s
}

func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

// ServeIPv6 is Serve on IPv6. Without IPv6 the test is skipped.
func ServeIPv6(t testing.TB, scripts ...Script) *Server {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6: ", err)
	}
	s := newServer(t, "stratum+tcp://", l, scripts)
	s.handlers.Go(s.accept)
	return s
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newServer(t testing.TB, scheme string, l net.Listener, scripts []Script) *Server {
	s := &Server{
		Address: l.Addr().String(), URL: scheme + l.Addr().String(),
		t: t, listener: l, scripts: scripts, conns: make(map[*Conn]struct{}),
	}
	t.Cleanup(s.Close)
	return s
}

// Close ends the server and waits for its scripts.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	s.shut = true
	for c := range s.conns {
		c.raw.Close()
	}
	s.mu.Unlock()
	s.handlers.Wait()
}

// Connections returns the number of connections so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

func (s *Server) accept() {
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := lineConn(s.t, raw)
		s.handlers.Go(func() { s.serve(c) })
	}
}

// lineConn is the pool's side of a connection on which messages are lines.
func lineConn(t testing.TB, raw net.Conn) *Conn {
	reader := bufio.NewReader(raw)
	return &Conn{
		t: t, raw: raw,
		read:  func() (string, error) { return reader.ReadString('\n') },
		write: func(text string) error { _, err := raw.Write([]byte(text + "\n")); return err },
	}
}

func (s *Server) serveHTTP() {
	upgrader := websocket.Upgrader{}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		s.serve(&Conn{
			t: s.t, raw: ws.NetConn(), WS: ws,
			read:  func() (string, error) { _, b, err := ws.ReadMessage(); return string(b), err },
			write: func(text string) error { return ws.WriteMessage(websocket.TextMessage, []byte(text)) },
		})
	})}
	s.handlers.Go(func() { h.Serve(s.listener) })
	s.t.Cleanup(func() { h.Close() })
}

// serve runs the next script.
func (s *Server) serve(c *Conn) {
	defer c.raw.Close()
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return
	}
	script := s.scripts[min(s.count, len(s.scripts)-1)]
	s.count++
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	script(c)
}

// Conn is the pool's side of a connection. Its methods end the script when the
// miner has disconnected.
type Conn struct {
	WS *websocket.Conn // nil without WebSocket

	t     testing.TB
	raw   net.Conn
	read  func() (string, error)
	write func(string) error
}

// Request is a message of the miner.
type Request struct {
	Line   string
	ID     json.RawMessage
	Method string
	Params []any
}

// Read waits for the next message of the miner.
func (c *Conn) Read() Request {
	line, err := c.read()
	if err != nil {
		runtime.Goexit()
	}
	r := Request{Line: strings.TrimRight(line, "\n")}
	var message struct {
		ID     json.RawMessage
		Method string
		Params []any
	}
	if err := json.Unmarshal([]byte(line), &message); err != nil {
		c.t.Errorf("the miner sent %q: %v", line, err)
		runtime.Goexit()
	}
	r.ID, r.Method, r.Params = message.ID, message.Method, message.Params
	return r
}

// Expect waits for the next message and fails the test if it is not a request
// of that method. Between them the miner may ask a pool without a job, soon on a
// fast clock, whether it is there: that is answered.
func (c *Conn) Expect(method string) Request {
	const nudge = "mining.extranonce.subscribe"
	r := c.Read()
	for r.Method == nudge && method != nudge {
		c.Result(r, "true")
		r = c.Read()
	}
	if r.Method != method {
		c.t.Errorf("the miner sent %s, want %s", r.Line, method)
		runtime.Goexit()
	}
	return r
}

// Send writes a line. The text is not checked.
func (c *Conn) Send(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	if c.write(format) != nil {
		runtime.Goexit()
	}
}

// Result replies to a request with a result, given as JSON text.
func (c *Conn) Result(r Request, result string) {
	c.Send(`{"id":%s,"result":%s,"error":null}`, r.ID, result)
}

// Error replies to a request with an error, given as JSON text.
func (c *Conn) Error(r Request, failure string) {
	c.Send(`{"id":%s,"result":null,"error":%s}`, r.ID, failure)
}

// Raw returns the underlying connection, to write partial lines or to break it.
func (c *Conn) Raw() net.Conn { return c.raw }

// Hang keeps the connection open, reading and sending nothing, until the miner
// disconnects.
func (c *Conn) Hang() {
	for {
		if _, err := c.read(); err != nil {
			return
		}
	}
}

// ClosedPort returns a loopback address where nobody listens.
func ClosedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
