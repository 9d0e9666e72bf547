package stratumtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Open listens, unless it does already.
func (i *Injector) Open() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.listener != nil || i.shut {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(i.ip, i.Port()))
	if err != nil {
		return fmt.Errorf("injector: %w", err)
	}
	i.listener = l
	i.workers.Go(func() { i.accept(l) })
	return nil
}

// Refuse stops listening until Open. Existing connections stay.
func (i *Injector) Refuse() {
	if i.unlisten() {
		i.add(Refused)
	}
}

func (i *Injector) unlisten() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.listener == nil {
		return false
	}
	i.listener.Close()
	i.listener = nil
	return true
}

// Move listens on another address of this machine instead, and drops the
// connections of the old one.
func (i *Injector) Move(ip string) error {
	i.unlisten()
	i.mu.Lock()
	i.ip = ip
	i.mu.Unlock()
	i.add(Moved)
	i.end(Moved)
	return i.Open()
}

func (i *Injector) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		i.workers.Go(func() { i.serve(conn) })
	}
}

// serve runs one connection from its first to its last byte.
func (i *Injector) serve(client net.Conn) {
	defer client.Close()
	i.mu.Lock()
	upstream, shown := i.upstream, i.shown
	i.mu.Unlock()
	raw := client
	if shown != nil {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
		defer cancel()
		secure := tls.Server(client, &tls.Config{Certificates: []tls.Certificate{*shown}})
		if secure.HandshakeContext(ctx) != nil {
			return
		}
		client = secure
	}
	pool, err := net.DialTimeout("tcp", upstream, handshakeTime)
	if err != nil {
		return // like a load balancer without its pool
	}
	defer pool.Close()
	l := &link{
		injector: i, raw: raw, ended: make(chan struct{}),
		sides: [2]*side{
			ToPool:   {direction: ToPool, from: client, to: pool, lines: make(chan line, queuedLines)},
			ToClient: {direction: ToClient, from: pool, to: client, lines: make(chan line, queuedLines)},
		},
	}
	if !i.admit(l) {
		return
	}
	i.witness.Opened(l.number, shown)
	l.run()
	i.mu.Lock()
	delete(i.links, l)
	i.mu.Unlock()
}

const (
	handshakeTime = 10 * time.Second
	queuedLines   = 4096 // queued on one side of a link
)

func (i *Injector) admit(l *link) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.shut {
		return false
	}
	i.count++
	l.number = i.count
	i.links[l] = struct{}{}
	return true
}

// newReader reads lines of any length that a test sends.
func newReader(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, 64<<10) }
