package localpool

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// The longest line that is allowed, ids and nesting of hostile shape.
func TestLongButLegal(t *testing.T) {
	p := startPool(t, easy())
	m := connect(t, p)
	id := `"` + strings.Repeat("i", 4000) + `"`
	if w := m.line(`{"id":`+id+`,"method":"mining.ping"}`, id); string(w.Result) != `"pong"` {
		t.Errorf("long id: %s", w.Result)
	}
	deep := strings.Repeat("[", 3000) + strings.Repeat("]", 3000)
	if w := m.line(`{"id":1,"method":"mining.authorize","params":`+deep+`}`, "1"); w.code() != CodeOther {
		t.Errorf("deep params: %s %s", w.Result, w.Error)
	}
	var users int
	m.subscribe()
	for i := range maxUsers + 5 {
		if w := m.call("mining.authorize", fmt.Sprint("u", i), "x"); string(w.Result) == "true" {
			users++
		}
	}
	if users != maxUsers {
		t.Errorf("%d users on one connection", users)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	cfg := easy()
	cfg.HandshakeTimeout = 100 * time.Millisecond
	p := startPool(t, cfg)
	idle := connect(t, p)
	idle.subscribe() // but never authorizes
	idle.wantEnd()
}

// A miner that does not read is cut off and holds up nobody.
func TestMinerThatDoesNotRead(t *testing.T) {
	cfg := easy()
	cfg.Branches = 12
	cfg.WriteTimeout = 200 * time.Millisecond
	p := startPool(t, cfg)
	deaf := connect(t, p)
	deaf.login("deaf", "")
	good := connect(t, p)
	good.login("good", "")
	deadline := time.Now().Add(patience)
	for p.Stats().Connections == 2 {
		if time.Now().After(deadline) {
			t.Fatal("the deaf miner is still there")
		}
		if err := p.NewJob(); err != nil {
			t.Fatal(err)
		}
		good.awaitJob()
	}
	good.want(good.search("good", CodeAccepted), CodeAccepted)
}

func TestConnectionLimit(t *testing.T) {
	cfg := easy()
	cfg.MaxConnections = 1
	p := startPool(t, cfg)
	first := connect(t, p)
	first.login("rig", "")
	connect(t, p).wantEnd()
	first.want(first.search("rig", CodeAccepted), CodeAccepted)
}

// A hundred miners at once, while jobs and blocks change: every valid share is
// accepted, unless a new block overtook it.
func TestManyMiners(t *testing.T) {
	const miners, shares = 100, 5
	p := startPool(t, easy())
	var ready, done sync.WaitGroup
	var mu sync.Mutex
	ones := make(map[string]bool)
	ready.Add(miners)
	for i := range miners {
		done.Go(func() {
			var once sync.Once
			defer once.Do(ready.Done) // also when the test fails in here
			m := connect(t, p)
			defer m.wire.close()
			user := fmt.Sprint("rig", i)
			m.login(user, "1fffe000")
			mu.Lock()
			ones[hex.EncodeToString(m.one)] = true
			mu.Unlock()
			once.Do(ready.Done)
			ready.Wait()
			for range shares {
				m.want(m.search(user, CodeAccepted), CodeAccepted)
			}
		})
	}
	ready.Wait()
	for range 10 {
		if err := p.NewJob(); err != nil {
			t.Error(err)
		}
	}
	done.Wait()
	if len(ones) != miners {
		t.Errorf("%d extranonces for %d miners", len(ones), miners)
	}
	if st := p.Stats(); st.Accepted != miners*shares || len(st.Rejected) != 0 {
		t.Errorf("%d accepted, rejected %v", st.Accepted, st.Rejected)
	}
}

func TestListenAndRun(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr() != "" {
		t.Error("an address before Listen")
	}
	if err := p.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := p.Listen(); err != nil || len(p.Endpoints()) != 1 {
		t.Errorf("second Listen: %v, %v", err, p.Endpoints())
	}
	busy, err := New(Config{Listen: []Listener{{TCP, "127.0.0.1:0"}, {TCP, p.Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := busy.Run(context.Background()); err == nil || !strings.Contains(err.Error(), p.Addr()) {
		t.Errorf("listening on a taken port: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := p.Run(ctx); err == nil {
		t.Error("run twice")
	}
}

func TestBadConfig(t *testing.T) {
	for what, cfg := range map[string]Config{
		"transport":   {Listen: []Listener{{"udp", "127.0.0.1:0"}}},
		"certificate": {Listen: []Listener{{TLS, "127.0.0.1:0"}}},
		"size":        {Extranonce2Size: 17},
		"branches":    {Branches: 33},
		"difficulty":  {Difficulty: "x"},
		"start":       {Vardiff: Vardiff{Start: "1", Max: "0.5"}},
		"min":         {Vardiff: Vardiff{Min: "-1"}},
		"max":         {Vardiff: Vardiff{Max: "many"}},
		"seconds":     {Vardiff: Vardiff{Seconds: -1}},
		"nbits":       {NBits: "00000000"},
		"nbits text":  {NBits: "1d00fff"},
		"too hard":    {Difficulty: "2", NBits: "1d00ffff"},
		"interval":    {JobInterval: -time.Second},
		"line":        {MaxLine: 10},
		"no jobs":     {Script: &Script{}},
		"bad job":     {Script: &Script{Jobs: []Notify{{JobID: "1"}}}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: a bad configuration was taken", what)
		}
	}
}

func TestRunEndsWithMinersConnected(t *testing.T) {
	p, trust := everyTransport(t)
	for _, e := range p.Endpoints() {
		newMiner(t, dial(t, e, trust)).login("rig", "")
		if c, err := net.Dial("tcp", e.Addr); err == nil { // and one that says nothing
			t.Cleanup(func() { _ = c.Close() })
		}
	}
}
