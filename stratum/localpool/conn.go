package localpool

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

var (
	errLineTooLong = errors.New("line too long")
	errNotText     = errors.New("not a text message")
)

// conn carries lines. ReadLine is called by one goroutine, WriteLine by
// another, kick by any goroutine.
type conn interface {
	// ReadLine returns the next line without its end, valid until the next call.
	ReadLine() ([]byte, error)
	// WriteLine writes a line that ends with '\n'.
	WriteLine(line []byte) error
	SetReadDeadline(t time.Time) error
	Close() error
	// kick cuts the connection at once, without a closing handshake that could
	// block.
	kick()
}

// streamConn is a TCP or TLS connection.
type streamConn struct {
	net.Conn
	reader *bufio.Reader // its size bounds the line
	writes time.Duration
}

func newStreamConn(c net.Conn, maxLine int, writes time.Duration) *streamConn {
	return &streamConn{Conn: c, reader: bufio.NewReaderSize(c, maxLine), writes: writes}
}

func (c *streamConn) ReadLine() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errLineTooLong
	}
	if err != nil {
		return nil, err // a line without its end is dropped
	}
	return line[:len(line)-1], nil
}

func (c *streamConn) WriteLine(line []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.writes)); err != nil {
		return err
	}
	_, err := c.Write(line)
	return err
}

func (c *streamConn) kick() { kickRaw(c.Conn) }

// kickRaw closes the socket below TLS: tls.Conn.Close first sends an alert,
// which blocks on a peer that does not read.
func kickRaw(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.Close()
}

// socketConn is a WebSocket connection: one line per text message.
type socketConn struct {
	*websocket.Conn
	writes time.Duration
}

func (c *socketConn) ReadLine() ([]byte, error) {
	kind, line, err := c.ReadMessage()
	if errors.Is(err, websocket.ErrReadLimit) {
		return nil, errLineTooLong
	}
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errNotText
	}
	return line, nil
}

func (c *socketConn) WriteLine(line []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.writes)); err != nil {
		return fmt.Errorf("write deadline: %w", err)
	}
	return c.WriteMessage(websocket.TextMessage, line[:len(line)-1])
}

func (c *socketConn) kick() { kickRaw(c.NetConn()) }

// queued is a line waiting to be written.
type queued struct {
	line  []byte
	since time.Time
}

// write sends the queued lines; after a failure it discards them.
func (s *session) write() {
	var failed bool
	for next := range s.queue {
		if failed {
			continue
		}
		if err := s.writeLine(next); err != nil {
			failed = true
			s.conn.kick()
		}
	}
}

func (s *session) writeLine(q queued) error {
	if s.faults != nil {
		return s.faults.Write(q.line, q.since, s.conn.WriteLine)
	}
	return s.conn.WriteLine(q.line)
}

// endReason says for people why a connection ended.
func endReason(err error) string {
	switch {
	case errors.Is(err, io.EOF):
		return "the miner hung up"
	case errors.Is(err, net.ErrClosed):
		return "the pool hung up"
	}
	return err.Error()
}
