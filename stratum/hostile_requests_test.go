package stratum

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// requestCases: what a pool may ask of a miner.
func requestCases() []hostileCase {
	return []hostileCase{
		{name: "duplicate-sent-once", run: hostileDuplicate},
		{name: "reconnect-elsewhere", run: hostileReconnectElsewhere},
		{name: "reconnect-loop", run: hostileReconnectLoop},
		{name: "messages-to-the-user", run: hostileMessages},
		{name: "request-flood", run: hostileRequestFlood},
		{name: "ping-without-id", run: hostilePingWithoutID},
		{name: "unknown-methods", run: hostileUnknownMethods},
	}
}

// hostileDuplicate: a share that was sent once and is called a duplicate is
// counted as that; when it happens again, the fault may be ours, and the log
// says so.
func hostileDuplicate(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for {
			s := c.Expect("mining.submit")
			if s.Params[4] == "00000000" || strings.HasPrefix(fmt.Sprint(s.Params[4]), "000000f") {
				c.Error(s, `[22,"Duplicate share",null]`)
			} else {
				c.Result(s, "true")
			}
		}
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	if v := r.submit(share(job, 0)); !v.RejectedFor(work.ReasonDuplicate) || !v.Sent {
		t.Errorf("verdict %v", v)
	}
	r.keeps(server, job, 1)
	if r.told("warn ")+r.told("error ") > 0 {
		t.Errorf("warnings after one duplicate: %v", r.lines())
	}
	for nonce := range uint32(6) {
		if v := r.submit(share(job, 0xf0+nonce)); !v.RejectedFor(work.ReasonDuplicate) {
			t.Errorf("verdict %v", v)
		}
	}
	r.says("error ", server.URL, "shares sent once are called duplicates")
	r.keeps(server, job, 2)
	// What we know that we sent is not sent again.
	if v := r.submit(share(job, 2)); !v.RejectedFor(work.ReasonDuplicate) || v.Sent {
		t.Errorf("the same share again: %v", v)
	}
	r.nothingMore()
}

// hostileReconnectElsewhere: the address of a client.reconnect is not followed,
// its wait is clamped to 0 .. 60 s.
func hostileReconnectElsewhere(t *testing.T) {
	evil := stratumtest.Serve(t, works)
	host, port, _ := strings.Cut(evil.Address, ":")
	for _, c := range []struct {
		params string
		waits  []time.Duration
		told   string // the address as the log has it
	}{
		{fmt.Sprintf(`[%q,%s,7]`, host, port), []time.Duration{7 * time.Second}, evil.Address},
		{fmt.Sprintf(`[%q,%q,"7.5"]`, "localhost", port), []time.Duration{7500 * time.Millisecond}, "localhost:" + port},
		{`["pool.evil.example",3333,1e9]`, []time.Duration{time.Minute}, "pool.evil.example:3333"},
		{`["evil.example",0,-1]`, nil, "evil.example:0"},
		{`["::1",99999,"NaN"]`, nil, "[::1]:99999"},
		{`["\u001b[2Jgone",{"a":1},"+Inf"]`, []time.Duration{time.Minute}, `[2Jgone:{\"a\":1}`},
		{`[null,null,0]`, nil, "asked to reconnect"},
		{`[]`, nil, "asked to reconnect"},
		{`{"host":"evil.example"}`, nil, "asked to reconnect"},
		{`null`, nil, "asked to reconnect"},
	} {
		params := c.params
		server := stratumtest.Serve(t, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(today("1").Params())
			c.Send(`{"id":null,"method":"client.reconnect","params":%s}`, params)
			c.Hang()
		}, works)
		r := run(t, pools(server.URL), still)
		one := r.jobOf(server)
		two := r.jobOf(server)
		if v := r.submit(share(two, 1)); v.Kind != work.Accepted || two.Session == one.Session {
			t.Errorf("%s: share of the next session: %v", c.params, v)
		}
		if n := server.Connections(); n != 2 {
			t.Errorf("%s: %d connections", c.params, n)
		}
		r.paused(c.waits...)
		r.logged("leaving the pool", c.told)
		if r.told("pool lost") > 0 {
			t.Errorf("%s: taken for a failure: %v", c.params, r.lines())
		}
		r.stop()
	}
	if n := evil.Connections(); n != 0 {
		t.Errorf("followed to another server %d times", n)
	}
}

// hostileReconnectLoop: the fourth client.reconnect within 10 minutes is a
// failure with the growing pauses of one, and a reason to leave.
func hostileReconnectLoop(t *testing.T) {
	loops := func(c *pc) {
		offer := stratumtest.Usual()
		offer.SessionID = ""
		c.Welcome(offer)
		c.Notify(today("1").Params())
		c.Send(`{"id":null,"method":"client.reconnect","params":[]}`)
		c.Hang()
	}
	t.Run("alone", func(t *testing.T) {
		server := stratumtest.Serve(t, loops)
		r := run(t, pools(server.URL), func(r *running) { still(r); r.enough = 8 })
		if err := r.end(); err == nil {
			t.Error("ended without an error")
		}
		var want []time.Duration
		for _, seconds := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			want = append(want, seconds*time.Second)
		}
		r.paused(want...)
		if n := server.Connections(); n != 3+8 {
			t.Errorf("%d connections, want 3 that count for nothing and 8", n)
		}
		if n := r.logs.FilterMessage("leaving the pool").Len(); n != 3 {
			t.Errorf("left the pool %d times without a fault, want 3", n)
		}
		r.logged("pool lost", "asked to reconnect")
	})
	t.Run("with a backup", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, loops), stratumtest.Serve(t, works)
		r := mineFailures(t, pools(server.URL, backup.URL))
		r.keeps(backup, r.givesWay(server, backup, 4), 1)
	})
}

// hostileMessages: messages for the user are made safe to print, truncated, and
// logged once a second at most.
func hostileMessages(t *testing.T) {
	show := `{"id":%s,"method":"client.show_message","params":[%s]}`
	answered, flood := make(chan struct{}, 1), make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		texts := []string{
			`"\u001b[2J\u001b]0;owned\u0007hello\r\nthere` + "\u200b\u202e" + strings.Repeat("spam ", 40<<10) + `"`,
			`"` + strings.Repeat("spam ", 2<<10) + `"`, `7`, `null`, `{}`, `"\u0000\u001b"`, ``,
		}
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		c.Send(show, "8", texts[0])
		if answer := c.Read(); answer.Line != `{"id":8,"result":true,"error":null}` {
			t.Errorf("answered %s", answer.Line)
		}
		answered <- struct{}{}
		waitFor(t, flood)
		for range 50 {
			for _, text := range texts[1:] {
				c.Send(show, "null", text)
			}
		}
		accepts(c)
	})
	begun := time.Now()
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	r.logged("message from the pool", "hello  there")
	await(t, answered) // which comes after the log line
	close(flood)
	r.keeps(server, job, 1)
	lines := r.logs.FilterMessage("message from the pool").All()
	if limit := 2 + int(time.Since(begun)/time.Second); len(lines) > limit {
		t.Errorf("%d lines, want %d at most", len(lines), limit)
	}
	for _, line := range lines {
		text := fmt.Sprint(line.ContextMap()["text"])
		if n := utf8.RuneCountInString(text); n == 0 || n > 200 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("told %q", text)
		}
	}
	r.nothingMore()
}

// hostileRequestFlood: of a flood of requests few are answered, and one a
// second after these.
func hostileRequestFlood(t *testing.T) {
	const flood = 500
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		begun := time.Now()
		for i := range flood {
			c.Send(`{"id":%d,"method":%q,"params":[]}`, i, []string{"client.get_version", "mining.ping", "client.ping"}[i%3])
		}
		c.Send(`{"id":null,"method":"client.show_message","params":["that was it"]}`)
		answers := 0
		for {
			m := c.Read()
			if m.Method != "" {
				c.Result(m, "true")
				break
			}
			if want := fmt.Sprintf(`{"id":%d,"result":%q,"error":null}`, answers, []string{"quarry/test", "pong", "pong"}[answers%3]); answers < 5 && m.Line != want {
				t.Errorf("answered %s, want %s", m.Line, want)
			}
			answers++
		}
		if limit := 5 + int(time.Since(begun)/time.Second) + 1; answers < 5 || answers > limit {
			t.Errorf("%d answers to %d requests, want 5 to %d", answers, flood, limit)
		}
		c.Hang()
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	r.logged("message from the pool", "that was it")
	r.keeps(server, job, 1)
	r.nothingMore()
}

// hostilePingWithoutID: what needs no answer gets none: some pools close at any
// line that they did not ask for.
func hostilePingWithoutID(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for _, method := range []string{"mining.ping", "client.ping", "client.get_version", "client.show_message", "mining.nonsense"} {
			c.Send(`{"method":%q,"params":["x"]}`, method)
			c.Send(`{"id":null,"method":%q}`, method)
			c.Send(`{"id":[1],"method":%q,"params":null}`, method)
		}
		c.Result(c.Expect("mining.submit"), "true") // and nothing before it
		c.Hang()
	})
	r := run(t, pools(server.URL), nil)
	r.keeps(server, r.jobOf(server), 1)
	r.nothingMore()
}

// hostileUnknownMethods: an unknown method is refused if it wants an answer,
// else ignored.
func hostileUnknownMethods(t *testing.T) {
	done := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for _, m := range []struct{ id, method string }{{"7", "client.get_algo"}, {`"a"`, "mining.set_goal"}, {"-1", strings.Repeat("m", 100<<10)}, {"0.5", "\u202e"}} {
			c.Send(`{"id":null,"method":%q,"params":{"a":[[[]]]}}`, m.method)
			c.Send(`{"id":%s,"method":%q,"params":[]}`, m.id, m.method)
			if answer, want := c.Read().Line, fmt.Sprintf(`{"id":%s,"result":null,"error":[-3,"Method not found",null]}`, m.id); answer != want {
				t.Errorf("answered %s, want %s", answer, want)
			}
		}
		close(done)
		accepts(c)
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	await(t, done)
	r.keeps(server, job, 1)
	r.nothingMore()
}
