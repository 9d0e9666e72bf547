package localpool

import (
	"fmt"
	"strings"
	"testing"
)

// A share is judged by the difficulty its job went out with.
func TestDifficultyHoldsFromTheNextJob(t *testing.T) {
	p := startPool(t, Config{Vardiff: Vardiff{Start: "0.000001", Seconds: 3600}})
	m := connect(t, p)
	m.login("rig", "")
	old := m.search("rig", CodeAccepted)
	before := m.jobTerms
	if err := p.SetDifficulty("0.1"); err != nil {
		t.Fatal(err)
	}
	if n := m.awaitJob(); n.Clean || m.jobTerms.String() != "0.1" {
		t.Errorf("clean %v at difficulty %s", n.Clean, m.jobTerms)
	}
	m.want(old, CodeAccepted)
	m.jobTerms = before
	m.want(m.search("rig", CodeAccepted), CodeLowDifficulty) // good enough for the old difficulty only
	if err := p.SetDifficulty("zero"); err == nil {
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
	if err := p.SetExtranonce("aabbcc", 3); err != nil {
		t.Fatal(err)
	}
	if w := m.await("mining.set_extranonce"); string(w.Params) != `["aabbcc",3]` {
		t.Errorf("sent %s", w.Params)
	}
	m.awaitJob()
	m.want(old, CodeAccepted) // its job had the old extranonce
	m.one, m.size = []byte{0xaa, 0xbb, 0xcc}, 3
	m.want(m.search("rig", CodeAccepted), CodeAccepted)
	for _, bad := range []error{p.SetExtranonce("zz", 4), p.SetExtranonce("00", 0), p.SetExtranonce("00", 17)} {
		if bad == nil {
			t.Error("a bad extranonce was taken")
		}
	}
}

func TestPushes(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	m.login("rig", "")
	p.ShowMessage("hello\nworld")
	p.Reconnect()
	p.Reconnect("example.org", 3333, 5)
	p.GetVersion()
	p.Ping()
	for _, want := range []string{
		`client.show_message ["hello\nworld"]`, `client.reconnect []`, `client.reconnect ["example.org",3333,5]`,
		`client.get_version []`, `mining.ping []`,
	} {
		w := m.read()
		if got := w.Method + " " + string(w.Params); got != want {
			t.Errorf("pushed %s, want %s", got, want)
		}
	}
	p.Disconnect()
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
