package v1

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
	"quarry/stratum/suggest"
	"quarry/stratum/transport"
	"quarry/work"
)

type pc = stratumtest.Conn // the pool's side

func sample(id string) string { return stratumtest.Sample(id).Params() }

// sampleWith is the sample job with changes.
func sampleWith(id string, change func(*stratumtest.Job)) string {
	j := stratumtest.Sample(id)
	change(&j)
	return j.Params()
}

func TestHandshake(t *testing.T) {
	type lines []string
	got := make(chan lines, 1)
	server := stratumtest.Serve(t, func(c *pc) {
		w := c.Welcome(stratumtest.Usual())
		got <- lines{w["mining.configure"].Line, w["mining.subscribe"].Line, w["mining.suggest_difficulty"].Line, w["mining.authorize"].Line, c.Read().Line, c.Read().Line}
		c.Notify(sample("1"))
		c.Hang()
	})
	m := mine(t, server, Config{ResumeState: &ResumeState{SessionID: "cafe"}, Suggest: suggest.New(difficulty(t, "1e-4"), nil, zap.NewNop()), SubscribeExtra: true})
	job := m.job()
	want := lines{
		`{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}`,
		`{"id":2,"method":"mining.subscribe","params":["quarry/test","cafe"]}`,
		`{"id":3,"method":"mining.suggest_difficulty","params":[0.0001]}`,
		`{"id":4,"method":"mining.authorize","params":["user.rig","secret"]}`,
		`{"id":5,"method":"mining.extranonce.subscribe","params":[]}`,
		`{"id":6,"method":"mining.suggest_difficulty","params":[0.0001]}`,
	}
	for i, line := range <-got {
		if line != want[i] {
			t.Errorf("sent %s\nwant %s", line, want[i])
		}
	}
	status := m.Status()
	if !status.Subscribed || !status.Authorized || status.SessionID != "deadbeef" || status.VersionMask != 0x1fffe000 {
		t.Errorf("status %+v", status)
	}
	if job.Pool != server.URL || job.Session != 7 || !job.NetworkKnown || time.Since(job.Received) > patience {
		t.Errorf("job %+v", job)
	}
}

// TestHandshakeEnds has all handshakes that lead nowhere.
func TestHandshakeEnds(t *testing.T) {
	short := Limits{Configure: time.Second, Handshake: time.Second, FirstJob: time.Second}
	configured := func(c *pc) {
		c.Result(c.Expect("mining.configure"), `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`)
	}
	subscribed := func(c *pc) {
		configured(c)
		c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
	}
	for _, c := range []struct {
		name string
		pool stratumtest.Script
		want error
		text string
	}{
		{"configure refused", func(c *pc) { c.Error(c.Read(), `[-3,"Method not found",null]`); c.Hang() }, ErrConfigure, "Method not found"},
		{"configure unanswered", func(c *pc) { c.Hang() }, ErrConfigure, "no answer"},
		{"configure hung up at", func(c *pc) { c.Read() }, ErrConfigure, "closed"},
		{"subscribe refused", func(c *pc) { configured(c); c.Error(c.Read(), `[20,"no",null]`); c.Hang() }, ErrSubscribe, "no (20)"},
		{"subscribe unusable", func(c *pc) { configured(c); c.Result(c.Read(), `[[],"00",0]`); c.Hang() }, ErrSubscribe, "extranonce2 size 0"},
		{"subscribe odd extranonce", func(c *pc) { configured(c); c.Result(c.Read(), `[[],"0",4]`); c.Hang() }, ErrSubscribe, "extranonce1"},
		{"subscribe too early", func(c *pc) { configured(c); c.Result(c.Read(), `"Initialising"`); c.Hang() }, nil, "not ready: Initialising"},
		{"subscribe unanswered", func(c *pc) { configured(c); c.Hang() }, ErrNoAnswer, "mining.subscribe"},
		{"subscribe hung up at", func(c *pc) { configured(c); c.Read() }, transport.ErrClosed, ""},
		{"authorize false", func(c *pc) { subscribed(c); c.Result(c.Read(), `false`); c.Hang() }, ErrUnauthorized, `"user.rig"`},
		{"authorize error", func(c *pc) { subscribed(c); c.Error(c.Read(), `[24,"bad password secret",null]`); c.Hang() }, ErrUnauthorized, "bad password *** (24)"},
		{"authorize text", func(c *pc) { subscribed(c); c.Result(c.Read(), `"who?"`); c.Hang() }, ErrUnauthorized, "who?"},
		{"authorize unanswered", func(c *pc) { subscribed(c); c.Hang() }, ErrAuthorize, "no answer to mining.authorize"},
		{"no job", func(c *pc) { subscribed(c); c.Result(c.Read(), `true`); c.Hang() }, ErrNoJob, ""},
		{"http server", func(c *pc) { c.Read(); c.Send("HTTP/1.1 400 Bad Request\r"); c.Hang() }, ErrNotStratum, "HTTP/1.1 400"},
		{"ssh banner", func(c *pc) { c.Send("SSH-2.0-OpenSSH\x1b[2J\r"); c.Hang() }, ErrNotStratum, "SSH-2.0"},
		{"tls server", func(c *pc) { c.Raw().Write([]byte("\x15\x03\x03\x00\x02\x02\x28")); c.Hang() }, transport.ErrTLSServer, "stratum+ssl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := mine(t, stratumtest.Serve(t, c.pool), Config{Limits: short}).end()
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "secret") {
				t.Errorf("ended with %v, want %v and %q", err, c.want, c.text)
			}
			if c.want == nil && (errors.Is(err, ErrSubscribe) || errors.Is(err, ErrConfigure)) {
				t.Errorf("%v: asks for another handshake", err)
			}
		})
	}
}

func TestAuthorizeForms(t *testing.T) {
	for _, reply := range []string{`"result":true,"error":null`, `"result":null,"error":null`, `"error":null`, `"result":true`, `"result":true,"error":false`} {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Expect("mining.subscribe"), `[[["mining.notify","x"]],"00",4]`)
			c.Send(`{"id":"%s",%s}`, c.Expect("mining.authorize").ID, reply)
			c.Notify(sample("1"))
			c.Hang()
		})
		m := mine(t, server, Config{NoConfigure: true})
		m.job()
		if !m.Status().Authorized {
			t.Errorf("%s: not authorized", reply)
		}
	}
}

// TestVersionRolling: what the pool says about it, what the job has of it, and
// how many params the submit has.
func TestVersionRolling(t *testing.T) {
	for _, c := range []struct {
		name, configured string // the reply; empty: not asked
		version          string
		mask             uint32
		params           int
	}{
		{"agreed", `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`, "20000000", 0x1fffe000, 6},
		{"all bits", `{"version-rolling":true,"version-rolling.mask":"ffffffff"}`, "20000000", 0x1fffe000, 6},
		{"bits taken", `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`, "32ef0000", 0x1fffe000 &^ 0x32ef0000, 6},
		{"no bit left", `{"version-rolling":true,"version-rolling.mask":"00002000"}`, "20002000", 0, 6},
		{"zero mask", `{"version-rolling":true,"version-rolling.mask":"00000000"}`, "20000000", 0, 5},
		{"bits outside", `{"version-rolling":true,"version-rolling.mask":"e0000000"}`, "20000000", 0, 5},
		{"bad mask", `{"version-rolling":true,"version-rolling.mask":"what"}`, "20000000", 0, 6},
		{"no mask", `{"version-rolling":true}`, "20000000", 0, 6},
		{"0x", `{"version-rolling":1,"version-rolling.mask":"0x1FFFE000"}`, "20000000", 0x1fffe000, 6},
		{"object", `{"version-rolling":{"mask":"1fffe000"}}`, "0x20000000", 0x1fffe000, 6},
		{"refused", `{"version-rolling":false}`, "20000000", 0, 5},
		{"refused in words", `{"version-rolling":"no"}`, "20000000", 0, 5},
		{"not asked", "", "20000000", 0, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			params := make(chan int, 1)
			server := stratumtest.Serve(t, func(p *pc) {
				if c.configured != "" {
					p.Result(p.Expect("mining.configure"), c.configured)
				} else { // a mask that was never asked for
					p.Send(`{"method":"mining.set_version_mask","params":["1fffe000"]}`)
				}
				p.Welcome(stratumtest.Usual())
				p.Notify(sampleWith("1", func(j *stratumtest.Job) { j.Version = c.version }))
				r := p.Expect("mining.submit")
				params <- len(r.Params)
				p.Result(r, "true")
				p.Hang()
			})
			m := mine(t, server, Config{NoConfigure: c.configured == ""})
			job := m.job()
			if job.VersionMask != c.mask || wireOf(job).rolling != (c.params == 6) {
				t.Errorf("mask %08x, rolling %v", job.VersionMask, wireOf(job).rolling)
			}
			if v := m.submit(share(job, 1)); v.Kind != work.Accepted {
				t.Error(v)
			}
			if n := <-params; n != c.params {
				t.Errorf("%d params", n)
			}
		})
	}
}

// TestEarlyJobs: jobs before the subscription are kept back, the last of them
// is used; jobs before the authorization are published at once, but their
// shares wait.
func TestEarlyJobs(t *testing.T) {
	published := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Difficulty("2")
		c.Notify(sample("early"))
		c.Notify(sample("pending"))
		c.Difficulty("3")
		c.Result(c.Expect("mining.subscribe"), `[[],"0102",2]`)
		c.Notify(sample("next"))
		authorize := c.Expect("mining.authorize")
		<-published
		c.Raw().SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		one := make([]byte, 1)
		if n, _ := c.Raw().Read(one); n != 0 {
			t.Error("a share was sent before the authorization")
		}
		c.Raw().SetReadDeadline(time.Time{})
		c.Result(authorize, "true")
		c.Result(c.Expect("mining.submit"), "true")
		c.Hang()
	})
	m := mine(t, server, Config{NoConfigure: true})
	pending, next := m.job(), m.job()
	if pending.ID != "pending" || pending.Difficulty.String() != "2" || len(pending.Extranonce1) != 2 || pending.Extranonce2Size != 2 {
		t.Errorf("pending job %+v", pending)
	}
	if next.ID != "next" || next.Difficulty.String() != "3" {
		t.Errorf("next job %+v", next)
	}
	verdict := make(chan work.Verdict, 1)
	go func() { verdict <- m.submit(share(next, 1)) }()
	close(published)
	if v := <-verdict; v.Kind != work.Accepted {
		t.Error(v)
	}
}

// TestChanges: difficulty and extranonces hold from the next job on, the mask
// at once; jobs that were published never change.
func TestChanges(t *testing.T) {
	submits := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		c.Difficulty("8")
		c.Difficulty("0")
		c.Difficulty(`"NaN"`)
		c.Send(`{"method":"mining.set_extranonce","params":["ffee",3]}`)
		c.Send(`{"method":"mining.set_extranonce","params":["f"]}`)
		c.Send(`{"method":"mining.set_extranonce","params":[null,5]}`)
		c.Send(`{"method":"mining.set_version","params":["00ff0000"]}`)
		c.Send(`{"method":"mining.set_version_mask","params":["zz"]}`)
		c.Send(`{"method":"mining.set_version_mask","params":["00ff0000"]}`)
		c.Notify(sampleWith("1", func(j *stratumtest.Job) { j.Clean = false }))
		for range 3 {
			r := c.Expect("mining.submit")
			submits <- r
			c.Result(r, "true")
		}
		c.Hang()
	})
	m := mine(t, server, Config{})
	first, masked, second := m.job(), m.job(), m.job()
	if first.Difficulty.String() != "1" || len(first.Extranonce1) != 4 || first.Extranonce2Size != 4 || first.VersionMask != 0x1fffe000 || !first.Clean {
		t.Errorf("first job %+v", first)
	}
	if masked.Difficulty.String() != "1" || masked.VersionMask != 0x00ff0000 || masked.Clean || masked.ID != "1" ||
		len(masked.Extranonce1) != 4 || masked.Received != first.Received {
		t.Errorf("masked job %+v", masked)
	}
	if second.Difficulty.String() != "8" || len(second.Extranonce1) != 2 || second.Extranonce2Size != 5 || second.VersionMask != 0x00ff0000 || second.Clean {
		t.Errorf("second job %+v", second)
	}
	rolled := share(first, 1)
	rolled.Version |= 0x1f00e000
	for i, s := range []*work.Share{rolled, share(masked, 2), share(second, 3)} {
		if v := m.submit(s); v.Kind != work.Accepted {
			t.Errorf("share %d: %v", i, v)
		}
	}
	for _, want := range []string{
		`"user.rig","1","00000000","64b3f3ec","00000001","1f00e000"`, `"user.rig","1","00000000","64b3f3ec","00000002","00000000"`,
		`"user.rig","1","0000000000","64b3f3ec","00000003","00000000"`,
	} {
		if line := (<-submits).Line; !strings.Contains(line, want) {
			t.Errorf("sent %s, want %s", line, want)
		}
	}
}

// TestMaskTakenBack: once version rolling was agreed, every submit has the
// sixth parameter, also when the pool has emptied the mask since.
func TestMaskTakenBack(t *testing.T) {
	submits := make(chan stratumtest.Request, 1)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		c.Send(`{"method":"mining.set_version_mask","params":["00000000"]}`)
		r := c.Expect("mining.submit")
		submits <- r
		c.Result(r, "true")
		c.Hang()
	})
	m := mine(t, server, Config{})
	m.job()
	emptied := m.job()
	if emptied.VersionMask != 0 || !wireOf(emptied).rolling {
		t.Errorf("mask %08x, rolling %v", emptied.VersionMask, wireOf(emptied).rolling)
	}
	if v := m.submit(share(emptied, 1)); v.Kind != work.Accepted {
		t.Error(v)
	}
	if r := <-submits; len(r.Params) != 6 || r.Params[5] != "00000000" {
		t.Errorf("sent %s, want six params, the last 00000000", r.Line)
	}
}

// written is a transport that keeps what was written.
type written struct{ lines []string }

func (w *written) ReadMessage() ([]byte, error) { return nil, transport.ErrClosed }
func (w *written) Close() error                 { return nil }
func (w *written) WriteMessage(b []byte) error {
	w.lines = append(w.lines, string(b))
	return nil
}

// TestPushReplies: requests of the pool are answered, few at once, then one a
// second; what is not a request is not.
func TestPushReplies(t *testing.T) {
	w := &written{}
	s := NewSession(w, Config{User: "user.rig", UserAgent: "quarry/test"})
	now := time.Now()
	say := func(after time.Duration, lines ...string) {
		now = now.Add(after)
		for _, line := range lines {
			m, err := ParseMessage([]byte(line))
			if err == nil {
				err = s.push(m, now)
			}
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	say(0, `{"id":null,"method":"mining.ping","params":[]}`, `{"method":"mining.what","params":[]}`,
		`{"id":5,"method":"mining.set_difficulty","params":[4]}`, `{"id":2,"method":"mining.subscribe","result":[],"error":null}`,
		`{"id":42,"method":"mining.ping","params":[]}`, `{"id":7,"method":"client.get_version","params":[]}`)
	say(500*time.Millisecond, `{"id":"ä","method":"client.get_stats","params":[]}`,
		`{"id":8,"method":"client.show_message","params":["hi"]}`, `{"id":9,"method":"client.ping"}`,
		`{"id":10,"method":"client.ping"}`)
	say(500*time.Millisecond, `{"id":11,"method":"client.ping"}`, `{"id":12,"method":"client.ping"}`)
	want := []string{
		`{"id":42,"result":"pong","error":null}`, `{"id":7,"result":"quarry/test","error":null}`,
		`{"id":"\u00e4","result":null,"error":[-3,"Method not found",null]}`, `{"id":8,"result":true,"error":null}`,
		`{"id":9,"result":"pong","error":null}`, `{"id":11,"result":"pong","error":null}`,
	}
	if !slices.Equal(w.lines, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(w.lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestMessagesAreLoggedSafely(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for range 100 {
			c.Send(`{"method":"client.show_message","params":["\u001b[31mpassword secret %s"]}`, strings.Repeat("x", 1000))
		}
		c.Send("what is secret?")
		c.Send("{what is secret?")
		c.Send(`{"method":"mining.set_version_mask","params":["secret"]}`)
		c.Notify(sample("1"))
		c.Hang()
	})
	mine(t, server, Config{Log: zap.New(core)}).job()
	if n := logs.FilterMessage("message from the pool").Len(); n < 1 || n > 20 {
		t.Errorf("%d messages logged", n)
	}
	if logs.FilterMessage("ignored a line of text").Len() != 1 || logs.FilterMessage("ignored an unreadable message").Len() != 1 || logs.FilterMessage("ignored a malformed message").Len() != 1 {
		t.Error("not all ignored messages were logged")
	}
	for _, entry := range logs.All() {
		for _, field := range entry.Context {
			if text := field.String; strings.Contains(text, "secret") || strings.Contains(text, "\x1b") || len(text) > 300 {
				t.Errorf("%s: %s=%q", entry.Message, field.Key, text)
			}
		}
	}
}

// TestEveryDifficultyIsTold, also when a pool is quick to raise it.
func TestEveryDifficultyIsTold(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i, d := range []string{"1", "16", "16", "512"} {
			c.Send(`{"method":"mining.set_difficulty","params":[%s]}`, d)
			c.Notify(sample(fmt.Sprint(i)))
		}
		c.Hang()
	})
	m := mine(t, server, Config{Log: zap.New(core)})
	for range 4 {
		m.job()
	}
	deadline := time.Now().Add(patience)
	for logs.FilterMessage("difficulty").Len() < 3 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // the last job is published before that is reported
	}
	var told []any
	for _, entry := range logs.FilterMessage("difficulty").All() {
		told = append(told, entry.ContextMap()["difficulty"])
	}
	if want := []any{1.0, 16.0, 512.0}; !slices.Equal(told, want) || logs.FilterMessage("new block").Len() != 1 {
		t.Errorf("told %v, want %v", told, want)
	}
}

// TestConduct: misbehavior that ends a session, and just less that does not.
func TestConduct(t *testing.T) {
	times := func(n int, line string) func(*pc) {
		return func(c *pc) {
			for range n {
				c.Send(line)
			}
		}
	}
	const badJob = `{"method":"mining.notify","params":["1"]}`
	for _, c := range []struct {
		name string
		pool func(*pc)
		want string // empty: the session goes on
	}{
		{"two lines of garbage", times(2, `{"id":`), ""},
		{"three lines of garbage", times(3, `[]`), "3 unreadable messages"},
		{"deep nesting", times(3, `{"params":`+strings.Repeat("[", 100000)), "3 unreadable messages"},
		{"100 stray replies", times(100, `{"id":999,"result":true}`), ""},
		{"101 stray replies", times(101, `{"id":3,"result":true}`), "unsolicited replies"},
		{"two bad jobs", func(c *pc) { times(2, badJob)(c); c.Notify(sample("x")); times(2, badJob)(c) }, ""},
		{"three bad jobs", times(3, badJob), "3 malformed jobs"},
		{"ten extranonces", times(10, `{"method":"mining.set_extranonce","params":["00"]}`), ""},
		{"eleven extranonces", times(11, `{"method":"mining.set_extranonce","params":["00"]}`), "extranonce"},
		{"reconnect", times(1, `{"method":"client.reconnect","params":["evil.example",3333,5]}`), "asked to reconnect"},
		{"too long a line", times(1, strings.Repeat("x", 256<<10+1)), "longer than 262144"},
		{"unknown methods", times(50, `{"method":"mining.set_goal","params":["x"]}`), ""},
		{"odd params", func(c *pc) {
			for _, method := range []string{"mining.set_difficulty", "mining.set_target", "mining.set_version_mask", "client.show_message", "mining.ping"} {
				for _, params := range []string{`null`, `{}`, `[]`, `[[[]]]`, `"x"`, `5`, `[{}]`} {
					c.Send(`{"method":%q,"params":%s}`, method, params)
				}
				c.Send(`{"method":%q}`, method)
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := stratumtest.Serve(t, func(p *pc) {
				p.Welcome(stratumtest.Usual())
				p.Notify(sample("1"))
				c.pool(p)
				p.Notify(sample("last"))
				p.Hang()
			})
			m := mine(t, server, Config{})
			if c.want != "" {
				if err := m.end(); !strings.Contains(err.Error(), c.want) {
					t.Errorf("ended with %v, want %q", err, c.want)
				}
				return
			}
			for m.job().ID != "last" {
			}
		})
	}
}

func TestReconnectKeepsTheAddress(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Send(`{"id":null,"method":"client.reconnect","params":["evil.example","3333","1e9"]}`)
		c.Hang()
	})
	var reconnect *Reconnect
	if err := mine(t, server, Config{}).end(); !errors.As(err, &reconnect) || reconnect.Wait != time.Minute || !strings.Contains(err.Error(), "configured address") {
		t.Errorf("ended with %v", err)
	}
}

func TestSilence(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(sample("1"))
		c.Hang()
	})
	m := mine(t, server, Config{Limits: Limits{Limits: transport.Limits{Silence: time.Second}}})
	m.job()
	if err := m.end(); !errors.Is(err, transport.ErrSilent) {
		t.Errorf("ended with %v", err)
	}
}

func TestFlood(t *testing.T) {
	var f flood
	now := time.Now()
	for i := range 20 * maxPushesASecond { // just within the limit
		if f.add(now.Add(time.Duration(i) * 10 * time.Millisecond)) {
			t.Fatalf("%d messages at 100 a second are taken for a flood", i)
		}
	}
	f = flood{}
	ended := -1
	for i := range 20000 {
		if f.add(now.Add(time.Duration(i) * time.Millisecond)) {
			ended = i
			break
		}
	}
	if ended < 9*1000+maxPushesASecond || ended > 10*1000 {
		t.Errorf("1000 messages a second were a flood after %d of them, want one in the tenth second", ended)
	}
}
