package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

var (
	// ErrNoAnswer ends a call without a reply in time.
	ErrNoAnswer = errors.New("no answer")
	// ErrFlood ends the connection to a pool that sends too many messages.
	ErrFlood = fmt.Errorf("more than %d messages a second for %d seconds", maxPushesASecond, floodSeconds)
	// errTooManyCalls is the error of a call that was not made because too many
	// wait for their answer.
	errTooManyCalls = errors.New("too many calls are waiting for their answer")
)

// conn matches calls and replies over a transport. Its reader goroutine is
// begun by start and has ended once done is closed.
type conn struct {
	transport Transport
	limits    Limits
	log       *zap.Logger
	push      func(Message, time.Time) error // called by the reader; an error ends the connection
	redact    func(string) string            // takes secrets out of a text
	late      func(uint64, time.Time) bool   // told of replies that nobody waits for; true if it knows the id
	done      chan struct{}

	writing sync.Mutex // held while writing

	mu      sync.Mutex // guards the rest
	reason  error      // why the connection ended
	lastID  uint64
	pending map[uint64]*pending

	conduct conduct // the reader's
}

// pending is a call that waits for its reply.
type pending struct {
	apply func(Message) error // run by the reader before it reads on; may be nil
	reply chan answer         // room for one
}

type answer struct {
	message Message
	err     error // what apply said
}

// conduct is what the reader remembers of the pool's misbehaviour.
type conduct struct {
	understood bool // at least one message was one
	garbage    window
	strays     window
	flood      flood
	garbageLog limiter
}

func newConn(t Transport, limits Limits, log *zap.Logger) *conn {
	return &conn{
		transport: t, limits: limits, log: log,
		late: func(uint64, time.Time) bool { return false },
		done: make(chan struct{}), pending: make(map[uint64]*pending),
	}
}

func (c *conn) start() { go c.read() }

// end closes the connection for the given reason; the first reason counts.
func (c *conn) end(reason error) {
	c.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	c.mu.Unlock()
	c.transport.Close()
}

// why is the reason for which the connection ended.
func (c *conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// lame ends the connection after a write has failed: nothing is sent any more,
// but what the pool said before it hung up is still read. There may be verdicts
// in it.
func (c *conn) lame(reason error) {
	c.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	c.mu.Unlock()
	go func() {
		late := time.NewTimer(lameTime)
		defer late.Stop()
		select {
		case <-late.C:
		case <-c.done:
		}
		c.transport.Close()
	}()
}

// lameTime is plenty to read what has arrived already.
const lameTime = time.Second

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
	c.conduct.understood = true
	m.redact = c.redact
	if m.MayBeReply() {
		if p := c.claim(&m); p != nil {
			a := answer{message: m}
			if p.apply != nil {
				a.err = p.apply(m)
			}
			p.reply <- a
			return nil
		}
	}
	if m.Method == "" {
		if id, ok := m.CallID(); ok && c.late(id, now) {
			return nil
		}
		if c.conduct.strays.add(now) > maxStrayReplies {
			return fmt.Errorf("%d replies to nothing we asked", maxStrayReplies)
		}
		return nil
	}
	if c.conduct.flood.add(now) {
		return ErrFlood
	}
	return c.push(m, now)
}

// takeGarbage decides about a message that is none. A peer of which nothing
// was understood yet is something else than a pool.
func (c *conn) takeGarbage(line []byte, now time.Time, err error) error {
	said := Sanitise(c.redact(string(line)))
	if !c.conduct.understood {
		return fmt.Errorf("%w: it says %q", ErrNotStratum, said)
	}
	if c.conduct.garbage.add(now) >= maxGarbage {
		return fmt.Errorf("%d unreadable messages within a minute, the last: %w", maxGarbage, err)
	}
	if c.conduct.garbageLog.allow(now) {
		c.log.Warn("ignored an unreadable message", zap.String("text", said), zap.Error(err))
	}
	return nil
}

// claim takes the call off the list to which the message is the reply.
func (c *conn) claim(m *Message) *pending {
	id, ok := m.CallID()
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[id]
	delete(c.pending, id)
	return p
}

// call is one request and what goes with it.
type call struct {
	method  string
	params  []any
	timeout time.Duration
	apply   func(Message) error           // see pending
	written func(id uint64, at time.Time) // told when the bytes are written; may be nil
}

// call sends a request and waits for its reply. The error is what apply said,
// ErrNoAnswer, the context's, or why the connection ended.
func (c *conn) call(ctx context.Context, rq call) (Message, error) {
	p := &pending{apply: rq.apply, reply: make(chan answer, 1)}
	id, err := c.ask(p, rq.method, rq.params)
	defer c.forget(id)
	if err != nil {
		return Message{}, err
	}
	if rq.written != nil {
		rq.written(id, time.Now())
	}
	timer := time.NewTimer(rq.timeout)
	defer timer.Stop()
	select {
	case a := <-p.reply:
		return a.message, a.err
	case <-timer.C:
		return Message{}, fmt.Errorf("%w to %s within %v", ErrNoAnswer, rq.method, rq.timeout)
	case <-ctx.Done():
		return Message{}, ctx.Err()
	case <-c.done:
	}
	select {
	case a := <-p.reply: // came before the end
		return a.message, a.err
	default:
		return Message{}, c.why()
	}
}

// await waits for something that the reader will close. The error is late
// after so long, the context's, or why the connection ended.
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

// tell sends a request whose reply does not matter.
func (c *conn) tell(method string, params []any) error {
	_, err := c.ask(&pending{reply: make(chan answer, 1)}, method, params)
	return err
}

// ask writes a request. Ids rise in the order of writing: the id is given
// while nobody else can write. The id of a failed request is good to forget.
func (c *conn) ask(p *pending, method string, params []any) (id uint64, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if id, err = c.register(p); err != nil {
		return 0, err
	}
	return id, c.writeLocked(request{id, method, params})
}

// reply answers a request of the pool.
func (c *conn) reply(id json.RawMessage, result, failure any) error {
	return c.write(response{id, result, failure})
}

func (c *conn) register(p *pending) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil {
		return 0, c.reason
	}
	if len(c.pending) >= c.limits.Calls {
		return 0, errTooManyCalls
	}
	c.lastID++
	c.pending[c.lastID] = p
	return c.lastID, nil
}

func (c *conn) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// write sends one message. A message that is not sent whole ends the
// connection.
func (c *conn) write(v any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeLocked(v)
}

// writeLocked is write for who holds writing.
func (c *conn) writeLocked(v any) error {
	message, err := encode(v, c.limits.Send)
	if err != nil {
		return err
	}
	if err := c.transport.WriteMessage(message); err != nil {
		reason := fmt.Errorf("%w: %w", ErrClosed, err)
		if errors.Is(err, os.ErrDeadlineExceeded) { // it is there, and does not read
			c.end(reason)
		} else {
			c.lame(reason)
		}
		return c.why()
	}
	return nil
}
