package stratum

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// versionCases: version bits, and extranonces that change.
func versionCases() []hostileCase {
	return []hostileCase{
		{name: "odd-version-masks", run: hostileMasks},
		{name: "mask-changes-mid-job", run: hostileMaskChange},
		{name: "job-version-has-mask-bits", run: hostileMaskInVersion},
		{name: "configure-not-understood", run: hostileConfigure},
		{name: "set-extranonce", run: hostileSetExtranonce},
	}
}

// still is a clock that only pauses move on, and that keeps no one waiting: so
// the pauses are as long as the rules make them, to the second.
func still(r *running) {
	elapsed := time.Duration(0)
	r.clock.Now = func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.begun.Add(elapsed)
	}
	r.clock.Wait = func(ctx context.Context, d time.Duration) error {
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

// hostileMasks: of a mask only the bits 1fffe000 count; no bit of it means no
// rolling and submits of five params; without a mask that can be read, a pool that
// agreed to version rolling gets six, of which nothing is rolled.
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
		{`{"version-rolling":true,"version-rolling.mask":"0x1fffe000"}`, 0x1fffe000, 6},
		{`{"version-rolling":1,"version-rolling.mask":"0X6000"}`, 0x6000, 6},
		{`{"version-rolling":"true","version-rolling.mask":"1fffe000"}`, 0x1fffe000, 6},
		{`{"version-rolling":{"mask":"1fffe000"}}`, 0x1fffe000, 6},
		{`{"version-rolling":true,"version-rolling.mask":"zzzzzzzz"}`, 0, 6},  // they may want the parameter
		{`{"version-rolling":true,"version-rolling.mask":"1fffe0000"}`, 0, 6}, // nine digits
		{`{"version-rolling":true,"version-rolling.mask":536862720}`, 0, 6},
		{`{"version-rolling":true}`, 0, 6},
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
		if job.VersionMask != c.mask {
			t.Errorf("%s: mask %08x", c.configured, job.VersionMask)
		}
		s := share(job, 1)
		s.Version |= job.VersionMask
		if v := r.submit(s); v.Kind != work.Accepted {
			t.Errorf("%s: %v", c.configured, v)
		}
		request := await(t, shares)
		if len(request.Params) != c.params || c.params == 6 && request.Params[5] != fmt.Sprintf("%08x", c.mask) {
			t.Errorf("%s: sent %s", c.configured, request.Line)
		}
		r.logged("ignored a malformed message", "mining.set_version_mask")
		r.nothingMore()
		r.keeps(server, job, 2)
		r.stop()
	}
}

// hostileMaskChange: new work under the new mask begins at once; shares that
// were found under the old one carry their old bits.
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
	if last.VersionMask != 0 {
		t.Errorf("job %+v", last)
	}
	under := share(job, 2)
	under.Version |= 0x4000
	for _, c := range []struct {
		share *work.Share
		bits  string
	}{{found, "1fffe000"}, {under, "00004000"}, {share(last, 3), "00000000"}} {
		if v := r.submit(c.share); v.Kind != work.Accepted {
			t.Error(v)
		}
		if s := await(t, shares); len(s.Params) != 6 || s.Params[5] != c.bits {
			t.Errorf("sent %s, want the bits %s", s.Line, c.bits)
		}
	}
	r.logged("version mask changed", "00006000")
	r.keeps(server, last, 4)
	r.nothingMore()
}

// hostileMaskInVersion: bits that the job's version has set are not rolled, so
// that pools which OR, XOR or replace come to the same header.
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
		if v := r.submit(s); v.Kind != work.Accepted {
			t.Error(v)
		}
		var bits uint32
		fmt.Sscanf(fmt.Sprint(await(t, shares).Params[5]), "%x", &bits)
		if bits&^mask != 0 || bits == 0 || version|bits != rolled || version^bits != rolled {
			t.Errorf("header version %08x, submitted bits %08x", rolled, bits)
		}
	}
	r.keeps(server, job, 99)
}

// hostileConfigure: whatever a pool does on mining.configure, it gets a handshake
// without it at once, and from then on. An error alone is no reason: the connection
// serves on.
func hostileConfigure(t *testing.T) {
	refuse := func(c *pc) {
		c.Error(c.Expect("mining.configure"), `[-3,"Method 'mining.configure' not found",null]`)
	}
	for name, refuse := range map[string]stratumtest.Script{
		"error, then silence":    func(c *pc) { refuse(c); c.Hang() },
		"error, then closes":     func(c *pc) { refuse(c) },
		"error, subscribe, ends": func(c *pc) { refuse(c); c.Expect("mining.subscribe") },
		"closes":                 func(c *pc) { c.Expect("mining.configure") },
		"ignores":                func(c *pc) { c.Expect("mining.configure"); c.Hang() },
		"banned":                 func(c *pc) { c.Send(`{"id":1,"result":null,"error":"go away"}`); c.Hang() },
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
		options.Limits.Configure, options.Limits.Handshake = 200*time.Millisecond, time.Second
		r := run(t, options, still)
		job := r.jobOf(server)
		if job.VersionMask != 0 {
			t.Errorf("%s: job %+v", name, job)
		}
		r.submit(share(job, 0xdead))
		if s := await(t, shares); len(s.Params) != 5 {
			t.Errorf("%s: sent %s", name, s.Line)
		}
		r.says("connecting again", "without mining.configure and version rolling", server.URL)
		if v := r.submit(share(r.jobOf(server), 2)); v.Kind != work.Accepted {
			t.Errorf("%s: over the third connection: %v", name, v)
		}
		if n := server.Connections(); n != 3 {
			t.Errorf("%s: %d connections, want 3", name, n)
		}
		r.paused(time.Second) // before the third connection only
		r.stop()
	}
	serves := stratumtest.Serve(t, func(c *pc) {
		refuse(c)
		if requests := c.Welcome(stratumtest.Usual()); len(requests) != 2 {
			t.Errorf("after the error: the handshake has %v", requests)
		}
		c.Notify(today("1").Params())
		s := c.Expect("mining.submit")
		if len(s.Params) != 5 {
			t.Errorf("after the error: sent %s", s.Line)
		}
		c.Result(s, "true")
		c.Hang()
	})
	r := run(t, pools(serves.URL), nil)
	r.keeps(serves, r.jobOf(serves), 1)
	r.logged("pool refuses version rolling", serves.URL)
}

// hostileSetExtranonce: a valid mining.set_extranonce holds from the next job
// on, a malformed one is ignored, more than 10 in a minute end the connection.
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
		if v := r.submit(s); v.Kind != work.Accepted {
			t.Error(v)
		}
		if request := await(t, shares); len(fmt.Sprint(request.Params[2])) != 2*s.Job.Extranonce2Size {
			t.Errorf("sent %s", request.Line)
		}
	}
	r.logged("ignored a malformed message", "mining.set_extranonce")
	r.keeps(server, two, 3)
	close(more)
	r.drops(server, "mining.set_extranonce came more than 10 times in a minute", time.Second)
	r.noWorkFor(two)
	if job := r.jobOf(server); job.ID != "3" {
		t.Errorf("job %+v", job)
	}
}
