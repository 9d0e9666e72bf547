package stratum

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"go.uber.org/zap"

	"quarry/stratum/v1"
)

// Keepalive probes find a peer that is gone without a word.
const keepAlive = 30 * time.Second

// Dial connects to a pool. It never falls back to a less secure connection.
// The logger may be nil.
func Dial(ctx context.Context, u URL, options TLSOptions, limits v1.Limits, log *zap.Logger) (v1.Transport, error) {
	d := dialer{url: u, options: options, limits: limits.WithDefaults(), log: log}
	if log == nil {
		d.log = zap.NewNop()
	}
	if u.WebSocket() {
		return d.webSocket(ctx)
	}
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	return v1.NewLines(conn, d.limits), nil
}

type dialer struct {
	url     URL
	options TLSOptions
	limits  v1.Limits
	log     *zap.Logger
}

// connect makes the connection that messages go over: TCP, with TLS if the
// URL says so.
func (d *dialer) connect(ctx context.Context) (net.Conn, error) {
	conn, err := d.tcp(ctx)
	if err != nil || !d.url.TLS() {
		return conn, err
	}
	return d.tls(ctx, conn)
}

// tcp resolves the name anew and tries all its addresses, IPv6 and IPv4 side
// by side.
func (d *dialer) tcp(ctx context.Context) (net.Conn, error) {
	nd := net.Dialer{Timeout: d.limits.Connect, KeepAlive: keepAlive}
	conn, err := nd.DialContext(ctx, "tcp", d.url.Address())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
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
		d.log.Warn("the pool's certificate is not verified (tls insecure): anyone in between can take your shares",
			zap.String("pool", d.url.String()))
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
