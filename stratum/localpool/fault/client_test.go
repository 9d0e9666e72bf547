package fault

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry/stratum/localpool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second // for anything that should happen

// bench is a pool with faults. Every hash is a share there.
type bench struct {
	*localpool.Pool
	plan *Plan

	mu      sync.Mutex
	verdict []localpool.Verdict
}

// start runs a pool with these faults until the test ends.
func start(t *testing.T, cfg localpool.Config, faults ...string) *bench {
	t.Helper()
	return startSeeded(t, cfg, 1, faults...)
}

func startSeeded(t *testing.T, cfg localpool.Config, seed uint64, faults ...string) *bench {
	t.Helper()
	if cfg.Difficulty == "" {
		cfg.Difficulty = "0.0000000001" // its target is above 2^256
	}
	cfg.NBits = "1c00ffff"
	b := &bench{}
	cfg.Judged = func(_ string, _ localpool.Submission, v localpool.Verdict) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.verdict = append(b.verdict, v)
	}
	var err error
	if b.plan, err = New(faults, seed); err != nil {
		t.Fatal(err)
	}
	if err := b.plan.Apply(&cfg); err != nil {
		t.Fatal(err)
	}
	if b.Pool, err = localpool.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

// judged returns how many shares the pool has judged so far.
func (b *bench) judged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.verdict)
}

// line is what a pool sends.
type line struct {
	ID     json.RawMessage
	Method string
	Params []json.RawMessage
	Result json.RawMessage
	Error  []any
	text   string
}

// rig is a client of the test's own.
type rig struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	id   int
	all  []line // all that was read

	session, one string
	size         int
	job          []json.RawMessage
}

func dial(t *testing.T, b *bench) *rig {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &rig{t: t, conn: c, in: bufio.NewReader(c)}
}

// read returns the next line, and false at the end or after the wait.
func (r *rig) read(wait time.Duration) (l line, ok bool) {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(wait))
	text, err := r.in.ReadString('\n')
	if err != nil {
		return l, false
	}
	_ = json.Unmarshal([]byte(text), &l) // a bad line is empty
	l.text = strings.TrimSuffix(text, "\n")
	r.all = append(r.all, l)
	switch l.Method {
	case "mining.notify":
		r.job = l.Params
	case "mining.set_extranonce":
		_ = json.Unmarshal(l.Params[0], &r.one)
		_ = json.Unmarshal(l.Params[1], &r.size)
	}
	return l, true
}

func (r *rig) send(method string, params ...any) (id string) {
	r.t.Helper()
	if params == nil {
		params = []any{}
	}
	r.id++
	text, err := json.Marshal(map[string]any{"id": r.id, "method": method, "params": params})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.conn.Write(append(text, '\n')); err != nil {
		r.t.Fatal(err)
	}
	return fmt.Sprint(r.id)
}

// call returns the reply, and false when there is none.
func (r *rig) call(wait time.Duration, method string, params ...any) (line, bool) {
	r.t.Helper()
	id := r.send(method, params...)
	for {
		l, ok := r.read(wait)
		if !ok || string(l.ID) == id && l.Method == "" {
			return l, ok
		}
	}
}

// login subscribes and authorizes. The first job may not have been read yet.
func (r *rig) login(user string, resume ...any) line {
	r.t.Helper()
	l, ok := r.call(patience, "mining.subscribe", append([]any{"test"}, resume...)...)
	var result []json.RawMessage
	var ids [][]string
	if !ok || json.Unmarshal(l.Result, &result) != nil || len(result) != 3 || json.Unmarshal(result[0], &ids) != nil {
		r.t.Fatalf("subscribe: %+v", l)
	}
	r.session = ids[0][1]
	_ = json.Unmarshal(result[1], &r.one)
	_ = json.Unmarshal(result[2], &r.size)
	l, ok = r.call(patience, "mining.authorize", user, "x")
	if !ok {
		r.t.Fatal("no reply to authorize")
	}
	return l
}

// await reads until a push of this method.
func (r *rig) await(method string) line {
	r.t.Helper()
	for {
		l, ok := r.read(patience)
		if !ok {
			r.t.Fatalf("no %s among %v", method, r.all)
		}
		if l.Method == method {
			return l
		}
	}
}

// ready logs in and waits for a job.
func (r *rig) ready() *rig {
	r.t.Helper()
	if l := r.login("rig"); string(l.Result) != "true" {
		r.t.Fatalf("authorize: %+v", l)
	}
	for r.job == nil {
		r.await("mining.notify")
	}
	return r
}

// share returns the params of a share that no one has sent yet.
func (r *rig) share() []any {
	var id, ntime string
	_ = json.Unmarshal(r.job[0], &id)
	_ = json.Unmarshal(r.job[7], &ntime)
	return []any{"rig", id, fmt.Sprintf("%0*x", 2*r.size, r.id), ntime, fmt.Sprintf("%08x", r.id)}
}

// submit returns the code of the verdict, 0 for accepted.
func (r *rig) submit() int {
	r.t.Helper()
	l, ok := r.call(patience, "mining.submit", r.share()...)
	if !ok {
		r.t.Fatal("no verdict")
	}
	if len(l.Error) == 0 {
		return 0
	}
	return int(l.Error[0].(float64))
}

// wantEnd reads until the pool hangs up.
func (r *rig) wantEnd() {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, r.in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Fatal("the pool did not hang up")
	}
}

// methods returns those that were pushed, in order.
func (r *rig) methods() (all []string) {
	for _, l := range r.all {
		if l.Method != "" && !slices.Contains(all, l.Method) {
			all = append(all, l.Method)
		}
	}
	return all
}
