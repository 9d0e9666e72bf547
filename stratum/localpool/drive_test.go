package localpool

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func setDifficulty(p *Pool, text string) (err error) {
	for _, m := range p.Miners() {
		err = errors.Join(err, m.SetDifficulty(text))
	}
	return err
}

func setExtranonce(p *Pool, extranonce1 string, size int) (err error) {
	for _, m := range p.Miners() {
		err = errors.Join(err, m.SetExtranonce(extranonce1, size))
	}
	return err
}

// A share is judged by the difficulty its job went out with.
func TestDifficultyHoldsFromTheNextJob(t *testing.T) {
	p := startPool(t, Config{Vardiff: Vardiff{Start: "0.000001", Seconds: 3600}})
	m := connect(t, p)
	m.login("rig", "")
	old := m.search("rig", CodeAccepted)
	before := m.jobTerms
	if err := setDifficulty(p, "0.1"); err != nil {
		t.Fatal(err)
	}
	if n := m.awaitJob(); n.Clean || m.jobTerms.String() != "0.1" {
		t.Errorf("clean %v at difficulty %s", n.Clean, m.jobTerms)
	}
	m.want(old, CodeAccepted)
	m.jobTerms = before
	m.want(m.search("rig", CodeAccepted), CodeLowDifficulty) // good enough for the old difficulty only
	if err := setDifficulty(p, "zero"); err == nil {
		t.Error("a difficulty that is not a number was accepted")
	}
}

func TestSuggestDifficulty(t *testing.T) {
	p := startPool(t, Config{Vardiff: Vardiff{Start: "0.001", Min: "0.0005", Max: "0.1", Seconds: 3600}})
	m := connect(t, p)
	m.login("rig", "")
	for _, c := range []struct{ method, params, want string }{
		{"suggest_difficulty", `[0.02]`, "0.02"},
		{"suggest_difficulty", `["0.030000"]`, "0.03"},
		{"suggest_difficulty", `[1024]`, "0.1"},
		{"suggest_difficulty", `[1e-9]`, "0.0005"},
		{"suggest_target", `["` + fmt.Sprintf("%064x", p.cfg.max.target) + `"]`, "0.1"},
	} {
		w := m.line(`{"id":1,"method":"mining.`+c.method+`","params":`+c.params+`}`, "1")
		m.awaitJob()
		if string(w.Result) != "true" || m.jobTerms.String() != c.want {
			t.Errorf("%s %s: %s, difficulty %s, want %s", c.method, c.params, w.Result, m.jobTerms, c.want)
		}
	}
	for _, bad := range []string{`suggest_difficulty","params":[]`, `suggest_difficulty","params":["x"]`, `suggest_difficulty","params":[-1]`,
		`suggest_difficulty","params":[null]`, `suggest_target","params":["00"]`, `suggest_target","params":["` + strings.Repeat("0", 64) + `"]`} {
		if w := m.line(`{"id":2,"method":"mining.`+bad+`}`, "2"); w.code() != CodeOther {
			t.Errorf("%s: %s %s", bad, w.Result, w.Error)
		}
	}
}

func TestSetExtranonce(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	m.login("rig", "")
	old := m.search("rig", CodeAccepted)
	if err := setExtranonce(p, "aabbcc", 3); err != nil {
		t.Fatal(err)
	}
	if w := m.await("mining.set_extranonce"); string(w.Params) != `["aabbcc",3]` {
		t.Errorf("sent %s", w.Params)
	}
	m.awaitJob()
	m.want(old, CodeAccepted) // its job had the old extranonce
	m.one, m.size = []byte{0xaa, 0xbb, 0xcc}, 3
	m.want(m.search("rig", CodeAccepted), CodeAccepted)
	for _, bad := range []error{setExtranonce(p, "zz", 4), setExtranonce(p, "00", 0), setExtranonce(p, "00", 17)} {
		if bad == nil {
			t.Error("a bad extranonce was taken")
		}
	}
}

func TestPushes(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	m.login("rig", "")
	rig := p.Miners()[0]
	rig.Push("client.show_message", "hello\nworld")
	rig.Push("client.reconnect")
	rig.Push("client.reconnect", "example.org", 3333, 5)
	rig.Ask("client.get_version")
	rig.Ask("mining.ping")
	for _, want := range []string{
		`client.show_message ["hello\nworld"]`, `client.reconnect []`, `client.reconnect ["example.org",3333,5]`,
		`client.get_version []`, `mining.ping []`,
	} {
		w := m.read()
		if got := w.Method + " " + string(w.Params); got != want {
			t.Errorf("pushed %s, want %s", got, want)
		}
	}
	rig.HangUp()
	m.wantEnd()
}

// A block found changes the tip to its hash.
func TestBlockFound(t *testing.T) {
	p := startPool(t, Config{Difficulty: "0.000001", NBits: "1f07ffff"}) // every other share is a block
	m := connect(t, p)
	m.login("rig", "")
	height := p.Stats().Height
	for p.Stats().Blocks == 0 {
		s := m.search("rig", CodeAccepted)
		v := Judge(m.terms(), s)
		before := m.job
		m.want(s, CodeAccepted)
		if !v.Block {
			continue
		}
		if n := m.awaitJob(); !n.Clean || m.job.prev != v.Hash || m.job.prev == before.prev {
			t.Errorf("after block %x: clean %v previous %x", v.Hash, n.Clean, m.job.prev)
		}
	}
	if st := p.Stats(); st.Height != height+1 || st.Accepted == 0 || st.Best <= 0 {
		t.Errorf("stats %+v", st)
	}
}
