package stratumtest

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Proxy is a proxy that works correctly. Write a broken one as the [Script] of a
// [Server] that uses [Conn.Raw].
type Proxy struct {
	// Address is host:port; URL also has the scheme.
	Address, URL string

	ProxyRules
	t        testing.TB
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex // guards the rest
	conns []net.Conn
	asked []string
	shut  bool
}

// ProxyRules are whom a proxy serves and where it connects to.
type ProxyRules struct {
	// User and Password are required if User is not empty.
	User, Password string
	// Hosts are the names that it knows and their targets: host:port, or a
	// host, at the requested port. It looks up no others.
	Hosts map[string]string
}

// ServeSOCKS5 starts a SOCKS5 proxy. It ends with the test.
func ServeSOCKS5(t testing.TB, rules ProxyRules) *Proxy {
	p := newProxy(t, "socks5://", rules)
	p.serve(p.socks5)
	return p
}

// ServeCONNECT starts an HTTP proxy that knows only CONNECT. It ends with the
// test.
func ServeCONNECT(t testing.TB, rules ProxyRules) *Proxy {
	p := newProxy(t, "http://", rules)
	p.serve(p.connect)
	return p
}

// Asked returns the addresses, host:port, requested from the proxy so far.
func (p *Proxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.asked...)
}

// greet speaks the proxy's protocol up to the pool's address; answer then
// accepts or refuses.
type greet func(net.Conn, *bufio.Reader) (target string, answer func(ok bool), err error)

func newProxy(t testing.TB, scheme string, rules ProxyRules) *Proxy {
	l := listen(t)
	return &Proxy{Address: l.Addr().String(), URL: scheme + l.Addr().String(), ProxyRules: rules, t: t, listener: l}
}

func (p *Proxy) serve(greet greet) {
	p.running.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.handle(conn, greet) })
		}
	})
	p.t.Cleanup(p.close)
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.shut = true
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// keep closes the connection when the proxy ends.
func (p *Proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	if p.shut {
		c.Close()
	}
}

func (p *Proxy) handle(client net.Conn, greet greet) {
	defer client.Close()
	p.keep(client)
	reader := bufio.NewReader(client)
	target, answer, err := greet(client, reader)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, target)
	p.mu.Unlock()
	host, port, _ := net.SplitHostPort(target)
	if leads, known := p.Hosts[host]; known {
		if target = leads; !strings.Contains(leads, ":") {
			target = net.JoinHostPort(leads, port)
		}
	} else if net.ParseIP(host) == nil {
		answer(false)
		return
	}
	pool, err := net.Dial("tcp", target)
	answer(err == nil)
	if err != nil {
		return
	}
	defer pool.Close()
	p.keep(pool)
	p.running.Go(func() {
		_, _ = io.Copy(pool, reader)
		pool.Close()
	})
	_, _ = io.Copy(client, pool)
}

// socks5 implements RFC 1928, and RFC 1929 if a user is required.
func (p *Proxy) socks5(c net.Conn, r *bufio.Reader) (target string, answer func(bool), err error) {
	methods, err := counted(r, 1)
	if err != nil {
		return "", nil, err
	}
	method := byte(0)
	if p.User != "" {
		method = 2
	}
	if !strings.ContainsRune(methods, rune(method)) {
		_, err := c.Write([]byte{5, 0xff})
		return "", nil, fmt.Errorf("no common method: %w", err)
	}
	if _, err := c.Write([]byte{5, method}); err != nil {
		return "", nil, err
	}
	if method == 2 {
		if err := p.socks5User(c, r); err != nil {
			return "", nil, err
		}
	}
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	host := ""
	switch size := map[byte]int{1: net.IPv4len, 4: net.IPv6len}[head[3]]; size {
	case 0:
		host, err = counted(r, 0)
	default:
		ip := make(net.IP, size)
		_, err = io.ReadFull(r, ip)
		host = ip.String()
	}
	var port [2]byte
	if err == nil {
		_, err = io.ReadFull(r, port[:])
	}
	target = net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:]))))
	return target, func(ok bool) {
		reply := byte(4) // host unreachable
		if ok {
			reply = 0
		}
		_, _ = c.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
	}, err
}

func (p *Proxy) socks5User(c net.Conn, r *bufio.Reader) error {
	user, err := counted(r, 1)
	if err != nil {
		return err
	}
	password, err := counted(r, 0)
	if err != nil {
		return err
	}
	if user != p.User || password != p.Password {
		_, err := c.Write([]byte{1, 1})
		return fmt.Errorf("wrong user or password: %w", err)
	}
	_, err = c.Write([]byte{1, 0})
	return err
}

// counted skips bytes and reads a length-prefixed text.
func counted(r *bufio.Reader, skip int) (string, error) {
	if _, err := r.Discard(skip); err != nil {
		return "", err
	}
	length, err := r.ReadByte()
	if err != nil {
		return "", err
	}
	text := make([]byte, length)
	_, err = io.ReadFull(r, text)
	return string(text), err
}

func (p *Proxy) connect(c net.Conn, r *bufio.Reader) (target string, answer func(bool), err error) {
	request, err := http.ReadRequest(r)
	if err != nil {
		return "", nil, err
	}
	if request.Method != http.MethodConnect || request.Header.Get("Authorization") != "" {
		p.t.Errorf("the proxy was asked for %s %s with %v", request.Method, request.RequestURI, request.Header)
	}
	want := ""
	if p.User != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(p.User+":"+p.Password))
	}
	if request.Header.Get("Proxy-Authorization") != want {
		_, err := fmt.Fprint(c, "HTTP/1.1 407 "+request.Header.Get("Proxy-Authorization")+"\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
		return "", nil, fmt.Errorf("wrong user or password: %w", err)
	}
	return request.Host, func(ok bool) {
		status := "502 Bad Gateway"
		if ok {
			status = "200 Connection established"
		}
		fmt.Fprint(c, "HTTP/1.1 "+status+"\r\n\r\n")
	}, nil
}
