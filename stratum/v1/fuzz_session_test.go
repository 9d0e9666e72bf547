package v1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/work"
)

// FuzzJob makes a job of a notify and a share of the job. A pool that puts the
// header together from what was sent, by crypto/sha256 alone, must come to the
// same hash, however it combines the version bits.
func FuzzJob(f *testing.F) {
	notifySeeds(f)
	f.Fuzz(func(t *testing.T, params []byte) {
		notify, err := ParseNotify(params, Limits{})
		if err != nil {
			return
		}
		seed := sha256.Sum256(params) // all else is a function of it
		s := NewSession(nil, Config{User: "user"})
		s.state.subscribed, s.state.poolMask = true, binary.BigEndian.Uint32(seed[1:])
		s.state.rolling = Rolling{Agreed: seed[0]&1 == 0, Known: seed[0]&2 == 0}
		s.cfg.Quirks.sixth.otherWay = seed[0]&12 == 0
		s.state.extranonce = Extranonce{One: seed[:seed[5]%33], TwoSize: 1 + int(seed[6]%work.MaxExtranonce2)}
		s.begin(&pendingNotify{notify, s.state.difficulty, true, time.Now()})
		job := s.state.current()
		if job.VersionMask&^versionBits != 0 || job.VersionMask&job.Version != 0 || job.VersionMask != 0 && !wireOf(job).rolling {
			t.Errorf("mask %08x for version %08x", job.VersionMask, job.Version)
		}
		share := &work.Share{
			Job: job, Extranonce2: seed[16 : 16+job.Extranonce2Size], NTime: job.NTime + uint32(seed[7]),
			Version: job.Version | binary.BigEndian.Uint32(seed[8:])&job.VersionMask, Nonce: binary.BigEndian.Uint32(seed[12:]),
		}
		header := job.Header(share.Extranonce2, share.Version, share.NTime, share.Nonce)
		share.Hash = header.Hash()
		submit, err := encode(request{9, "mining.submit", submitParams("user", share)}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, combine := range []func(version, bits uint32) uint32{
			func(version, bits uint32) uint32 { return version | bits },
			func(version, bits uint32) uint32 { return version ^ bits },
			func(version, bits uint32) uint32 { return version&^job.VersionMask | bits&job.VersionMask },
		} {
			if want := poolHash(t, params, job.Extranonce1, submit, combine); want != [32]byte(share.Hash) {
				t.Fatalf("%s\nfor %s\nhashes to %x, we say %x", submit, params, want, share.Hash)
			}
		}
	})
}

// poolHash is the pool's arithmetic: the header's hash, from the words alone.
func poolHash(t *testing.T, notify, one, submit []byte, combine func(version, bits uint32) uint32) [32]byte {
	t.Helper()
	list := func(text []byte) (items []any) {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&items); err != nil {
			t.Fatal(err)
		}
		return items
	}
	plain := func(v any) string { // without 0x
		if text := v.(string); strings.HasPrefix(strings.ToLower(text), "0x") {
			return text[2:]
		}
		return v.(string)
	}
	unhex := func(v any) []byte {
		b, err := hex.DecodeString(plain(v))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	number := func(v any) uint32 {
		n, err := strconv.ParseUint(plain(v), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(n)
	}
	double := func(b []byte) [32]byte {
		once := sha256.Sum256(b)
		return sha256.Sum256(once[:])
	}
	var call struct{ Params json.RawMessage }
	if err := json.Unmarshal(submit, &call); err != nil {
		t.Fatal(err)
	}
	n, s := list(notify), list(call.Params)
	if s[0] != "user" || !reflect.DeepEqual(s[1], n[0]) {
		t.Errorf("job id %v, echoed as %v", n[0], s[1])
	}
	root := double(bytes.Join([][]byte{unhex(n[2]), one, unhex(s[2]), unhex(n[3])}, nil))
	for _, branch := range n[4].([]any) {
		root = double(append(root[:], unhex(branch)...))
	}
	bits := uint32(0)
	if len(s) > 5 {
		bits = number(s[5])
	}
	header := binary.LittleEndian.AppendUint32(nil, combine(number(n[5]), bits))
	for prev := unhex(n[1]); len(prev) > 0; prev = prev[4:] {
		header = append(header, prev[3], prev[2], prev[1], prev[0])
	}
	header = append(header, root[:]...)
	for _, field := range []any{s[3], n[6], s[4]} {
		header = binary.LittleEndian.AppendUint32(header, number(field))
	}
	return double(header)
}

// FuzzSession lets a pool say anything at all once it has shaken hands. Every
// job gets a share at once. The session must end with the stream, every share
// with one verdict; jobs, what we send and what we log stay within bounds, and
// no goroutine stays behind.
func FuzzSession(f *testing.F) {
	for _, stream := range sessionSeeds(f) {
		f.Add([]byte(stream), uint8(0), uint16(4095))
		f.Add([]byte(stream), uint8(1), uint16(10))
		f.Add([]byte(stream), uint8(8), uint16(4095))
	}
	f.Fuzz(func(t *testing.T, stream []byte, how uint8, chunk uint16) {
		fuzzSession(t, stream, how, int(chunk)+1)
	})
}

func fuzzSession(t *testing.T, stream []byte, how uint8, chunk int) {
	before := runtime.NumGoroutine()
	core, logs := observer.New(zap.DebugLevel)
	pool := newMemoryPool(stream, chunk, how&1 == 0, how&8 == 0)
	shares := &shareMaker{t: t}
	s := NewSession(transport.NewLines(pool, transport.Limits{}), Config{
		Limits: Limits{LateTerms: time.Millisecond},
		Pool:   "pool", User: "user.rig", Password: secret, UserAgent: "quarry/test", Generation: 7,
		NoConfigure: how&2 != 0, SubmitStale: how&4 != 0, Log: zap.New(core), Publish: shares.take,
	})
	shares.session = s
	// Long: a fuzzing process may be stopped for a while.
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	err := s.Run(ctx)
	shares.pending.Wait()
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the session ended with %v", err)
	}
	if n := len(s.state.jobs); n > s.cfg.Limits.Jobs {
		t.Errorf("%d jobs kept", n)
	}
	if n := len(s.conn.calls.pending); n > s.cfg.Limits.Calls {
		t.Errorf("%d calls kept", n)
	}
	pool.check(t, shares.made)
	checkShown(t, err.Error())
	for _, entry := range logs.All() {
		checkShown(t, entry.Message)
		for key, value := range entry.ContextMap() {
			checkShown(t, fmt.Sprint(key, value))
		}
	}
	for range 100 { // those that are done need a moment to be gone
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	goleak.VerifyNone(t, goleak.IgnoreAnyFunction("testing.(*F).Fuzz"), goleak.IgnoreAnyFunction("internal/fuzz.RunFuzzWorker"),
		goleak.IgnoreAnyFunction("os/signal.NotifyContext.func1"))
}

// checkShown: a text for people has no control characters and not the password.
func checkShown(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, secret) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 4096 {
		t.Errorf("shown: %q", text)
	}
}

// shareMaker submits a share of every job that is published.
type shareMaker struct {
	t       *testing.T
	session *Session
	pending sync.WaitGroup
	made    int
}

func (m *shareMaker) take(job *work.Job) {
	if job.Extranonce2Size < 1 || job.Extranonce2Size > work.MaxExtranonce2 || len(job.Extranonce1) > 32 || len(job.Branches) > 32 ||
		len(job.Coinb1)+len(job.Coinb2) > 128<<10 || len(wireOf(job).id) > 256 || job.VersionMask&^versionBits != 0 || job.VersionMask&job.Version != 0 ||
		!(job.Difficulty.Float64() > 0) || job.Session != 7 {
		m.t.Errorf("published %+v", job)
	}
	if m.made >= 20 { // more would only take time
		return
	}
	m.made++
	s := share(job, uint32(m.made))
	m.pending.Go(func() {
		v := m.session.Submit(context.Background(), s)
		if named := v.Kind == work.Rejected || v.Kind == work.Lost; v.Kind == work.NoVerdict || named != (v.Reason != "") {
			m.t.Errorf("%+v is no verdict", v)
		}
	})
}

// memoryPool is a connection to a pool that lives in the same process: it
// answers the handshake, then says the stream, then hangs up.
type memoryPool struct {
	net.Conn
	chunk int

	mu      sync.Mutex
	changed sync.Cond
	out     []byte // to be read by the miner
	stream  []byte // nil once it is in out
	closed  bool
	written [][]byte
}

// newMemoryPool says the stream after the handshake; if a job comes first, the
// handshake is complete. Without a difficulty the job waits for one in the stream.
func newMemoryPool(stream []byte, chunk int, job, difficulty bool) *memoryPool {
	p := &memoryPool{chunk: chunk}
	if difficulty {
		p.stream = []byte(`{"method":"mining.set_difficulty","params":[1]}` + "\n")
	}
	if job {
		p.stream = append(p.stream, `{"method":"mining.notify","params":`+stratumtest.Sample("first").Params()+"}\n"...)
	}
	p.stream = append(p.stream, stream...)
	p.changed.L = &p.mu
	return p
}

func (p *memoryPool) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.out) == 0 && p.stream != nil && !p.closed {
		p.changed.Wait()
	}
	if p.closed {
		return 0, net.ErrClosed
	}
	if len(p.out) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.out[:min(p.chunk, len(p.out))])
	p.out = p.out[n:]
	return n, nil
}

func (p *memoryPool) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, net.ErrClosed
	}
	p.written = append(p.written, bytes.Clone(b))
	var call struct {
		ID     json.RawMessage
		Method string
	}
	if p.stream != nil && json.Unmarshal(b, &call) == nil {
		result := map[string]string{
			"mining.configure": `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`,
			"mining.subscribe": `[[["mining.notify","deadbeef"]],"0a0b0c0d",4]`, "mining.authorize": `true`,
		}[call.Method]
		p.out = fmt.Appendf(p.out, `{"id":%s,"result":%s,"error":null}`+"\n", call.ID, result)
		if call.Method == "mining.authorize" {
			p.out, p.stream = append(p.out, p.stream...), nil
		}
		p.changed.Broadcast()
	}
	return len(b), nil
}

func (p *memoryPool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.changed.Broadcast()
	return nil
}

func (p *memoryPool) SetReadDeadline(time.Time) error  { return nil }
func (p *memoryPool) SetWriteDeadline(time.Time) error { return nil }

// check holds what was sent against the rules: each message is a line of
// printable ASCII, a JSON object of at most 1000 bytes, and there are few of
// them besides handshake and shares, whatever the pool asks for.
func (p *memoryPool) check(t *testing.T, shares int) {
	if most := 3 + shares + burst + int(patience/time.Second); len(p.written) > most {
		t.Errorf("%d messages sent", len(p.written))
	}
	for _, line := range p.written {
		text, whole := bytes.CutSuffix(line, []byte("\n"))
		if !whole || len(text) > 1000 || text[0] != '{' || !json.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("sent %q", line)
		}
	}
}

// sessionSeeds are streams of an honest pool, and of hostile ones by the table
// in the design.
func sessionSeeds(f *testing.F) []string {
	sample := stratumtest.Sample("j1")
	job := func(change func(*stratumtest.Job)) string {
		j := sample
		change(&j)
		return `{"id":null,"method":"mining.notify","params":` + j.Params() + "}\n"
	}
	push := func(method, params string) string {
		return fmt.Sprintf(`{"id":null,"method":%q,"params":%s}`+"\n", method, params)
	}
	plain := job(func(*stratumtest.Job) {})
	seeds := []string{
		"", plain, plain + plain, plain[:50], plain[:50] + "\n" + plain, "HTTP/1.1 400 Bad Request\r\n\r\n", "Invalid JSON, disconnecting\n",
		"\x15\x03\x01\x00\x02\x02\x0a", "\xef\xbb\xbf" + plain, "\r\n\n \n" + plain, "{\"id\":\"\x00\"}\n", "{\"id\":\"\xff\"}\n", "[1]\n\"x\"\n7\nnull\n",
		plain[:len(plain)-1] + "\x00\r\n\x00" + plain, strings.Repeat("a line of text\n", 101), "Welcome\n" + plain,
		push("mining.set_difficulty", `{"difficulty":1e-9}`) + plain, plain + push("mining.set_difficulty", `1e-9`), push("mining.set_version_mask", `["0x00ffe000"]`) + plain,
		plain + `{"id":4,"error":[20,"bad-version"]}` + "\n" + plain, plain + `{"id":4,"result":"OK","error":""}` + "\n",
		strings.Repeat("[", 20000) + "\n", `{"id":1,"id":4,"result":false,"result":true}` + "\n",
		push("mining.set_extranonce", `["aabb",8]`) + plain, push("mining.set_version_mask", `["00ffe000"]`) + plain,
		push("mining.set_version", `["0"]`), push("mining.set_difficulty", `[0.001]`) + plain, push("mining.set_target", `["`+strings.Repeat("0f", 32)+`"]`),
		push("client.reconnect", `["evil.example",3333,-1]`), push("client.show_message", `["\u001b[2J S3cret\"Pass"]`),
		`{"id":9,"method":"mining.ping","params":[]}` + "\n" + `{"id":"v","method":"client.get_version"}` + "\n" + `{"id":-1,"method":"no.such"}` + "\n",
		strings.Repeat(`{"id":9,"method":"mining.ping"}`+"\n", 20), strings.Repeat(`{"id":77,"result":true}`+"\n", 101),
		strings.Repeat(push("mining.set_extranonce", `["aa",4]`), 11), strings.Repeat(push("mining.notify", `[]`), 3),
		job(func(j *stratumtest.Job) { j.ID = "\"\n\x1b" }) + job(func(j *stratumtest.Job) { j.ID = strings.Repeat("x", 1000) }),
		job(func(j *stratumtest.Job) { j.NBits, j.NTime, j.Version = "0", "1", "ffffffff" }),
		job(func(j *stratumtest.Job) { j.Clean = false; j.PrevHash = strings.Repeat("11", 32) }),
	}
	for _, r := range hostileReplies {
		if r[0] != "" && r[1] != "" {
			seeds = append(seeds, plain+fmt.Sprintf(`{"id":4,"result":%s,"error":%s}`+"\n", r[0], r[1]))
		}
	}
	for _, v := range vectors(f) {
		seeds = append(seeds, push("mining.set_difficulty", "["+string(v.SetDifficulty)+"]")+push("mining.notify", strings.ReplaceAll(string(v.Notify), "\n", " ")))
	}
	var recording strings.Builder
	for _, r := range capture(f) {
		if r.Dir == "<" && r.Line != nil {
			recording.WriteString(*r.Line + "\n")
		}
	}
	return append(seeds, recording.String())
}
