package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
)

// unacknowledged is how long what was sent may go without an acknowledgement
// by the peer's system.
const unacknowledged = 30 * time.Second

// keepAlive detects a peer that vanished while we send nothing.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}
}

// Options say how a server is reached. The zero value is the default.
type Options struct {
	TLS    TLSOptions
	Proxy  ProxyOptions
	Limits Limits
	Log    *zap.Logger // nil: silent
}

// Dialer connects to one server. It never falls back to a less secure
// connection.
type Dialer struct {
	URL      URL
	Resolver *net.Resolver // of names; nil: the system's

	options TLSOptions
	proxy   *proxyAddr // nil: none
	limits  Limits
	log     *zap.Logger
	warned  atomic.Bool // about a name that leads to a private address
}

// NewDialer checks the options. It does not connect.
func NewDialer(url URL, o Options) (*Dialer, error) {
	switch {
	case url.TLS():
		if err := o.TLS.Check(); err != nil {
			return nil, err
		}
	case o.TLS != TLSOptions{}:
		return nil, fmt.Errorf("tls options have no effect on a plain connection: use %s:// or %s://", SchemeTLS, SchemeWSS)
	}
	proxy, err := o.Proxy.parseFor(url)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Dialer{URL: url, options: o.TLS, proxy: proxy, limits: o.Limits.WithDefaults(), log: o.Log}, nil
}

// Proxy returns the URL of the proxy, without secrets; empty if there is none.
func (d *Dialer) Proxy() string {
	if d.proxy == nil {
		return ""
	}
	return d.proxy.String()
}

// Dial takes all steps to the server: Connect, Secure, Open.
func (d *Dialer) Dial(ctx context.Context) (Conn, error) {
	conn, err := d.Connect(ctx)
	if err == nil {
		conn, err = d.Secure(ctx, conn)
	}
	if err != nil {
		return nil, err
	}
	return d.Open(ctx, conn)
}

// Lookup returns the addresses of the server's name, none if that is an address
// or if the proxy has to look it up.
func (d *Dialer) Lookup(ctx context.Context) ([]netip.Addr, error) {
	if IsAddress(d.URL.Host) || d.proxy != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.limits.Connect)
	defer cancel()
	addresses, err := d.Resolver.LookupNetIP(ctx, "ip", d.URL.Host)
	if err != nil {
		return nil, dialFault(d.URL.Address(), err)
	}
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	return addresses, nil
}

// Connect opens a connection to the server, through the proxy if there is one.
func (d *Dialer) Connect(ctx context.Context) (net.Conn, error) {
	conn, err := d.tcp(ctx)
	if err == nil && d.proxy != nil {
		return d.proxy.tunnel(ctx, conn, d.URL.Address(), d.limits.Connect)
	}
	return conn, err
}

// Secure does the TLS handshake if the URL wants one, and else returns the
// connection as it is. It closes the connection if that fails.
func (d *Dialer) Secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if !d.URL.TLS() {
		return conn, nil
	}
	return d.tls(ctx, conn)
}

// Open makes the connection carry messages, and closes it if that fails.
func (d *Dialer) Open(ctx context.Context, conn net.Conn) (Conn, error) {
	if d.URL.WebSocket() {
		return d.webSocket(ctx, conn)
	}
	return NewLines(conn, d.limits), nil
}

// tcp connects to the server, or to the proxy before it. It resolves the name
// every time and tries all its addresses, IPv6 and IPv4 side by side.
func (d *Dialer) tcp(ctx context.Context) (net.Conn, error) {
	host, address := d.URL.Host, d.URL.Address()
	if d.proxy != nil {
		host, address = d.proxy.host, d.proxy.address
	}
	nd := net.Dialer{
		Timeout: d.limits.Connect, KeepAliveConfig: keepAlive(), Resolver: d.Resolver,
		ControlContext: func(_ context.Context, _, address string, conn syscall.RawConn) error {
			setUserTimeout(conn, unacknowledged)
			return d.checkAddress(host, address)
		},
	}
	conn, err := nd.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	err = dialFault(address, err)
	if f := (*Fault)(nil); d.proxy != nil && errors.As(err, &f) {
		f.What = fmt.Sprintf("proxy %s: %s", d.proxy, f.What)
	}
	return nil, err
}

// checkAddress refuses an unusable address of the host before it is connected to,
// and logs a suspect one. What was not a name is the user's own choice.
func (d *Dialer) checkAddress(host, address string) error {
	ip, err := netip.ParseAddrPort(address)
	if _, notName := netip.ParseAddr(host); err != nil || notName == nil {
		return nil
	}
	switch addr := ip.Addr().Unmap(); {
	case addr.IsUnspecified():
		// DNS filters answer so; it would lead to this machine.
		return &Fault{
			Code: "name_blocked", What: fmt.Sprintf("%q resolves to %s, where no server is", host, addr), Remedy: "is the name blocked by a DNS filter?",
			Err: &net.DNSError{Err: "resolves to " + addr.String(), Name: host, IsNotFound: true},
		}
	case d.proxy == nil && SuspectAddress(host, addr) && !d.warned.Swap(true):
		d.log.Warn("server's name leads to a private address", event.Advice("fine for your own server, else check this machine's name server"),
			zap.String("address", addr.String()))
	}
	return nil
}

// SuspectAddress reports whether a name that anyone can look up leads to a private
// address.
func SuspectAddress(host string, a netip.Addr) bool { return privateAddress(a) && publicName(host) }

func privateAddress(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}

// publicName reports whether anyone can look the name up.
func publicName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if !strings.Contains(host, ".") {
		return false
	}
	for _, home := range []string{".local", ".localhost", ".localdomain", ".lan", ".home", ".home.arpa", ".internal", ".intranet", ".private", ".corp"} {
		if strings.HasSuffix(host, home) {
			return false
		}
	}
	return true
}

// tls shakes hands on the connection, and closes it if that fails.
func (d *Dialer) tls(ctx context.Context, conn net.Conn) (net.Conn, error) {
	config, err := d.options.config(d.URL.Name())
	if err != nil {
		conn.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.limits.TLS)
	defer cancel()
	asked := false // for a certificate of ours
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{}, nil
	}
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, d.tlsFault(err, asked)
	}
	state := client.ConnectionState()
	d.log.Info("tls", zap.String("tls_version", tls.VersionName(state.Version)), zap.String("certificate", pinText(leafSum(state))))
	if d.options.Insecure {
		d.log.Warn("certificate is not verified", event.Consequence("tls insecure: anyone on the way can read and change the traffic"))
	}
	return client, nil
}

// isHangUp reports whether the peer ended the connection, orderly or not.
func isHangUp(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && op.Op == "read" && !op.Timeout()
}

// isTimeout reports whether any deadline has passed.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
