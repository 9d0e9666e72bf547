package stratum

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// foreignCases: pools that nobody wrote for us, as they were found.
func foreignCases() []hostileCase {
	return []hostileCase{
		{name: "silent-until-spoken-to", run: silentUntilSpokenTo},
		{name: "hangs-up-on-a-nudge", run: hangsUpOnANudge},
		{name: "lines-of-text", run: linesOfText},
		{name: "odd-but-plain", run: oddButPlain},
		{name: "unclear-verdicts", run: unclearVerdicts},
		{name: "version-bits-unwanted-or-missed", run: versionBitsTheOtherWay},
		{name: "restart-with-the-same-extranonce1", run: restartWithTheSame},
	}
}

// silentUntilSpokenTo: a pool that gives no job before the miner speaks again.
func silentUntilSpokenTo(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Error(c.Expect("mining.extranonce.subscribe"), `[-3,"Method not found",null]`)
		c.Notify(stratumtest.Sample("1").Params())
		c.Result(c.Expect("mining.submit"), "true") // and nothing else in between
		c.Hang()
	})
	r := mine(t, v1.Limits{Nudge: 10 * time.Millisecond}, server)
	r.keeps(server, r.jobOf(server), 1)
	if n := r.told("no job yet"); n != 1 {
		t.Errorf("nudged %d times", n)
	}
}

// hangsUpOnANudge: it is not nudged again, but waited for.
func hangsUpOnANudge(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Expect("mining.extranonce.subscribe")
	}, func(c *pc) {
		c.Welcome(newOffer())
		time.Sleep(200 * time.Millisecond)
		c.Notify(stratumtest.Sample("1").Params())
		accepts(c)
	})
	r := mine(t, v1.Limits{Nudge: 10 * time.Millisecond}, server)
	job := r.jobOf(server)
	r.drops(server, "the pool hung up on a request while it had given no job", time.Second)
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Errorf("verdict %v", v)
	}
	if n := r.told("no job yet"); n != 1 {
		t.Errorf("nudged %d times", n)
	}
}

// linesOfText: they are dropped, also before the first message and with zeros and
// returns behind the lines; a stream of them ends the connection. A server that
// says nothing else is none.
func linesOfText(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		c.Send("Welcome to the pool\x00\r")
		c.Welcome(newOffer())
		for i := range 90 {
			c.Send("[%d] INFO user \"x\": share", i)
			c.Send(" \x00\r")
		}
		c.Send("\x00\xef\xbb\xbf"+`{"id":null,"method":"mining.notify","params":%s}`+"\x00\r", stratumtest.Sample("1").Params())
		c.Result(c.Expect("mining.submit"), "true")
		for range 20 {
			c.Send("and so on")
		}
		c.Hang()
	}, acting(accepts))
	r := mine(t, v1.Limits{}, server)
	r.keeps(server, r.next("1"), 1)
	r.drops(server, `100 lines of text within a minute, the first: "Welcome to the pool"`, time.Second)
	if n := r.told("ignored a line of text"); n != 2 {
		t.Errorf("%d log lines about the text", n)
	}
	for name, script := range map[string]stratumtest.Script{
		"closes": func(c *pc) { c.Send("login:"); c.Read() },
		"hangs":  func(c *pc) { c.Send("login:"); c.Hang() },
	} {
		t.Run(name, func(t *testing.T) {
			telnet := stratumtest.Serve(t, script)
			r := mine(t, v1.Limits{Configure: 50 * time.Millisecond, Handshake: 50 * time.Millisecond}, telnet)
			r.drops(telnet, `not a Stratum server: it says "login:"`, time.Second)
		})
	}
}

// oddButPlain: empty errors next to good results, every form of yes, 0x before
// numbers, and a difficulty that is no list.
func oddButPlain(t *testing.T) {
	for i, odd := range []struct{ yes, noError, difficulty string }{
		{`"OK"`, `""`, `{"difficulty":3}`}, {`1`, `[]`, `3`}, {`"true"`, `{}`, `"3"`}, {`"ok"`, `0`, `[{"difficulty":"3"}]`}, {`true`, `false`, `["3"]`},
	} {
		server := stratumtest.Serve(t, func(c *pc) {
			answer := func(r stratumtest.Request, result string) {
				c.Send(`{"id":%s,"result":%s,"error":%s}`, r.ID, result, odd.noError)
			}
			answer(c.Expect("mining.configure"), `{"version-rolling":"1","version-rolling.mask":"0x1fffe000"}`)
			answer(c.Expect("mining.subscribe"), `[[],"0x0a0b","4"]`)
			answer(c.Expect("mining.authorize"), odd.yes)
			c.Send(`{"id":null,"method":"mining.set_difficulty","params":%s}`, odd.difficulty)
			c.Send(`{"id":null,"method":"mining.set_version_mask","params":["0X00ffe000"]}`)
			job := stratumtest.Sample("1")
			job.PrevHash, job.Coinb1, job.Version, job.NBits, job.NTime = "0x"+job.PrevHash, "0X"+job.Coinb1, "0x"+job.Version, "0x"+job.NBits, "0x"+job.NTime
			c.Notify(job.Params())
			answer(c.Expect("mining.submit"), odd.yes)
			c.Hang()
		})
		r := mine(t, v1.Limits{}, server)
		job := r.jobOf(server)
		if job.Difficulty.Float64() != 3 || job.VersionMask != 0xffe000 || fmt.Sprintf("%x", job.Extranonce1) != "0a0b" || job.Version != 0x20000000 || !job.NetworkKnown {
			t.Errorf("%d: job %+v", i, job)
		}
		r.keeps(server, job, 1)
		if n := r.told("warn", "no clear verdict") + r.told("ignored"); n != 0 {
			t.Errorf("%d: a plain yes is called unclear: %v", i, r.lines())
		}
	}
}

// unclearVerdicts: a share is not counted as accepted without a word when the pool
// said neither yes nor no, and never next to an error.
func unclearVerdicts(t *testing.T) {
	for answer, want := range map[string]work.VerdictKind{
		`"result":null,"error":null`:                           work.Accepted, // as p2pool says yes
		`"result":[],"error":null`:                             work.Accepted,
		`"result":7`:                                           work.Accepted,
		`"result":{"status":"OK"},"error":""`:                  work.Accepted,
		`"result":null,"error":""`:                             work.Rejected,
		`"result":[],"error":{}`:                               work.Rejected,
		`"result":0,"error":null`:                              work.Rejected,
		`"result":"OK","error":[23,"low",null]`:                work.Rejected,
		`"result":{"status":"KO"},"error":null`:                work.Rejected,
		`"result":null,"error":null,"reject-reason":"no good"`: work.Rejected,
	} {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Welcome(newOffer())
			c.Notify(stratumtest.Sample("1").Params())
			for {
				c.Send(`{"id":%s,%s}`, c.Expect("mining.submit").ID, answer)
			}
		})
		r := mine(t, v1.Limits{}, server)
		job := r.jobOf(server)
		for nonce := range uint32(2) {
			if v := r.submit(share(job, nonce)); v.Kind != want {
				t.Errorf("%s: %v", answer, v)
			}
		}
		said := 0
		if want == work.Accepted && !strings.Contains(answer, "OK") {
			said = 1
		}
		if n := r.told("warn", "pool gives no clear verdict"); n != said {
			t.Errorf("%s: said %d times that it is unclear", answer, n)
		}
		r.stop()
	}
}

// versionBitsTheOtherWay: a pool that rejects every share for its version bits, or
// for having none, is tried the other way, once.
func versionBitsTheOtherWay(t *testing.T) {
	for name, c := range map[string]struct {
		mask, failure string
		wants         int // params of a submit; 0: none will do
		sends         []int
	}{
		"unwanted":         {"1fffe000", `[20,"Invalid number of params",null]`, 5, []int{6, 6, 6, 5, 5, 5}},
		"ignored":          {"1fffe000", `[23,"low difficulty share",null]`, 5, []int{6, 6, 6, 5, 5, 5}},
		"missed":           {"", `[23,"bad-version",null]`, 6, []int{5, 5, 5, 6, 6, 6}},
		"neither":          {"1fffe000", `[20,"Invalid version mask",null]`, 0, []int{6, 6, 6, 5, 5, 5, 6, 6, 6, 6}},
		"other complaints": {"1fffe000", `[20,"Worker mismatch",null]`, 0, []int{6, 6, 6, 6, 6}},
	} {
		t.Run(name, func(t *testing.T) {
			server := stratumtest.Serve(t, func(p *pc) {
				offer := newOffer()
				offer.Mask, offer.Difficulty = c.mask, "1e-10"
				p.Welcome(offer)
				p.Notify(stratumtest.Sample("1").Params())
				for i, want := range c.sends {
					r := p.Expect("mining.submit")
					if len(r.Params) != want || want == 6 && c.mask == "" && r.Params[5] != "00000000" {
						t.Errorf("share %d: %s, want %d params", i, r.Line, want)
					}
					if len(r.Params) == c.wants {
						p.Result(r, "true")
					} else {
						p.Error(r, c.failure)
					}
				}
				p.Hang()
			})
			r := mine(t, v1.Limits{}, server)
			job := r.jobOf(server)
			for i, params := range c.sends {
				if i > 0 && params != c.sends[i-1] {
					job = r.jobOf(server) // the same, published again
				}
				if params == 5 && job.VersionMask != 0 {
					t.Errorf("share %d: mask %08x", i, job.VersionMask)
				}
				s := share(job, uint32(i))
				s.Version |= job.VersionMask
				if v := r.submit(s); (v.Kind == work.Accepted) != (params == c.wants) {
					t.Errorf("share %d: %v", i, v)
				}
			}
		})
	}
}

// restartWithTheSame: a pool that forgets all at each connection, but gives the same
// extranonce1 again. The first time its last job is mined while it is away, which
// costs a stale share; the second time no more.
func restartWithTheSame(t *testing.T) {
	var connections atomic.Int32
	server := stratumtest.Serve(t, func(c *pc) {
		n := connections.Add(1)
		id := fmt.Sprint("job ", n)
		c.Welcome(stratumtest.Usual())
		job := stratumtest.Sample(id)
		job.NTime = fmt.Sprintf("%08x", 0x64b3f3ec+n)
		c.Notify(job.Params())
		for {
			switch r := c.Expect("mining.submit"); {
			case r.Params[1] != id:
				c.Error(r, `[21,"Job not found",null]`)
			case r.Params[4] == "0000dead":
				return
			default:
				c.Result(r, "true")
			}
		}
	})
	r := mine(t, v1.Limits{}, server)
	one := r.next("job 1")
	dead := r.later(share(one, 0xdead))
	two := r.next("job 2") // with no gap
	if v := r.submit(share(one, 1)); v.Kind != work.Stale || !v.Sent {
		t.Errorf("a share found while the pool was away: %v", v)
	}
	r.verdict(dead)
	r.says("pool does not know the jobs of its last session")
	if n := r.told("resumed"); n > 0 {
		t.Errorf("said to be resumed: %v", r.lines())
	}
	go r.submit(share(two, 0xdead))
	r.stops()
	r.next("job 3")
}

// TestEndIsNotNoWork: a client that is ended does not complain that its pools are
// gone, whichever of its parts notices the end first.
func TestEndIsNotNoWork(t *testing.T) {
	for range 20 {
		server := stratumtest.Serve(t, acting(accepts))
		r := mine(t, v1.Limits{}, server)
		r.jobOf(server)
		r.stop()
		r.end()
		if r.told("no work available") > 0 {
			t.Fatalf("the log: %v", r.lines())
		}
	}
}

// TestTLSHint: only a peer that has said nothing may want TLS.
func TestTLSHint(t *testing.T) {
	for name, c := range map[string]struct {
		script stratumtest.Script
		hint   bool
	}{
		"says nothing":       {func(c *pc) { c.Read() }, true},
		"answers, then ends": {func(c *pc) { c.Result(c.Expect("mining.configure"), "{}"); c.Read() }, false},
		"says text":          {func(c *pc) { c.Send("login:"); c.Read() }, false},
	} {
		server := stratumtest.Serve(t, c.script)
		options := pools(server.URL)
		options.NoRetry = true
		r := run(t, options, nil)
		err := r.end()
		if got := strings.Contains(fmt.Sprint(r.logs.All(), err), "use stratum+ssl"); got != c.hint {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(err, transport.ErrClosed) {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
}
