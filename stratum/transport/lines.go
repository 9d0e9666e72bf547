package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Lines is a [Conn] over TCP and TLS: a message is a line.
type Lines struct {
	conn    net.Conn
	limits  Limits
	buf     []byte // bytes read but not yet handed out
	scanned int    // of buf, known to hold no line end
	out     []byte

	sniffed  bool
	lastLine time.Time // when the last message was complete
	lastRead time.Time
	begun    time.Time // when the first byte of the message in buf came
	handed   int       // bytes of buf that messages took
}

// NewLines takes over a connection.
func NewLines(conn net.Conn, limits Limits) *Lines {
	return &Lines{conn: conn, limits: limits.WithDefaults(), lastLine: time.Now()}
}

// readChunk is how much more than the line limit may be held, and the least that
// is asked of the connection at once; readMost is the most.
const (
	readChunk = 4 << 10
	readMost  = 64 << 10
)

// ReadMessage returns the next line that is not blank, without its end. It
// fails when a line is too long, takes too long to complete, or none comes for
// too long.
func (l *Lines) ReadMessage() ([]byte, error) {
	for {
		line, ok := l.next()
		switch {
		case ok && len(line) > l.limits.Line, !ok && len(l.buf)-l.handed > l.limits.Line:
			return nil, fmt.Errorf("line longer than %d bytes", l.limits.Line)
		case ok && len(line) > 0:
			l.lastLine = l.lastRead
			return line, nil
		case ok:
			continue
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// Blank is what some pools put around a message that is no part of it: carriage
// returns, the zero that ends a C string, a byte order mark.
const Blank = " \t\r\n\v\f\x00\ufeff"

// next takes a line off the buffer, trimmed of what is blank.
func (l *Lines) next() (line []byte, ok bool) {
	rest := l.buf[l.handed:]
	end := bytes.IndexByte(rest[l.scanned:], '\n')
	if end < 0 {
		l.scanned = len(rest)
		return nil, false
	}
	end += l.scanned
	l.handed += end + 1
	l.scanned = 0
	l.begun = l.lastRead
	return bytes.Trim(rest[:end], Blank), true
}

// fill reads more bytes, within the deadline that applies.
func (l *Lines) fill() error {
	l.buf = append(l.buf[:0], l.buf[l.handed:]...)
	l.handed = 0
	partial := len(l.buf) > 0
	deadline := l.lastLine.Add(l.limits.Silence)
	if partial {
		deadline = l.begun.Add(l.limits.LineTime)
	}
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return readError(err)
	}
	have := len(l.buf)
	room := min(l.limits.Line+readChunk-have, readMost)
	if need := have + room; need > cap(l.buf) { // append would take a quarter more
		l.buf = append(make([]byte, 0, min(max(2*cap(l.buf), need), l.limits.Line+readChunk)), l.buf...)
	}
	n, err := l.conn.Read(l.buf[have : have+room])
	l.buf = l.buf[:have+n]
	l.lastRead = time.Now()
	if !partial {
		l.begun = l.lastRead
	}
	if !l.sniffed && n > 0 {
		l.sniffed = true
		if first := l.buf[0]; first == 0x15 || first == 0x16 { // TLS alert, handshake
			return ErrTLSServer
		}
	}
	switch {
	case n > 0 || err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && partial:
		return fmt.Errorf("a line was not complete after %v", l.limits.LineTime)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w for %v", ErrSilent, l.limits.Silence)
	case errors.Is(err, io.EOF) && partial:
		return fmt.Errorf("%w in the middle of a line", ErrClosed)
	}
	return readError(err)
}

// readError makes the end of a connection one of our errors.
func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrClosed
	}
	if f := alertFault(URL{}, err); f != nil {
		return f
	}
	if errors.Is(err, syscall.ETIMEDOUT) {
		return fmt.Errorf("%w: %w", ErrTimedOut, err)
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

// WriteMessage writes the message and its line end in one write.
func (l *Lines) WriteMessage(message []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.limits.Write)); err != nil {
		return fmt.Errorf("write to the server: %w", err)
	}
	l.out = append(append(l.out[:0], message...), '\n')
	if _, err := l.conn.Write(l.out); err != nil {
		return fmt.Errorf("write to the server: %w", err)
	}
	return nil
}

// Close closes the connection.
func (l *Lines) Close() error { return l.conn.Close() }
