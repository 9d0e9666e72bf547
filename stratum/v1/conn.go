package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"quarry/stratum/printable"
	"quarry/stratum/transport"
	"quarry/stratum/watch"
)

// ErrNotStratum: the peer speaks something else.
var ErrNotStratum = errors.New("not a Stratum server")

// ErrFlood ends the connection to a pool that sends too many messages.
var ErrFlood = fmt.Errorf("more than %d messages a second for %d seconds", maxPushesASecond, floodSeconds)

// conn matches calls and replies over a transport. start starts its reader
// goroutine, which has ended once done is closed.
type conn struct {
	transport transport.Conn
	limits    Limits
	log       *zap.Logger
	push      func(Message, time.Time) error // called by the reader; an error ends the connection
	redact    func(string) string            // removes secrets from a text
	late      func(uint64, time.Time) bool   // told of replies that no call waits for; reports whether it knows the id
	done      chan struct{}

	writing sync.Mutex // held while writing
	calls   calls
	limited messageLimits // the reader's
}

// calls are those without a reply, and whether there can be more.
type calls struct {
	sync.Mutex
	ended   error // why the connection ended
	lastID  uint64
	pending map[uint64]func(Message) // each is given its reply by the reader, before it reads on
}

// messageLimits counts the pool's misbehavior, for the reader.
type messageLimits struct {
	understood bool // at least one message was valid
	garbage    window
	text       window // lines of it
	firstText  string // safe to print
	strays     window
	flood      flood
	garbageLog watch.Limiter
}

func newConn(t transport.Conn, limits Limits, log *zap.Logger) *conn {
	return &conn{
		transport: t, limits: limits, log: log,
		late: func(uint64, time.Time) bool { return false },
		done: make(chan struct{}), calls: calls{pending: make(map[uint64]func(Message))},
	}
}

func (c *conn) start() { go c.read() }

// end closes the connection for the given reason; the first reason counts.
func (c *conn) end(reason error) {
	c.calls.Lock()
	if c.calls.ended == nil {
		c.calls.ended = reason
	}
	c.calls.Unlock()
	c.transport.Close()
}

// why returns why the connection ended.
func (c *conn) why() error {
	c.calls.Lock()
	defer c.calls.Unlock()
	return c.calls.ended
}

// closeAfterDrain ends the connection after a write has failed: nothing more is
// sent, but what the pool sent before it hung up is still read, because there may
// be verdicts in it.
func (c *conn) closeAfterDrain(reason error) {
	c.calls.Lock()
	if c.calls.ended == nil {
		c.calls.ended = reason
	}
	c.calls.Unlock()
	go func() {
		late := time.NewTimer(drainTime)
		defer late.Stop()
		select {
		case <-late.C:
		case <-c.done:
		}
		c.transport.Close()
	}()
}

// drainTime is more than enough to read what has arrived already.
const drainTime = time.Second

// read is the reader goroutine.
func (c *conn) read() {
	defer close(c.done)
	for {
		line, err := c.transport.ReadMessage()
		if err == nil {
			err = c.take(line, time.Now())
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// take acts on one message that was complete at the given time.
func (c *conn) take(line []byte, now time.Time) error {
	m, err := ParseMessage(line)
	if err != nil {
		return c.takeGarbage(line, now, err)
	}
	c.limited.understood = true
	m.redact = c.redact
	if m.MayBeReply() {
		if replied := c.claim(&m); replied != nil {
			replied(m)
			return nil
		}
	}
	if m.Method == "" {
		if id, ok := m.CallID(); ok && c.late(id, now) {
			return nil
		}
		if c.limited.strays.add(now) > maxStrayReplies {
			return fmt.Errorf("%d unsolicited replies", maxStrayReplies)
		}
		return nil
	}
	if c.limited.flood.add(now) {
		return ErrFlood
	}
	return c.push(m, now)
}

// otherProtocol matches the first line of servers that are not pools.
const otherProtocol = `^(HTTP/|SSH-|<|220[ -]|\+OK|\* OK|-ERR)`

// takeGarbage handles bytes that are not a message. Some pools also print lines of
// text. A peer that begins with anything else is not a pool.
func (c *conn) takeGarbage(line []byte, now time.Time, err error) error {
	said := printable.Sanitize(c.redact(string(line)))
	isText := utf8.Valid(line) && !bytes.ContainsAny(line, "{}") && !bytes.HasPrefix(line, []byte("[[")) && !json.Valid(line)
	switch {
	case !c.limited.understood && (!isText || regexp.MustCompile(otherProtocol).Match(line)):
		return fmt.Errorf("%w: it says %q", ErrNotStratum, said)
	case isText:
		return c.takeText(said, now)
	}
	if c.limited.garbage.add(now) >= maxGarbage {
		return fmt.Errorf("%d unreadable messages within a minute, the last: %w", maxGarbage, err)
	}
	if c.limited.garbageLog.Allow(now) {
		c.log.Warn("ignored an unreadable message", zap.String("text", said), zap.Error(err))
	}
	return nil
}

// takeText drops a line of text. A stream of them ends the connection.
func (c *conn) takeText(said string, now time.Time) error {
	lines := c.limited.text.add(now)
	if lines == 1 {
		c.limited.firstText = said
	}
	if lines >= maxTextLines {
		return fmt.Errorf("%d lines of text within a minute, the first: %q", maxTextLines, c.limited.firstText)
	}
	if lines == 1 || lines == maxTextLines/2 {
		c.log.Warn("ignored a line of text", zap.String("text", said), zap.Int("lines", lines))
	}
	return nil
}

// explain adds the peer's words to the reason why the connection ended, if it was
// a server of another kind by all that it said. The reader has ended.
func (c *conn) explain(reason error) error {
	if c.limited.understood || c.limited.firstText == "" || errors.Is(reason, ErrNotStratum) {
		return reason
	}
	return fmt.Errorf("%w: it says %q: %w", ErrNotStratum, c.limited.firstText, reason)
}

// await waits for something that the reader will close. The error is late
// after that time, the context's, or why the connection ended.
func (c *conn) await(ctx context.Context, what <-chan struct{}, longest time.Duration, late error) error {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-what:
		return nil
	case <-timer.C:
		return late
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
	}
	select {
	case <-what: // came before the end
		return nil
	default:
		return c.why()
	}
}

// reply answers a request of the pool.
func (c *conn) reply(id json.RawMessage, result, failure any) error {
	return c.write(response{id, result, failure})
}

// write sends one message. A message that is not sent in full ends
// the connection.
func (c *conn) write(v any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeLocked(v)
}

// writeLocked is write for callers that hold writing.
func (c *conn) writeLocked(v any) error {
	message, err := encode(v, c.limits.Send)
	if err != nil {
		return err
	}
	if err := c.transport.WriteMessage(message); err != nil {
		reason := fmt.Errorf("%w: %w", transport.ErrClosed, err)
		if errors.Is(err, os.ErrDeadlineExceeded) { // the peer is there, but does not read
			c.end(reason)
		} else {
			c.closeAfterDrain(reason)
		}
		return c.why()
	}
	return nil
}
