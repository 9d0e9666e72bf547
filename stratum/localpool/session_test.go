package localpool

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// easy is a pool whose shares take some 400 hashes, and whose blocks are rare.
func easy() Config { return Config{Difficulty: "0.0000001", NBits: "1c00ffff"} }

func TestErrorCodes(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	share := Submission{Worker: "rig", JobID: "x", Extranonce2: "00", NTime: "00000000", Nonce: "00000000"}
	m.want(share, CodeNotSubscribed)
	m.subscribe()
	m.want(share, CodeUnauthorized)
	m.login("rig", "1fffe000")
	m.want(share, CodeJobNotFound)
	good := m.search("rig", CodeAccepted)
	change := func(f func(*Submission)) Submission {
		s := good
		f(&s)
		return s
	}
	for what, s := range map[string]Submission{
		"worker of nobody":      change(func(s *Submission) { s.Worker = "other" }),
		"short extranonce2":     change(func(s *Submission) { s.Extranonce2 = s.Extranonce2[2:] }),
		"long extranonce2":      change(func(s *Submission) { s.Extranonce2 += "00" }),
		"extranonce2 not hex":   change(func(s *Submission) { s.Extranonce2 = "zz" + s.Extranonce2[2:] }),
		"short nonce":           change(func(s *Submission) { s.Nonce = "1" }),
		"nonce not hex":         change(func(s *Submission) { s.Nonce = "0x000001" }),
		"ntime of 9 digits":     change(func(s *Submission) { s.NTime = "0" + s.NTime }),
		"ntime before the job":  change(func(s *Submission) { s.NTime = fmt.Sprintf("%08x", m.job.ntime-1) }),
		"ntime too far ahead":   change(func(s *Submission) { s.NTime = fmt.Sprintf("%08x", m.job.ntime+maxRoll+1) }),
		"bits outside the mask": change(func(s *Submission) { s.VersionBits = "20000000" }),
		"bits not hex":          change(func(s *Submission) { s.VersionBits = "-0000001" }),
		"no version bits":       change(func(s *Submission) { s.HasBits = false }),
	} {
		if w := m.submit(s); w.code() != CodeOther {
			t.Errorf("%s: result %s error %s", what, w.Result, w.Error)
		}
	}
	for _, params := range []string{`null`, `{}`, `[]`, `"x"`, `["rig"]`, `[1,2,3,4,5]`, `["rig",null,"","",""]`,
		`["rig","a","b","c","d","e","f"]`, `["` + strings.Repeat("r", 300) + `","a","b","c","d"]`} {
		if w := m.line(`{"id":"q","method":"mining.submit","params":`+params+`}`, `"q"`); w.code() != CodeOther {
			t.Errorf("params %s: result %s error %s", params, w.Result, w.Error)
		}
	}
	m.want(m.search("rig", CodeLowDifficulty), CodeLowDifficulty)
	m.want(good, CodeAccepted)
	m.want(good, CodeDuplicate)
	m.want(change(func(s *Submission) { s.Extranonce2 = strings.ToUpper(s.Extranonce2) }), CodeDuplicate)
	late := m.search("rig", CodeAccepted)
	if err := p.NewJob(); err != nil {
		t.Fatal(err)
	}
	if n := m.awaitJob(); n.Clean {
		t.Error("a refresh was clean")
	}
	m.want(late, CodeAccepted)
	older := m.searchAgain(late)
	if err := p.NewBlock(); err != nil {
		t.Fatal(err)
	}
	if n := m.awaitJob(); !n.Clean {
		t.Error("a new block was not clean")
	}
	m.want(older, CodeJobNotFound)
	m.want(m.search("rig", CodeAccepted), CodeAccepted)
}

// searchAgain is a share that was stale from the start: the job it names is
// what matters.
func (m *miner) searchAgain(s Submission) Submission {
	s.Nonce = flip(s.Nonce, 7)
	return s
}

func (m *miner) awaitJob() Notify {
	m.t.Helper()
	m.await("mining.notify")
	return m.job.Notify
}

func TestNtimeMayRoll(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	m.login("rig", "")
	for _, ahead := range []uint32{1, maxRoll} {
		m.job.NTime = fmt.Sprintf("%08x", m.job.ntime+ahead)
		m.want(m.search("rig", CodeAccepted), CodeAccepted)
	}
}

func TestConfigure(t *testing.T) {
	p := startPool(t, easy())
	for _, c := range []struct{ params, want string }{
		{`[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]`, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`},
		{`[["version-rolling"],{"version-rolling.mask":"00ffff00"}]`, `{"version-rolling":true,"version-rolling.mask":"00ffe000"}`},
		{`[["version-rolling"]]`, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`},
		{`[["version-rolling"],null]`, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`},
		{`[["version-rolling"],{"version-rolling.mask":"f"}]`, `{"version-rolling":false}`},
		{`[["version-rolling"],{"version-rolling.mask":"00006000","version-rolling.min-bit-count":3}]`, `{"version-rolling":false}`},
		{`[["version-rolling"],{"version-rolling.min-bit-count":"02"}]`, `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`},
		{`[["version-rolling","minimum-difficulty","info"],{"minimum-difficulty.value":1}]`, `{"info":false,"minimum-difficulty":false,"version-rolling":true,"version-rolling.mask":"1fffe000"}`},
		{`[["subscribe-extranonce"],{}]`, `{"subscribe-extranonce":false}`},
	} {
		m := connect(t, p)
		w := m.line(`{"id":1,"method":"mining.configure","params":`+c.params+`}`, "1")
		sameJSON(t, c.params, w.Result, json.RawMessage(c.want))
	}
	for _, params := range []string{`null`, `[]`, `{}`, `["version-rolling"]`, `[["version-rolling"],[]]`,
		`[["version-rolling"],{"version-rolling.mask":1}]`, `[["version-rolling"],{"version-rolling.mask":"123456789"}]`,
		`[["version-rolling"],{"version-rolling.min-bit-count":-1}]`} {
		w := connect(t, p).line(`{"id":1,"method":"mining.configure","params":`+params+`}`, "1")
		if w.code() != CodeOther {
			t.Errorf("%s: result %s error %s", params, w.Result, w.Error)
		}
	}
}

func TestVersionRolling(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	m.login("rig", "00ffff00")
	if m.mask != 0x00ffe000 {
		t.Fatalf("mask %08x", m.mask)
	}
	s := m.search("rig", CodeAccepted)
	if s.VersionBits != "00002000" {
		t.Fatalf("bits %s", s.VersionBits)
	}
	m.want(s, CodeAccepted)
	old := m.search("rig", CodeAccepted)
	p.Miners()[0].SetVersionMask(0x00700000)
	if w := m.await("mining.set_version_mask"); string(w.Params) != `["00700000"]` {
		t.Errorf("mask sent as %s", w.Params)
	}
	m.want(old, CodeAccepted) // found under the old mask
	if err := p.NewJob(); err != nil {
		t.Fatal(err)
	}
	m.awaitJob()
	m.want(m.search("rig", CodeAccepted), CodeOther) // bit 13 is no longer in the mask
	m.mask = 0x00700000
	m.want(m.search("rig", CodeAccepted), CodeAccepted)
}

func TestNoVersionRolling(t *testing.T) {
	cfg := easy()
	cfg.NoVersionRolling = true
	m := connect(t, startPool(t, cfg))
	m.login("rig", "1fffe000")
	if m.mask != 0 {
		t.Fatalf("mask %08x", m.mask)
	}
	s := m.search("rig", CodeAccepted)
	m.want(s, CodeAccepted)
	s.VersionBits, s.HasBits = "00002000", true
	m.want(s, CodeOther)
}

func TestUsers(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	cfg := easy()
	cfg.Logger = zap.New(core)
	cfg.AllowUser = func(user, password string) bool { return password == "open sesame" }
	p := startPool(t, cfg)
	m := connect(t, p)
	m.subscribe()
	if w := m.call("mining.authorize", "eve", "guess-work"); string(w.Result) != "false" || w.code() != CodeUnauthorized {
		t.Errorf("wrong password: %s %s", w.Result, w.Error)
	}
	m.want(Submission{Worker: "eve"}, CodeUnauthorized)
	for _, params := range []string{`[]`, `null`, `[""]`, `[7,8]`, `{}`} {
		w := m.line(`{"id":9,"method":"mining.authorize","params":`+params+`}`, "9")
		if string(w.Result) != "false" || w.code() != CodeOther {
			t.Errorf("params %s: %s %s", params, w.Result, w.Error)
		}
	}
	for _, user := range []string{"a.1", "a.2", "a.1"} {
		if w := m.call("mining.authorize", user, "open sesame"); string(w.Result) != "true" {
			t.Errorf("authorize: %s %s", w.Result, w.Error)
		}
	}
	for m.job == nil {
		m.read()
	}
	m.want(m.search("a.1", CodeAccepted), CodeAccepted)
	m.want(m.search("a.2", CodeAccepted), CodeAccepted)
	m.want(m.search("eve", CodeAccepted), CodeOther)
	for _, entry := range logged.All() {
		if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, "sesame") || strings.Contains(text, "guess-work") {
			t.Errorf("a password was logged: %s", text)
		}
	}
}

func TestAuthorizeBeforeSubscribe(t *testing.T) {
	m := connect(t, startPool(t, easy()))
	if w := m.call("mining.authorize", "rig"); string(w.Result) != "true" {
		t.Fatalf("authorize: %s %s", w.Result, w.Error)
	}
	m.subscribe("ua", nil, "host", "port")
	for m.job == nil {
		m.read()
	}
	m.want(m.search("rig", CodeAccepted), CodeAccepted)
}

// Whatever the id is, it comes back byte for byte; without one nothing comes.
func TestIdsAndHabits(t *testing.T) {
	m := connect(t, startPool(t, easy()))
	for _, id := range []string{`1`, `"auth"`, `3.0`, `123456789012345678901234567890`, `{"a":[1]}`, `true`, `""`} {
		if w := m.line(`{"id":`+id+`,"method":"mining.ping"}`+"\r", id); string(w.Result) != `"pong"` {
			t.Errorf("id %s: %s %s", id, w.Result, w.Error)
		}
	}
	for _, silent := range []string{"", "\r", `{"method":"mining.ping"}`, `{"id":null,"method":"mining.nonsense"}`,
		`{"id":5,"result":true,"error":null}`, `{"id":6,"method":null,"result":"quarry/1"}`} {
		if err := m.wire.send(silent); err != nil {
			t.Fatal(err)
		}
	}
	w := m.call("mining.nonsense")
	if w.code() != CodeOther || !strings.Contains(string(w.Error), unknownMethod) || len(m.pushes) != 0 {
		t.Errorf("result %s error %s, before it %v", w.Result, w.Error, m.pushes)
	}
	if w := m.call("mining.extranonce.subscribe"); string(w.Result) != "true" {
		t.Errorf("extranonce.subscribe: %s", w.Result)
	}
}

// What clients of other kinds ask, more often than lines may be unreadable: each
// gets an error, whatever its id, and the session goes on.
func TestForeignRequests(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	m.login("rig", "")
	for i, method := range []string{`"mining.multi_version","params":[4]`, `"mining.capabilities","params":[{"notify":[],"suggested_target":"00"}]`,
		`"eth_submitLogin","params":["0x0","x"],"worker":"r"`, `"eth_getWork","jsonrpc":"2.0"`, `"login","params":{"login":"x"}`, `"getwork"`,
		`"keepalived"`, `5`, `["mining.submit"]`, `{"a":1}`, `""`, `true`} {
		for _, id := range []string{strconv.Itoa(1000 + i), `"text"`, `7.5`} {
			if w := m.line(`{"id":`+id+`,"method":`+method+`}`, id); w.code() != CodeOther || !strings.Contains(string(w.Error), unknownMethod) {
				t.Errorf("%s, id %s: %s %s", method, id, w.Result, w.Error)
			}
		}
		_ = m.wire.send(`{"id":null,"method":` + method + `}`) // a notification has no answer
	}
	m.want(m.search("rig", CodeAccepted), CodeAccepted)
	if n := len(m.pushes); n > 0 && slices.ContainsFunc(m.pushes, func(w wireMessage) bool { return w.Method == "" }) {
		t.Errorf("an answer to a notification among %v", m.pushes)
	}
}

func TestGetTransactions(t *testing.T) {
	for branches, want := range map[int]Code{5: CodeOther, -1: CodeAccepted} {
		cfg := easy()
		cfg.Branches = branches
		m := connect(t, startPool(t, cfg))
		m.login("rig", "")
		w := m.call("mining.get_transactions", m.job.JobID)
		if w.code() != want || (string(w.Result) == "[]") != (want == CodeAccepted) {
			t.Errorf("%d branches: %s %s", branches, w.Result, w.Error)
		}
		for _, params := range [][]any{{"none"}, {}, {7}} {
			if w := m.call("mining.get_transactions", params...); w.code() != CodeJobNotFound {
				t.Errorf("%v: %s %s", params, w.Result, w.Error)
			}
		}
	}
}

func TestSubscribeShapes(t *testing.T) {
	p := startPool(t, easy())
	seen := make(map[string]bool)
	for _, params := range []string{`[]`, `null`, `{}`, `["cgminer/4"]`, `["a","deadbeef"]`, `["a",null,"h",1]`, `[[[]]]`, `["` + strings.Repeat("u", 2000) + `"]`} {
		m := connect(t, p)
		w := m.line(`{"id":1,"method":"mining.subscribe","params":`+params+`}`, "1")
		one := string(at(t, w.Result, 1))
		if len(one) != 10 || seen[one] || string(at(t, w.Result, 2)) != "8" {
			t.Errorf("params %s: result %s", params, w.Result)
		}
		seen[one] = true
		again := m.line(`{"id":2,"method":"mining.subscribe","params":[]}`, "2")
		sameJSON(t, "second subscribe", again.Result, w.Result)
	}
}

func TestResume(t *testing.T) {
	p := startPool(t, easy())
	a := connect(t, p)
	a.login("rig", "")
	share := a.search("rig", CodeAccepted)
	unsent := a.search("rig", CodeAccepted)
	a.want(share, CodeAccepted)
	a.wire.close()
	eventually(t, "the end of the connection", func() bool { return p.Stats().Connections == 0 })

	b := connect(t, p)
	b.subscribe("ua", a.session)
	if hex.EncodeToString(b.one) != hex.EncodeToString(a.one) || b.session == a.session {
		t.Errorf("resumed with %x, was %x", b.one, a.one)
	}
	b.login("rig", "") // a second subscribe changes nothing
	b.want(share, CodeDuplicate)
	b.want(unsent, CodeAccepted)

	c := connect(t, p) // the session of a connection that still stands: taken over
	c.subscribe("ua", b.session)
	if hex.EncodeToString(c.one) != hex.EncodeToString(a.one) {
		t.Errorf("took over with %x, was %x", c.one, a.one)
	}
	b.wantEnd()
	d := connect(t, p) // used up
	d.subscribe("ua", a.session)
	if hex.EncodeToString(d.one) == hex.EncodeToString(a.one) {
		t.Error("a session id was good twice")
	}
}

func TestResumeExpires(t *testing.T) {
	clock := newTestClock()
	cfg := easy()
	cfg.Now = clock.now
	p := startPool(t, cfg)
	a := connect(t, p)
	a.login("rig", "")
	a.wire.close()
	eventually(t, "the end of the connection", func() bool { return p.Stats().Connections == 0 })
	clock.advance(p.cfg.ResumeFor + 1)
	b := connect(t, p)
	b.subscribe("ua", a.session)
	if hex.EncodeToString(b.one) == hex.EncodeToString(a.one) {
		t.Error("a session outlived its time")
	}
}
