package stratum

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// Cases 48 to 57: version bits, the handshake, and answers that do not come or
// come twice.
func hostile48() []hostileCase {
	return []hostileCase{
		{name: "48-odd-version-masks", run: hostileMasks},
		{name: "49-mask-changes-mid-job", run: hostileMaskChange},
		{name: "50-job-version-has-mask-bits", run: hostileMaskInVersion},
		{name: "51-configure-not-understood", run: hostileConfigure},
		{name: "52-set-extranonce", run: hostileSetExtranonce},
		{name: "53-not-authorised", run: hostileUnauthorised},
		{name: "54-authorised-by-null", run: hostileAuthorisedByNull},
		{name: "55-deauthorised-later", run: hostileDeauthorised},
		{name: "56-submit-unanswered", run: hostileUnanswered},
		{name: "57-submit-answered-twice", run: hostileAnsweredTwice},
	}
}

// still is a clock that only pauses move on, and that keeps no one waiting: so
// the pauses are as long as the rules make them, to the second.
func still(r *running) {
	elapsed := time.Duration(0)
	r.clock.now = func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.begun.Add(elapsed)
	}
	r.clock.wait = func(ctx context.Context, d time.Duration) error {
		r.mu.Lock()
		r.waits = append(r.waits, d)
		elapsed += d
		if len(r.waits) >= r.enough {
			r.stop()
		}
		r.mu.Unlock()
		return ctx.Err()
	}
}

// paused checks the pauses so far.
func (r *running) paused(want ...time.Duration) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.waits, want) {
		r.t.Errorf("paused %v, want %v", r.waits, want)
	}
}

// 48: of a mask only the bits 1fffe000 count; none or no mask means no rolling
// and submits of five params.
func hostileMasks(t *testing.T) {
	for _, c := range []struct {
		configured string // the result of mining.configure
		mask       uint32
		params     int
	}{
		{`{"version-rolling":true,"version-rolling.mask":"00000000"}`, 0, 5},
		{`{"version-rolling":true,"version-rolling.mask":"ffffffff"}`, 0x1fffe000, 6},
		{`{"version-rolling":true,"version-rolling.mask":"e0006fff"}`, 0x6000, 6},
		{`{"version-rolling":true,"version-rolling.mask":"e0001fff"}`, 0, 5}, // no bit of ours
		{`{"version-rolling":true,"version-rolling.mask":"zzzzzzzz"}`, 0, 5},
		{`{"version-rolling":true,"version-rolling.mask":"1fffe0000"}`, 0, 5}, // nine digits
		{`{"version-rolling":true,"version-rolling.mask":536862720}`, 0, 5},
		{`{"version-rolling":true}`, 0, 5},
		{`{"version-rolling":"no thanks","version-rolling.mask":"1fffe000"}`, 0, 5},
		{`{"version-rolling":false,"version-rolling.mask":"1fffe000"}`, 0, 5},
		{`{}`, 0, 5}, {`[]`, 0, 5}, {`null`, 0, 5}, {`true`, 0, 5},
	} {
		configured := c.configured
		shares := make(chan stratumtest.Request, 10)
		server := stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Expect("mining.configure"), configured)
			c.Result(c.Expect("mining.subscribe"), `[[["mining.notify","deadbeef"]],"0a0b0c0d",4]`)
			c.Result(c.Expect("mining.authorize"), "true")
			c.Notify(today("1").Params())
			c.Send(`{"id":null,"method":"mining.set_version_mask","params":["zz"]}`)
			takes(c, shares)
		})
		r := run(t, pools(server.URL), nil)
		job := r.jobOf(server)
		if job.VersionMask != c.mask || job.VersionRolling != (c.params == 6) {
			t.Errorf("%s: mask %08x, rolling %v", c.configured, job.VersionMask, job.VersionRolling)
		}
		s := share(job, 1)
		s.Version |= job.VersionMask
		if err := r.submit(s); err != nil {
			t.Errorf("%s: %v", c.configured, err)
		}
		request := got(t, shares)
		if len(request.Params) != c.params || c.params == 6 && request.Params[5] != fmt.Sprintf("%08x", c.mask) {
			t.Errorf("%s: sent %s", c.configured, request.Line)
		}
		r.logged("ignored a malformed message", "mining.set_version_mask")
		r.nothingMore()
		r.keeps(server, job, 2)
		r.stop()
	}
}

// 49: new work under the new mask begins at once; shares that were found under
// the old one carry their old bits.
func hostileMaskChange(t *testing.T) {
	shares := make(chan stratumtest.Request, 10)
	narrow, none := make(chan struct{}), make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		waitFor(t, narrow)
		c.Send(`{"id":null,"method":"mining.set_version_mask","params":["00006000"]}`)
		waitFor(t, none)
		c.Send(`{"id":null,"method":"mining.set_version_mask","params":["0"]}`)
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	old := r.jobOf(server)
	found := share(old, 1)
	found.Version |= 0x1fffe000
	close(narrow)
	job := r.jobOf(server)
	if job.ID != old.ID || job.VersionMask != 0x6000 || job.Clean || old.VersionMask != 0x1fffe000 {
		t.Errorf("job %+v after %+v", job, old)
	}
	close(none)
	last := r.jobOf(server)
	if last.VersionMask != 0 || !last.VersionRolling {
		t.Errorf("job %+v", last)
	}
	under := share(job, 2)
	under.Version |= 0x4000
	for _, c := range []struct {
		share *work.Share
		bits  string
	}{{found, "1fffe000"}, {under, "00004000"}, {share(last, 3), "00000000"}} {
		if err := r.submit(c.share); err != nil {
			t.Error(err)
		}
		if s := got(t, shares); len(s.Params) != 6 || s.Params[5] != c.bits {
			t.Errorf("sent %s, want the bits %s", s.Line, c.bits)
		}
	}
	r.logged("version mask changed", "00006000")
	r.keeps(server, last, 4)
	r.nothingMore()
}

// 50: bits that the job's version has set are not rolled, so that pools which
// OR, XOR or replace come to the same header.
func hostileMaskInVersion(t *testing.T) {
	odd := today("1")
	odd.Version = "32ef0000"
	const version, mask = 0x32ef0000, 0x1fffe000
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(odd.Params())
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	if job.VersionMask != 0x0d10e000 {
		t.Errorf("mask %08x, want 0d10e000", job.VersionMask)
	}
	var w work.Work
	if _, err := work.NewRoller(work.Start{Version: 77}).Next(&w, job, 4, 0); err != nil {
		t.Fatal(err)
	}
	for i, rolled := range w.Version[:w.Versions] {
		s := share(job, uint32(i))
		s.Version = rolled
		if err := r.submit(s); err != nil {
			t.Error(err)
		}
		var bits uint32
		fmt.Sscanf(fmt.Sprint(got(t, shares).Params[5]), "%x", &bits)
		if bits&^mask != 0 || bits == 0 || version|bits != rolled || version^bits != rolled {
			t.Errorf("header version %08x, submitted bits %08x", rolled, bits)
		}
	}
	r.keeps(server, job, 99)
}

// 51: whatever a pool does on mining.configure, it gets a handshake without it
// at once, and from then on.
func hostileConfigure(t *testing.T) {
	for name, refuse := range map[string]stratumtest.Script{
		"error": func(c *pc) {
			c.Error(c.Expect("mining.configure"), `[-3,"Method 'mining.configure' not found",null]`)
			c.Hang()
		},
		"closes":  func(c *pc) { c.Expect("mining.configure") },
		"ignores": func(c *pc) { c.Expect("mining.configure"); c.Hang() },
		"banned":  func(c *pc) { c.Send(`{"id":1,"result":null,"error":"go away"}`); c.Hang() },
	} {
		shares := make(chan stratumtest.Request, 10)
		serve := func(c *pc) {
			if requests := c.Welcome(stratumtest.Usual()); len(requests) != 2 {
				t.Errorf("%s: the handshake has %v", name, requests)
			}
			c.Notify(today("1").Params())
			s := c.Expect("mining.submit")
			shares <- s
			c.Result(s, "true")
			if s.Params[4] == "0000dead" {
				return
			}
			c.Hang()
		}
		server := stratumtest.Serve(t, refuse, serve)
		options := pools(server.URL)
		options.Limits.Configure = 200 * time.Millisecond
		r := run(t, options, still)
		job := r.jobOf(server)
		if job.VersionRolling || job.VersionMask != 0 {
			t.Errorf("%s: job %+v", name, job)
		}
		r.submit(share(job, 0xdead))
		if s := got(t, shares); len(s.Params) != 5 {
			t.Errorf("%s: sent %s", name, s.Line)
		}
		r.logged("connecting again, without mining.configure, hence without version rolling", server.URL)
		if err := r.submit(share(r.jobOf(server), 2)); err != nil {
			t.Errorf("%s: over the third connection: %v", name, err)
		}
		if n := server.Connections(); n != 3 {
			t.Errorf("%s: %d connections, want 3", name, n)
		}
		r.paused(time.Second) // before the third connection only
		r.stop()
	}
}

// 52: a valid mining.set_extranonce holds from the next job on, a malformed one
// is ignored (I), more than 10 in a minute end the connection (D).
func hostileSetExtranonce(t *testing.T) {
	set := func(c *pc, params string) {
		c.Send(`{"id":null,"method":"mining.set_extranonce","params":%s}`, params)
	}
	malformed := []string{`[]`, `["abc",4]`, `["zz",4]`, `["00",0]`, `["00",17]`, `["00",-1]`, `["` + strings.Repeat("00", 33) + `",4]`, `{}`}
	shares := make(chan stratumtest.Request, 10)
	more := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		set(c, `["ffee",6]`)
		for _, params := range malformed {
			set(c, params)
		}
		c.Notify(today("2").Params())
		for range 3 {
			s := c.Expect("mining.submit")
			shares <- s
			c.Result(s, "true")
		}
		waitFor(t, more)
		for range 20 {
			set(c, `["ffee",6]`)
		}
		c.Hang()
	}, func(c *pc) {
		offer := stratumtest.Usual()
		offer.Extranonce1 = "99"
		c.Welcome(offer)
		c.Notify(today("3").Params())
		c.Hang()
	})
	r := run(t, pools(server.URL), nil)
	one, two := r.jobOf(server), r.jobOf(server)
	if one.Extranonce2Size != 4 || fmt.Sprintf("%x", one.Extranonce1) != "0a0b0c0d" {
		t.Errorf("the job before: %+v", one)
	}
	if two.Extranonce2Size != 6 || fmt.Sprintf("%x", two.Extranonce1) != "ffee" {
		t.Errorf("the job after: %+v", two)
	}
	for _, s := range []*work.Share{share(one, 1), share(two, 2)} {
		if err := r.submit(s); err != nil {
			t.Error(err)
		}
		if request := got(t, shares); len(fmt.Sprint(request.Params[2])) != 2*s.Job.Extranonce2Size {
			t.Errorf("sent %s", request.Line)
		}
	}
	r.logged("ignored a malformed message", "mining.set_extranonce")
	r.keeps(server, two, 3)
	close(more)
	r.drops(server, "more than 10 changes of the extranonce in a minute", time.Second)
	r.noWorkFor(two)
	if job := r.jobOf(server); job.ID != "3" {
		t.Errorf("job %+v", job)
	}
}

// 53, F: no mining for a pool that refuses the user, or does not answer.
func hostileUnauthorised(t *testing.T) {
	refuse := func(answer string) stratumtest.Script {
		return func(c *pc) {
			c.Result(c.Expect("mining.configure"), `{}`)
			c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
			c.Notify(today("1").Params()) // before the authorisation, as many do
			request := c.Expect("mining.authorize")
			if answer != "" {
				c.Send(`{"id":%s,%s}`, request.ID, answer)
			}
			c.Hang()
		}
	}
	for name, answer := range map[string]string{
		"false": `"result":false,"error":null`,
		"error": `"result":null,"error":[24,"no such user",null]`,
		"text":  `"result":null,"error":"Failed subscription"`,
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, pools(stratumtest.Serve(t, refuse(answer)).URL), func(r *running) { still(r); r.enough = 7 })
			if err := r.end(); !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			r.paused(30*time.Second, time.Minute, 2*time.Minute, 4*time.Minute, 8*time.Minute, 10*time.Minute, 10*time.Minute)
			r.logged("pool failed", `the pool refuses the user "user.rig"`)
		})
		t.Run(name+", with a backup", func(t *testing.T) {
			server, backup := stratumtest.Serve(t, refuse(answer)), stratumtest.Serve(t, works)
			r := mineFailures(t, pools(server.URL, backup.URL))
			early := r.jobOf(server)
			if err := r.submit(share(early, 1)); err == nil {
				t.Error("a share was accepted before the authorisation")
			}
			r.noWorkFor(early)
			r.keeps(backup, r.givesWay(server, backup, 1), 1)
		})
	}
	// A pool that does not answer is left at once, too, but tried again after the
	// usual pauses: nothing says that the user is wrong.
	t.Run("silence", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, refuse("")), stratumtest.Serve(t, works)
		options := pools(server.URL, backup.URL)
		options.Limits.Handshake = 100 * time.Millisecond
		r := mineFailures(t, options)
		early := r.jobOf(server)
		r.drops(server, "no answer to mining.authorize", time.Second)
		r.noWorkFor(early)
		r.keeps(backup, r.givesWay(server, backup, 1), 1)
	})
}

// 54: a null result without an error authorises (p2pool).
func hostileAuthorisedByNull(t *testing.T) {
	for _, answer := range []string{`"result":null,"error":null`, `"error":null`, `"result":null`, `"result":true`} {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Expect("mining.configure"), `{}`)
			c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
			c.Send(`{"id":%s,%s}`, c.Expect("mining.authorize").ID, answer)
			c.Notify(today("1").Params())
			accepts(c)
		})
		r := run(t, pools(server.URL), nil)
		r.keeps(server, r.jobOf(server), 1)
		r.logged("authorised", "user.rig")
		if !r.Status().Authorised {
			t.Errorf("%s: status %+v", answer, r.Status())
		}
		r.stop()
	}
}

// 55: a pool that no longer knows the user we authorised gets a new handshake
// at once; one that does so again is left alone for 10 minutes at least (S).
func hostileDeauthorised(t *testing.T) {
	refuses := func(c *pc) {
		offer := stratumtest.Usual()
		offer.SessionID = ""
		c.Welcome(offer)
		c.Notify(today("1").Params())
		for {
			c.Error(c.Expect("mining.submit"), `[24,"unauthorized-user",null]`)
		}
	}
	t.Run("alone", func(t *testing.T) {
		server := stratumtest.Serve(t, refuses)
		r := run(t, pools(server.URL), func(r *running) { still(r); r.enough = 2 })
		for nonce := range uint32(2) {
			job := r.jobOf(server)
			var rejected *work.Rejected
			if err := r.submit(share(job, nonce)); !errors.As(err, &rejected) || rejected.Reason != work.ReasonUnauthorized {
				t.Errorf("verdict %v", err)
			}
			r.noWorkFor(job)
		}
		if err := r.end(); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.waits) != 2 || r.waits[0] > time.Second || r.waits[1] < 10*time.Minute {
			t.Errorf("paused %v, want hardly, and then 10 minutes", r.waits)
		}
		if n := server.Connections(); n != 2 {
			t.Errorf("%d connections", n)
		}
		r.logged("pool lost", "unauthorized-user")
	})
	t.Run("with a backup", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, refuses), stratumtest.Serve(t, works)
		r := mineFailures(t, pools(server.URL, backup.URL))
		for range 2 {
			r.submit(share(r.next("1"), 1))
			r.noWork()
		}
		r.keeps(backup, r.givesWay(server, backup, 2), 1)
		if n := server.Connections(); n != 2 {
			t.Errorf("%d connections to the pool that does not know us", n)
		}
	})
}

// 56: a share without an answer is lost; five in a row, and nothing else from
// the pool, end the connection (D).
func hostileUnanswered(t *testing.T) {
	shares := make(chan stratumtest.Request, 20)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for {
			s := c.Expect("mining.submit")
			shares <- s
			if s.Params[4] == "00000001" {
				c.Result(s, "true")
			}
		}
	}, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("2").Params())
		takes(c, shares)
	})
	options := pools(server.URL)
	options.Limits.Submit = 100 * time.Millisecond
	r := run(t, options, nil)
	job := r.jobOf(server)
	unanswered := func(nonce uint32) {
		var lost *work.Lost
		if err := r.submit(share(job, nonce)); !errors.As(err, &lost) || lost.Why != "timeout" || !lost.Sent {
			t.Errorf("verdict %v, want lost by a timeout", err)
		}
	}
	for nonce := range uint32(4) {
		unanswered(100 + nonce)
	}
	r.keeps(server, job, 1) // answered: the count begins anew
	for nonce := range uint32(4) {
		unanswered(200 + nonce)
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections after four unanswered submits", n)
	}
	unanswered(300)
	r.drops(server, "5 submits in a row without an answer", time.Second)
	again := r.jobOf(server)
	if again.ID != "2" {
		t.Errorf("job %+v", again)
	}
	if err := r.submit(share(again, 2)); err != nil {
		t.Errorf("over the next connection: %v", err)
	}
}

// 57: the first answer counts, the second is one to nothing we asked: ignored
// (19), unless it happens too often.
func hostileAnsweredTwice(t *testing.T) {
	more := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		var last stratumtest.Request
		for _, first := range []bool{true, false, true} {
			last = c.Expect("mining.submit")
			for _, accepted := range []bool{first, !first} {
				if accepted {
					c.Result(last, "true")
				} else {
					c.Error(last, `[23,"Low difficulty share",null]`)
				}
			}
		}
		waitFor(t, more)
		for range 110 {
			c.Error(last, `[23,"Low difficulty share",null]`)
		}
		c.Hang()
	}, works)
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	if err := r.submit(share(job, 1)); err != nil {
		t.Errorf("accepted, then rejected: %v", err)
	}
	var rejected *work.Rejected
	if err := r.submit(share(job, 2)); !errors.As(err, &rejected) || rejected.Reason != work.ReasonLowDifficulty {
		t.Errorf("rejected, then accepted: %v", err)
	}
	r.keeps(server, job, 3)
	r.nothingMore()
	close(more)
	r.drops(server, "100 replies to nothing we asked", time.Second)
	r.jobOf(server)
}
