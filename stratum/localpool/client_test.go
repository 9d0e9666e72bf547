package localpool

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second // for anything that should happen at once

// startPool runs a pool until the test ends.
func startPool(t testing.TB, cfg Config) *Pool {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("pool ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("pool did not end")
		}
	})
	return p
}

// lines is a transport of the test's own.
type lines interface {
	send(line string) error
	receive() (string, error)
	close()
}

type tcpLines struct {
	net.Conn
	r *bufio.Reader
}

func (c tcpLines) send(line string) error {
	_, err := c.Write([]byte(line + "\n"))
	return err
}

func (c tcpLines) receive() (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience)) // a closed one shows on reading
	line, err := c.r.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

func (c tcpLines) close() { _ = c.Close() }

func dialTCP(t testing.TB, p *Pool) lines {
	t.Helper()
	c, err := net.DialTimeout("tcp", p.Addr(), patience)
	if err != nil {
		t.Fatal(err)
	}
	return tcpLines{c, bufio.NewReader(c)}
}

// wireMessage is anything the pool sends.
type wireMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// code is the error's code, 0 for none.
func (m wireMessage) code() Code {
	var parts []any
	if json.Unmarshal(m.Error, &parts) != nil || len(parts) == 0 {
		return 0
	}
	n, _ := parts[0].(float64)
	return Code(n)
}

// miner is the tests' own client. Its failures end the goroutine that
// drives it.
type miner struct {
	t          testing.TB
	wire       lines
	next       int
	pushes     []wireMessage
	session    string
	one        []byte
	size       int
	difficulty Difficulty
	job        *Job
	jobTerms   Difficulty // difficulty when job arrived
	mask       uint32
	counter    uint64
}

func connect(t testing.TB, p *Pool) *miner {
	return newMiner(t, dialTCP(t, p))
}

func newMiner(t testing.TB, wire lines) *miner {
	t.Cleanup(wire.close)
	return &miner{t: t, wire: wire}
}

func (m *miner) read() wireMessage {
	m.t.Helper()
	line, err := m.wire.receive()
	if err != nil {
		m.t.Fatalf("read: %v", err)
	}
	var w wireMessage
	if err := json.Unmarshal([]byte(line), &w); err != nil {
		m.t.Fatalf("pool sent %q: %v", line, err)
	}
	m.learn(w)
	return w
}

// learn follows what the pool pushes.
func (m *miner) learn(w wireMessage) {
	m.t.Helper()
	switch w.Method {
	case "mining.set_difficulty":
		var d [1]json.Number
		if err := json.Unmarshal(w.Params, &d); err != nil {
			m.t.Fatal(err)
		}
		var err error
		if m.difficulty, err = ParseDifficulty(d[0].String()); err != nil {
			m.t.Fatal(err)
		}
	case "mining.notify":
		var n Notify
		if err := json.Unmarshal(w.Params, &n); err != nil {
			m.t.Fatal(err)
		}
		var err error
		if m.job, err = NewJob(n); err != nil {
			m.t.Fatal(err)
		}
		m.jobTerms = m.difficulty
	}
}

// line sends text and returns the reply to id (as it stands in the JSON).
func (m *miner) line(text, id string) wireMessage {
	m.t.Helper()
	if err := m.wire.send(text); err != nil {
		m.t.Fatal(err)
	}
	for {
		w := m.read()
		if w.Method == "" && string(w.ID) == id {
			return w
		}
		m.pushes = append(m.pushes, w)
	}
}

func (m *miner) call(method string, params ...any) wireMessage {
	m.t.Helper()
	m.next++
	if params == nil {
		params = []any{}
	}
	text, err := json.Marshal(map[string]any{"id": m.next, "method": method, "params": params})
	if err != nil {
		m.t.Fatal(err)
	}
	return m.line(string(text), fmt.Sprint(m.next))
}

// await reads until a push of this method.
func (m *miner) await(method string) wireMessage {
	m.t.Helper()
	for {
		if w := m.read(); w.Method == method {
			return w
		}
	}
}

func (m *miner) subscribe(params ...any) {
	m.t.Helper()
	w := m.call("mining.subscribe", params...)
	var result []json.RawMessage
	var tuples [][]string
	var one string
	if json.Unmarshal(w.Result, &result) != nil || len(result) != 3 || json.Unmarshal(result[0], &tuples) != nil ||
		json.Unmarshal(result[1], &one) != nil || json.Unmarshal(result[2], &m.size) != nil {
		m.t.Fatalf("subscribe result %s", w.Result)
	}
	m.session = tuples[len(tuples)-1][1]
	m.one, _ = hex.DecodeString(one)
}

// login configures (if mask is given), subscribes, authorizes, waits for a job.
func (m *miner) login(user, mask string) {
	m.t.Helper()
	if mask != "" {
		w := m.call("mining.configure", []string{"version-rolling"}, map[string]any{"version-rolling.mask": mask})
		var result struct {
			Mask string `json:"version-rolling.mask"`
		}
		if err := json.Unmarshal(w.Result, &result); err != nil {
			m.t.Fatal(err)
		}
		m.mask, _ = decodeUint32(result.Mask)
	}
	m.subscribe("test/1.0")
	if w := m.call("mining.authorize", user, "x"); string(w.Result) != "true" {
		m.t.Fatalf("authorize: %s %s", w.Result, w.Error)
	}
	for m.job == nil {
		m.read()
	}
}

func (m *miner) terms() Terms {
	return Terms{Job: m.job, Extranonce1: m.one, Extranonce2Size: m.size, Mask: m.mask, Rolling: m.mask != 0, Difficulty: m.jobTerms}
}

// search finds a share that meets the job's target, or one that does not.
func (m *miner) search(user string, want Code) Submission {
	m.t.Helper()
	m.counter++
	two := fmt.Sprintf("%0*x", 2*m.size, m.counter)
	s := Submission{Worker: user, JobID: m.job.JobID, Extranonce2: two[len(two)-2*m.size:], NTime: m.job.NTime}
	if m.mask != 0 {
		s.VersionBits, s.HasBits = fmt.Sprintf("%08x", m.mask&0x2000), true
	}
	s.Nonce = "00000000"
	h := Judge(m.terms(), s).Header
	for nonce := range uint32(1 << 26) {
		binary.LittleEndian.PutUint32(h[76:], nonce)
		if meets := hashNumber(sha256d(h[:])).Cmp(m.jobTerms.target) <= 0; meets == (want == CodeAccepted) {
			s.Nonce = fmt.Sprintf("%08x", nonce)
			return s
		}
	}
	m.t.Fatalf("no nonce gives verdict %d", want)
	return s
}

func (m *miner) submit(s Submission) wireMessage {
	m.t.Helper()
	params := []any{s.Worker, s.JobID, s.Extranonce2, s.NTime, s.Nonce}
	if s.HasBits {
		params = append(params, s.VersionBits)
	}
	return m.call("mining.submit", params...)
}

// want submits and checks the verdict.
func (m *miner) want(s Submission, code Code) {
	m.t.Helper()
	w := m.submit(s)
	accepted := string(w.Result) == "true" && string(w.Error) == "null"
	if w.code() != code || accepted != (code == CodeAccepted) {
		m.t.Fatalf("submit %+v: result %s error %s, want code %d", s, w.Result, w.Error, code)
	}
}

// wantEnd reads until the pool hangs up.
func (m *miner) wantEnd() {
	m.t.Helper()
	for {
		_, err := m.wire.receive()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			m.t.Fatal("the pool did not hang up")
		}
		if err != nil {
			return
		}
	}
}

// eventually waits for a state that has no message.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
