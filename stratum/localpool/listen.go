package localpool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"
)

// listener is an open socket.
type listener struct {
	transport Transport
	net       net.Listener
}

// Endpoint is an address that the pool serves.
type Endpoint struct {
	Transport Transport
	Addr      string // host:port, with the actual port
}

// URL returns the pool URL for a miner.
func (e Endpoint) URL() string { return string(e.Transport) + "://" + e.Addr }

// ListenError is why a socket cannot be opened.
type ListenError struct {
	Listener
	Err error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("practice pool: listen for %s on %q: %v", e.Transport, e.Addr, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// Listen opens all sockets or none; if they are already open it does nothing.
// Run closes them.
func (p *Pool) Listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listeners != nil {
		return nil
	}
	var open []*listener
	for _, l := range p.cfg.Listen {
		socket, err := net.Listen("tcp", l.Addr)
		if err != nil {
			for _, o := range open {
				_ = o.net.Close() // the first error is the one to report
			}
			return &ListenError{l, err}
		}
		open = append(open, &listener{l.Transport, socket})
	}
	p.listeners = open
	return nil
}

// Endpoints returns what Listen opened, in the order of the Config.
func (p *Pool) Endpoints() []Endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Endpoint
	for _, l := range p.listeners {
		out = append(out, Endpoint{l.transport, l.net.Addr().String()})
	}
	return out
}

// Addr returns host:port of the first endpoint, empty before Listen.
func (p *Pool) Addr() string {
	if all := p.Endpoints(); len(all) > 0 {
		return all[0].Addr
	}
	return ""
}

func (p *Pool) serve(ctx context.Context, l *listener) error {
	switch l.transport {
	case WS, WSS:
		return p.serveSockets(ctx, l)
	default:
		return p.serveStreams(ctx, l)
	}
}

// serveStreams accepts TCP and TLS connections until the listener is closed.
func (p *Pool) serveStreams(ctx context.Context, l *listener) error {
	for {
		c, err := l.net.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // such as no free file descriptor: temporary
			p.log.Warn("cannot accept a connection", zap.Error(err))
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		p.conns.Go(func() { p.stream(ctx, c, l.transport) })
	}
}

func (p *Pool) stream(ctx context.Context, c net.Conn, transport Transport) {
	remote := c.RemoteAddr().String()
	if transport == TLS {
		secure := tls.Server(c, p.cfg.TLS)
		ctx, cancel := context.WithTimeout(ctx, p.cfg.HandshakeTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			p.log.Info("tls handshake failed", zap.String("miner", remote), zap.Error(err))
			_ = c.Close() // the handshake failed
			return
		}
		c = secure
	}
	p.attend(newStreamConn(c, p.cfg.MaxLine, p.cfg.WriteTimeout), remote, transport)
}

// serveSockets upgrades HTTP requests on any path. Requests with a foreign
// Origin are refused (gorilla's default), so that no web page can mine here.
func (p *Pool) serveSockets(ctx context.Context, l *listener) error {
	upgrader := websocket.Upgrader{HandshakeTimeout: p.cfg.HandshakeTimeout}
	handler := func(w http.ResponseWriter, r *http.Request) {
		p.conns.Add(1) // once hijacked, net/http no longer counts this goroutine
		defer p.conns.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			p.log.Info("not a websocket client", zap.String("miner", r.RemoteAddr), zap.Error(err))
			return // the upgrader has answered
		}
		ws.SetReadLimit(int64(p.cfg.MaxLine))
		p.attend(&socketConn{ws, p.cfg.WriteTimeout}, r.RemoteAddr, l.transport)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(handler),
		ReadHeaderTimeout: p.cfg.HandshakeTimeout,
		ErrorLog:          zap.NewStdLog(p.log),
		ConnState:         p.countHTTP(),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	socket := l.net
	if l.transport == WSS {
		config := p.cfg.TLS.Clone()
		config.NextProtos = []string{"http/1.1"} // an upgrade needs HTTP/1.1
		socket = tls.NewListener(socket, config)
	}
	err := server.Serve(socket)
	_ = server.Close() // cuts those that did not upgrade
	if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("practice pool: serve %s: %w", l.transport, err)
	}
	return nil
}

// countHTTP counts net/http's own goroutines.
func (p *Pool) countHTTP() func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			p.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			p.conns.Done()
		}
	}
}
