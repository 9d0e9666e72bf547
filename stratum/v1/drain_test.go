package v1

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/work"
)

// halfClosed is a pool that has said all it will say and takes nothing more.
type halfClosed struct {
	lines  chan string
	broken atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (h *halfClosed) ReadMessage() ([]byte, error) {
	select {
	case line, more := <-h.lines:
		if !more {
			return nil, transport.ErrClosed
		}
		return []byte(line), nil
	case <-h.closed:
		return nil, transport.ErrClosed
	}
}

func (h *halfClosed) WriteMessage(message []byte) error {
	if h.broken.Load() {
		return io.ErrClosedPipe
	}
	var m struct {
		ID     int
		Method string
	}
	if err := json.Unmarshal(message, &m); err != nil {
		return err
	}
	switch m.Method {
	case "mining.configure":
		h.lines <- fmt.Sprintf(`{"id":%d,"result":{},"error":null}`, m.ID)
	case "mining.subscribe":
		h.lines <- fmt.Sprintf(`{"id":%d,"result":[[],"00",4],"error":null}`, m.ID)
	case "mining.authorize":
		h.lines <- fmt.Sprintf(`{"id":%d,"result":true,"error":null}`, m.ID)
		h.lines <- `{"id":null,"method":"mining.notify","params":` + stratumtest.Sample("1").Params() + `}`
	}
	return nil
}

func (h *halfClosed) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// TestVerdictsBeforeTheEnd: a failed write does not throw away what the pool
// said before it hung up.
func TestVerdictsBeforeTheEnd(t *testing.T) {
	pool := &halfClosed{lines: make(chan string, 10), closed: make(chan struct{})}
	jobs := make(chan *work.Job, 1)
	s := NewSession(pool, Config{User: "u", Publish: func(j *work.Job) { jobs <- j }})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	job := <-jobs
	s.conn.calls.Lock()
	next := s.conn.calls.lastID + 1
	s.conn.calls.Unlock()
	first := make(chan work.Verdict, 1)
	go func() { first <- s.Submit(t.Context(), share(job, 1)) }()
	for waits := true; waits; {
		s.conn.calls.Lock()
		waits = s.conn.calls.pending[next] == nil
		s.conn.calls.Unlock()
	}
	s.conn.writing.Lock() // the first submit is written
	pool.broken.Store(true)
	s.conn.writing.Unlock()
	if v := s.Submit(t.Context(), share(job, 2)); !v.LostFor(work.LostDisconnected) {
		t.Errorf("a share that could not be written: %v", v)
	}
	pool.lines <- fmt.Sprintf(`{"id":%d,"result":true,"error":null}`, next)
	close(pool.lines)
	if v := <-first; v.Kind != work.Accepted {
		t.Errorf("a share whose verdict was on its way: %v", v)
	}
	if err := <-ended; !errors.Is(err, transport.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}
