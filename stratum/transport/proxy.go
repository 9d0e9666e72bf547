package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// ProxyOptions say through what proxy a server is reached. The zero value is
// none. The proxy is asked for the server by name: that name is not looked up
// here.
type ProxyOptions struct {
	URL            string // socks5://host:port or http://host:port (CONNECT)
	User, Password string // for the proxy; empty: none
}

// Schemes of proxies, in the spelling of messages.
const (
	schemeSOCKS5  = "socks5"
	schemeConnect = "http"
)

const proxyHint = "use socks5://host:port or http://host:port"

// maxProxyReply bounds in bytes what an HTTP proxy may answer.
const maxProxyReply = 8 << 10

// Check reports what is wrong with the options themselves.
func (o ProxyOptions) Check() error {
	_, err := o.parse()
	return err
}

// CheckFor reports what is wrong with them for that server.
func (o ProxyOptions) CheckFor(u URL) error {
	_, err := o.parseFor(u)
	return err
}

func (o ProxyOptions) parseFor(u URL) (*proxyAddr, error) {
	p, err := o.parse()
	if err == nil && p != nil && u.Zone() != "" {
		return nil, fmt.Errorf("the zone %q is an interface of this machine, which a proxy cannot connect through: leave out the zone or the proxy", u.Zone())
	}
	return p, err
}

// proxyAddr is a proxy that is known to be well-formed.
type proxyAddr struct {
	scheme         string
	host           string
	address        string // host:port
	user, password string
}

// String is the proxy's URL. It holds no secret.
func (p *proxyAddr) String() string { return p.scheme + "://" + p.address }

// parse returns nil without a proxy.
func (o ProxyOptions) parse() (*proxyAddr, error) {
	if o.URL == "" {
		if o.User != "" || o.Password != "" {
			return nil, errors.New("the proxy's user and password have no effect without a proxy")
		}
		return nil, nil
	}
	if strings.Contains(o.URL, "@") {
		// Never echoed: the part before the @ may be a password.
		return nil, errors.New("proxy url: user and password do not belong in the url: use the settings proxy_user and proxy_password")
	}
	text := strings.TrimFunc(o.URL, blank)
	p, err := parseProxyURL(text)
	if err != nil {
		if better := mistyped(text, []string{"socks5h", "socks5", "http"}, proxyScheme); better != nil {
			err = better
		}
		return nil, fmt.Errorf("proxy url %.100q: %w", text, err)
	}
	p.user, p.password = o.User, o.Password
	return p, p.checkCredentials()
}

func parseProxyURL(text string) (*proxyAddr, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return nil, errors.New("needs a scheme: " + proxyHint)
	}
	p := &proxyAddr{}
	var err error
	if p.scheme, err = proxyScheme(scheme); err != nil {
		return nil, err
	}
	host, port, err := splitAddress(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return nil, err
	}
	p.host, p.address = host, URL{Host: host, Port: port}.Address()
	return p, nil
}

func proxyScheme(scheme string) (string, error) {
	switch strings.ToLower(scheme) {
	case "socks5", "socks5h":
		return schemeSOCKS5, nil
	case "http":
		return schemeConnect, nil
	}
	return "", fmt.Errorf("%q is not a kind of proxy that quarry supports: %s", scheme, proxyHint)
}

// checkCredentials refuses what the protocols cannot carry.
func (p *proxyAddr) checkCredentials() error {
	switch {
	case p.user == "" && p.password != "":
		return errors.New("the proxy's password needs a proxy user")
	case p.scheme == schemeSOCKS5 && (len(p.user) > 255 || len(p.password) > 255):
		return errors.New("a socks5 proxy takes a user and a password of 255 bytes at most")
	case p.scheme == schemeConnect && strings.Contains(p.user, ":"):
		return errors.New("an http proxy takes no user with a colon")
	case len(p.user)+len(p.password) > 4096:
		return errors.New("the proxy's user and password are longer than 4096 bytes")
	}
	return nil
}

// tunnel has the proxy at the other end of the connection connect to address.
// The connection is closed if that fails.
func (p *proxyAddr) tunnel(ctx context.Context, conn net.Conn, address string, patience time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	through := p.connect
	if p.scheme == schemeSOCKS5 {
		through = p.socks5
	}
	tunneled, err := through(ctx, conn, address)
	if err == nil {
		return tunneled, nil
	}
	conn.Close()
	var broken *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, p.fault("%w", ctx.Err())
	case ctx.Err() != nil, isTimeout(err):
		return nil, p.fault("no answer within %v: it is stuck, cannot reach %s, or is another kind of proxy", patience, address)
	case isHangUp(err), errors.As(err, &broken):
		return nil, p.fault("it closed the connection when asked for %s: it is another kind of proxy, or refuses us", address)
	}
	return nil, p.fault("%w", err)
}

// fault names the proxy in an error.
func (p *proxyAddr) fault(format string, args ...any) error {
	return fmt.Errorf("proxy %s: "+format, append([]any{p}, args...)...)
}

func (p *proxyAddr) unreachable(address, why string) error {
	return fmt.Errorf("it cannot reach %s: %s", address, why)
}

// ErrProxyUser means that a proxy needs another user or password.
var ErrProxyUser = errors.New("access denied")

func (p *proxyAddr) unauthorized() error {
	if p.user == "" {
		return fmt.Errorf("%w: it requires a user and password: set proxy_user and proxy_password", ErrProxyUser)
	}
	return fmt.Errorf("%w: it refuses the user or password: check proxy_user and proxy_password", ErrProxyUser)
}

// handed is a dialer that returns a connection that is open already.
type handed struct{ net.Conn }

func (h handed) Dial(string, string) (net.Conn, error) { return h.Conn, nil }

// DialContext is Dial.
func (h handed) DialContext(context.Context, string, string) (net.Conn, error) { return h.Conn, nil }

// socks5 shakes hands as RFC 1928 and 1929 say. The library watches the
// context and its deadline, and reads no byte more than the replies have.
func (p *proxyAddr) socks5(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	var auth *proxy.Auth
	if p.user != "" {
		auth = &proxy.Auth{User: p.user, Password: p.password}
	}
	d, err := proxy.SOCKS5("tcp", p.address, auth, handed{conn})
	if err != nil {
		return nil, err
	}
	tunneled, err := d.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	if err == nil {
		return tunneled, nil
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) { // it names both ends, as we do already
		err = op.Err
	}
	// The library has no values for these.
	text := err.Error()
	if reply, ok := strings.CutPrefix(text, "unknown error "); ok {
		return nil, p.unreachable(address, reply)
	}
	switch {
	case text == "no acceptable authentication methods", strings.HasSuffix(text, "authentication failed"):
		return nil, p.unauthorized()
	case strings.HasPrefix(text, "un"): // unexpected protocol version, unknown address type, unsupported ...
		return nil, fmt.Errorf("it does not speak socks5 (%w): if it is an http proxy, use http://", err)
	}
	return nil, err
}

// connect asks an HTTP proxy for a tunnel (RFC 9110, 9.3.6). Of its answer
// only the number counts: it may hold our own secrets.
func (p *proxyAddr) connect(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address,
		Header: http.Header{"User-Agent": nil},
	}
	if p.user != "" {
		request.SetBasicAuth(p.user, p.password)
		request.Header["Proxy-Authorization"] = request.Header["Authorization"]
		request.Header.Del("Authorization")
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxProxyReply}
	reader := bufio.NewReader(limited)
	response, err := http.ReadResponse(reader, request)
	switch {
	case err != nil && limited.N == 0:
		return nil, fmt.Errorf("its answer is longer than %d bytes", maxProxyReply)
	case err != nil && (isTimeout(err) || isHangUp(err)):
		return nil, err
	case err != nil: // its text has the answer in it
		return nil, errors.New("it does not speak http: if it is a socks5 proxy, use socks5://")
	case response.StatusCode == http.StatusProxyAuthRequired, response.StatusCode == http.StatusUnauthorized: // tinyproxy's
		return nil, p.unauthorized()
	case response.StatusCode == http.StatusForbidden:
		return nil, p.unreachable(address, "403 Forbidden (many http proxies allow port 443 only)")
	case response.StatusCode/100 != 2:
		return nil, p.unreachable(address, fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode)))
	case !stop():
		return nil, ctx.Err()
	}
	early, err := reader.Peek(reader.Buffered())
	return &earlyConn{Conn: conn, early: early}, err
}

// earlyConn is a connection of which some bytes were read already.
type earlyConn struct {
	net.Conn
	early []byte
}

// Read gives the early bytes first.
func (c *earlyConn) Read(b []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.early)
	c.early = c.early[n:]
	return n, nil
}
