package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// maxUpgrade bounds what a server may send until the WebSocket is open.
const maxUpgrade = 64 << 10

// webSocket opens a WebSocket on the connection, and closes it if that fails.
func (d *Dialer) webSocket(ctx context.Context, conn net.Conn) (Conn, error) {
	bounded := &boundedConn{Conn: conn}
	bounded.left.Store(maxUpgrade)

	ctx, cancel := context.WithTimeout(ctx, d.limits.TLS)
	defer cancel()
	// The library does not watch the context while it waits for the answer.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	handed := func(context.Context, string, string) (net.Conn, error) { return bounded, nil }
	wsDialer := websocket.Dialer{NetDialContext: handed, NetDialTLSContext: handed}
	scheme := "ws://"
	if d.URL.TLS() {
		scheme = "wss://"
	}
	named := d.URL
	named.Host = named.Name()
	ws, response, err := wsDialer.DialContext(ctx, scheme+named.Address()+named.Path, nil)
	if err != nil || !stop() {
		conn.Close()
		return nil, d.upgradeError(ctx, err, response)
	}
	bounded.left.Store(-1)
	ws.SetReadLimit(int64(d.limits.Line))
	return &webSocket{ws: ws, limits: d.limits}, nil
}

func (d *Dialer) upgradeError(ctx context.Context, err error, response *http.Response) error {
	plain := SchemeTCP
	if d.URL.TLS() {
		plain = SchemeTLS
	}
	if f := alertFault(d.URL, err); f != nil {
		return f
	}
	hint := fmt.Sprintf("if this port takes no WebSocket, use %s://", plain)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("open websocket: %w", ctx.Err())
	case ctx.Err() != nil, isTimeout(err):
		return fmt.Errorf("open websocket: no answer within %v: %s", d.limits.TLS, hint)
	case errors.Is(err, websocket.ErrBadHandshake):
		return fmt.Errorf("%w with %q: check host, port and path",
			ErrNoWebSocket, fmt.Sprint(response.StatusCode, " ", http.StatusText(response.StatusCode)))
	case isHangUp(err):
		return fmt.Errorf("open websocket: %w: %s", ErrClosed, hint)
	}
	return fmt.Errorf("open websocket: %w: %s", err, hint)
}

// boundedConn fails when more bytes are read than are left; below zero there
// is no bound.
type boundedConn struct {
	net.Conn
	left atomic.Int64
}

func (c *boundedConn) Read(b []byte) (int, error) {
	left := c.left.Load()
	switch {
	case left < 0:
		return c.Conn.Read(b)
	case left == 0:
		return 0, errors.New("the server's answer is too long")
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// webSocket is a [Conn] with one message in each text message.
type webSocket struct {
	ws     *websocket.Conn
	limits Limits
}

// ReadMessage returns the next message that is not blank.
func (w *webSocket) ReadMessage() ([]byte, error) {
	deadline := time.Now().Add(w.limits.Silence)
	for {
		message, err := w.read(deadline)
		if err != nil {
			return nil, w.readError(err)
		}
		if message = bytes.TrimPrefix(bytes.TrimSpace(message), []byte("\xef\xbb\xbf")); len(message) > 0 {
			return message, nil
		}
	}
}

func (w *webSocket) read(deadline time.Time) ([]byte, error) {
	if err := w.ws.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	_, reader, err := w.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if err := w.ws.SetReadDeadline(time.Now().Add(w.limits.LineTime)); err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func (w *webSocket) readError(err error) error {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		return fmt.Errorf("message longer than %d bytes", w.limits.Line)
	case errors.As(err, &closed):
		return fmt.Errorf("%w (%d)", ErrClosed, closed.Code) // its text may say anything
	case isTimeout(err):
		return fmt.Errorf("%w for %v, or one that was not complete after %v", ErrSilent, w.limits.Silence, w.limits.LineTime)
	}
	return readError(err)
}

// WriteMessage writes one text message.
func (w *webSocket) WriteMessage(message []byte) error {
	if err := w.ws.SetWriteDeadline(time.Now().Add(w.limits.Write)); err != nil {
		return fmt.Errorf("write to the server: %w", err)
	}
	if err := w.ws.WriteMessage(websocket.TextMessage, message); err != nil {
		return fmt.Errorf("write to the server: %w", err)
	}
	return nil
}

// Close closes the connection without the closing handshake, which no server
// needs and a hostile one would not answer.
func (w *webSocket) Close() error { return w.ws.Close() }
