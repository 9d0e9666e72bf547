package v1

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoAnswer ends a call that got no reply in time, errTooManyCalls one that was
// not made because too many are pending.
var (
	ErrNoAnswer     = errors.New("no answer")
	errTooManyCalls = errors.New("too many calls are pending")
)

// call is a request that was written, whose reply is read as a T.
type call[T any] struct {
	conn     *conn
	method   string
	id       uint64
	written  time.Time      // when its last byte was
	answered chan answer[T] // room for one
}

type answer[T any] struct {
	value T
	err   error
}

// send writes a request. The reader has read turn the reply into what it means
// before it reads on: what read does happens in the order of the pool's lines.
// Its result is what wait returns.
func send[T any](c *conn, method string, params []any, read func(Message) (T, error)) (*call[T], error) {
	answered := make(chan answer[T], 1)
	id, err := c.ask(method, params, func(reply Message) {
		value, err := read(reply)
		answered <- answer[T]{value, err}
	})
	if err != nil {
		c.forget(id)
		return nil, err
	}
	return &call[T]{c, method, id, time.Now(), answered}, nil
}

// wait returns what the reply means. The error is what read said, ErrNoAnswer,
// the context's, or why the connection ended.
func (c *call[T]) wait(ctx context.Context, longest time.Duration) (none T, err error) {
	defer c.conn.forget(c.id)
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case a := <-c.answered:
		return a.value, a.err
	case <-timer.C:
		return none, fmt.Errorf("%w to %s within %v", ErrNoAnswer, c.method, longest)
	case <-ctx.Done():
		return none, ctx.Err()
	case <-c.conn.done:
	}
	select {
	case a := <-c.answered: // came before the end
		return a.value, a.err
	default:
		return none, c.conn.why()
	}
}

// call sends a request and waits until its reply was read. The error is that of
// send or wait.
func (c *conn) call(ctx context.Context, longest time.Duration, method string, params []any, read func(Message) error) error {
	sent, err := send(c, method, params, func(reply Message) (struct{}, error) { return struct{}{}, read(reply) })
	if err != nil {
		return err
	}
	_, err = sent.wait(ctx, longest)
	return err
}

// post sends a request whose reply does not matter.
func (c *conn) post(method string, params []any) error {
	_, err := c.ask(method, params, func(Message) {})
	return err
}

// ask writes a request. Ids rise in the order of writing: the id is given
// while the write lock is held. The id of a failed request may be forgotten.
func (c *conn) ask(method string, params []any, replied func(Message)) (id uint64, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if id, err = c.register(replied); err != nil {
		return 0, err
	}
	return id, c.writeLocked(request{id, method, params})
}

func (c *conn) register(replied func(Message)) (uint64, error) {
	c.calls.Lock()
	defer c.calls.Unlock()
	if c.calls.ended != nil {
		return 0, c.calls.ended
	}
	if len(c.calls.pending) >= c.limits.Calls {
		return 0, errTooManyCalls
	}
	c.calls.lastID++
	c.calls.pending[c.calls.lastID] = replied
	return c.calls.lastID, nil
}

func (c *conn) forget(id uint64) {
	c.calls.Lock()
	defer c.calls.Unlock()
	delete(c.calls.pending, id)
}

// claim removes the call that the message replies to from the list; nil if there
// is none.
func (c *conn) claim(m *Message) (replied func(Message)) {
	id, ok := m.CallID()
	if !ok {
		return nil
	}
	c.calls.Lock()
	defer c.calls.Unlock()
	replied = c.calls.pending[id]
	delete(c.calls.pending, id)
	return replied
}
