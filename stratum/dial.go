package stratum

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

	"quarry/stratum/v1"
)

// unacknowledged is how long what was sent may go without an acknowledgement
// by the peer's system.
const unacknowledged = 30 * time.Second

// keepAlive finds a peer that is gone without a word while we say nothing.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}
}

// dialer connects to one pool. It never falls back to a less secure
// connection.
type dialer struct {
	url      URL
	options  TLSOptions
	proxy    *via // nil: none
	limits   v1.Limits
	log      *zap.Logger
	resolver *net.Resolver // nil: the system's

	told atomic.Bool // that the pool's name leads to a private address
}

// newDialer checks the pool's options. The limits must be complete.
func newDialer(url URL, p Pool, limits v1.Limits, log *zap.Logger) (*dialer, error) {
	switch {
	case url.TLS():
		if err := p.TLS.Check(); err != nil {
			return nil, err
		}
	case p.TLS != TLSOptions{}:
		return nil, fmt.Errorf("tls options have no effect on a plain connection: use %s:// or %s://", SchemeTLS, SchemeWSS)
	}
	proxy, err := p.Proxy.parse()
	if err != nil {
		return nil, err
	}
	return &dialer{url: url, options: p.TLS, proxy: proxy, limits: limits, log: log}, nil
}

// through names the proxy, if there is one.
func (d *dialer) through() zap.Field {
	if d.proxy == nil {
		return zap.Skip()
	}
	return zap.Stringer("proxy", d.proxy)
}

// dial connects to the pool.
func (d *dialer) dial(ctx context.Context) (v1.Transport, error) {
	conn, err := d.tcp(ctx)
	if err == nil && d.proxy != nil {
		conn, err = d.proxy.tunnel(ctx, conn, d.url.Address(), d.limits.Connect)
	}
	if err == nil && d.url.TLS() {
		conn, err = d.tls(ctx, conn)
	}
	if err != nil {
		return nil, err
	}
	return d.transport(ctx, conn)
}

// transport opens what messages go over on the connection.
func (d *dialer) transport(ctx context.Context, conn net.Conn) (v1.Transport, error) {
	if d.url.WebSocket() {
		return d.webSocket(ctx, conn)
	}
	return v1.NewLines(conn, d.limits), nil
}

// tcp connects to the pool, or to the proxy before it. It resolves the name
// anew and tries all its addresses, IPv6 and IPv4 side by side.
func (d *dialer) tcp(ctx context.Context) (net.Conn, error) {
	host, address := d.url.Host, d.url.Address()
	if d.proxy != nil {
		host, address = d.proxy.host, d.proxy.address
	}
	nd := net.Dialer{
		Timeout: d.limits.Connect, KeepAliveConfig: keepAlive(), Resolver: d.resolver,
		ControlContext: func(_ context.Context, _, address string, conn syscall.RawConn) error {
			setPatience(conn, unacknowledged)
			return d.judge(host, address)
		},
	}
	conn, err := nd.DialContext(ctx, "tcp", address)
	switch {
	case err == nil:
		return conn, nil
	case d.proxy != nil:
		return nil, d.proxy.fault("connect: %w", err)
	}
	return nil, fmt.Errorf("connect: %w", err)
}

// judge looks at an address of the host before it is connected to. What was
// not a name is the user's own choice.
func (d *dialer) judge(host, address string) error {
	ip, err := netip.ParseAddrPort(address)
	if _, notName := netip.ParseAddr(host); err != nil || notName == nil {
		return nil
	}
	switch addr := ip.Addr().Unmap(); {
	case addr.IsUnspecified():
		// It is how filters of names say no, and would lead to this machine.
		return &net.DNSError{Err: "its address is " + addr.String() + ", which is none: is the name blocked here?", Name: host, IsNotFound: true}
	case d.proxy == nil && privateAddress(addr) && publicName(host) && !d.told.Swap(true):
		d.log.Warn("the pool's name leads to a private address: fine for a pool of your own, else see who answers for names here",
			zap.String("address", addr.String()))
	}
	return nil
}

func privateAddress(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}

// publicName knows the names that anybody could look up.
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
func (d *dialer) tls(ctx context.Context, conn net.Conn) (net.Conn, error) {
	config, err := d.options.config(d.url.Host)
	if err != nil {
		conn.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.limits.TLS)
	defer cancel()
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, d.tlsError(err)
	}
	state := client.ConnectionState()
	d.log.Info("tls", zap.String("version", tls.VersionName(state.Version)), zap.String("certificate", pinText(leafSum(state))))
	if d.options.Insecure {
		d.log.Warn("the pool's certificate is not verified (tls insecure): anyone in between can take your shares")
	}
	return client, nil
}

// tlsError says in our words why the handshake failed.
func (d *dialer) tlsError(err error) error {
	plain := SchemeTCP
	if d.url.WebSocket() {
		plain = SchemeWS
	}
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrCertificate):
		return err
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: %w: if it is the pool's own, name its authority (tls ca) or pin it (tls pin %s)",
			ErrCertificate, certificate.Err, pinText(leafSum(tls.ConnectionState{PeerCertificates: certificate.UnverifiedCertificates})))
	case errors.As(err, &record):
		return fmt.Errorf("the server does not speak TLS: use %s:// if this port is meant to be plain", plain)
	case isHangUp(err), isTimeout(err):
		return fmt.Errorf("no TLS handshake (%w): if this port is plain, use %s://", err, plain)
	}
	if strings.Contains(err.Error(), "protocol version") {
		return fmt.Errorf("tls: %w: quarry wants TLS 1.2 or later, which the pool must offer", err)
	}
	return fmt.Errorf("tls: %w", err)
}

// isHangUp knows a connection that the peer ended, politely or not.
func isHangUp(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && op.Op == "read" && !op.Timeout()
}

// isTimeout knows a deadline that passed, whosever it was.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
