package stratum

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"quarry/hashing"
	"quarry/stratum/stratumtest"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// verdictCases: rejections.
func verdictCases() []hostileCase {
	return []hostileCase{
		{name: "rejects-everything", run: hostileRejectsAll},
		{name: "low-difficulty-and-version", run: hostileSelfAdapt},
		{name: "error-forms", run: hostileErrorForms},
	}
}

// found searches a share of the job whose hash meets easy, and does not meet
// hard unless that is the same.
func found(t *testing.T, job *work.Job, version uint32, from uint32, easy, hard hashing.Target) *work.Share {
	t.Helper()
	for nonce := from; nonce < from+1e6; nonce++ {
		s := share(job, nonce)
		if s.Version != version {
			s.Version = version
			header := job.Header(s.Extranonce2, s.Version, s.NTime, s.Nonce)
			s.Hash = header.Hash()
		}
		if easy.MetBy(s.Hash) && (easy == hard || !hard.MetBy(s.Hash)) {
			return s
		}
	}
	t.Fatal("no share in a million nonces")
	return nil
}

// hostileRejectsAll: more than 10 rejections in a row, for longer than the
// limit, are logged with their reason and a check of our own. With a backup we
// leave for a long while , without one we go on, for nothing is gained by
// stopping.
func hostileRejectsAll(t *testing.T) {
	var accept atomic.Bool
	rejects := func(c *pc) {
		offer := newOffer()
		offer.Difficulty = "1e-9"
		c.Welcome(offer)
		c.Notify(today("1").Params())
		for {
			if s := c.Expect("mining.submit"); accept.Load() {
				c.Result(s, "true")
			} else {
				c.Error(s, `[20,"computer says no",null]`)
			}
		}
	}
	limits := v1.Limits{Refused: 200 * time.Millisecond}
	// rejected has shares rejected until that is reported.
	rejected := func(r *running) *work.Job {
		job := r.job()
		target := job.Difficulty.Target()
		for n := range uint32(1000) {
			if n == 10 && r.told("pool rejects every share") > 0 {
				t.Errorf("reported after 10 shares: %v", r.lines())
			}
			if v := r.submit(found(t, job, job.Version, n<<12, target, target)); !v.RejectedFor(work.ReasonOther) {
				t.Errorf("verdict %v", v)
			}
			if r.told("pool rejects every share", "computer says no", "own_check:passed") > 0 {
				return job
			}
			time.Sleep(10 * time.Millisecond) // as shares come
		}
		t.Errorf("not reported: %v", r.lines())
		return job
	}
	t.Run("with a backup", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, rejects), stratumtest.Serve(t, works)
		options := pools(server.URL, backup.URL)
		options.Limits = limits
		r := mineFailures(t, options)
		rejected(r)
		r.keeps(backup, r.givesWay(server, backup, 0), 1)
		r.says("active pool", backup.URL, "the pool rejects every share")
		if n := server.Connections(); n != 1 {
			t.Errorf("%d connections to the pool that rejects everything", n)
		}
	})
	t.Run("alone", func(t *testing.T) {
		server := stratumtest.Serve(t, rejects)
		r := mine(t, limits, server)
		job := rejected(r)
		r.nothingMore()
		accept.Store(true)
		r.keeps(server, job, 1<<31)
		r.says("pool accepts shares again", server.URL)
	})
}

// hostileSelfAdapt: rejections that our own way of submitting explains make us
// change it, once, and say so.
func hostileSelfAdapt(t *testing.T) {
	t.Run("difficulty", func(t *testing.T) { hostileRaise(t) })
	t.Run("version bits", func(t *testing.T) { hostileVersionBits(t) })
}

// hostileRaise: a pool that judges shares of old jobs by the new difficulty
// (public-pool) gets those that meet it only, after three that it refused.
func hostileRaise(t *testing.T) {
	shares := make(chan stratumtest.Request, 100)
	server := stratumtest.Serve(t, func(c *pc) {
		offer := stratumtest.Usual()
		offer.Difficulty = "1e-9"
		c.Welcome(offer)
		c.Notify(today("1").Params())
		c.Difficulty("1e-8")
		next := today("2")
		next.Clean = false
		c.Notify(next.Params())
		for {
			s := c.Expect("mining.submit")
			shares <- s
			if strings.HasPrefix(fmt.Sprint(s.Params[4]), "0") {
				c.Error(s, `[23,"Difficulty too low: low difficulty share",null]`)
			} else {
				c.Result(s, "true")
			}
		}
	})
	r := run(t, pools(server.URL), nil)
	old, job := r.jobOf(server), r.jobOf(server)
	easy, hard := old.Difficulty.Target(), job.Difficulty.Target()
	for i := range uint32(3) {
		if v := r.submit(found(t, old, old.Version, i<<20, easy, hard)); !v.RejectedFor(work.ReasonLowDifficulty) || !v.Sent {
			t.Errorf("share %d: %v, want it sent and rejected", i, v)
		}
		await(t, shares)
	}
	for i := range uint32(3) {
		if v := r.submit(found(t, old, old.Version, 8<<20+i<<20, easy, hard)); v.Sent {
			t.Errorf("share %d after three rejections: %v, want it not sent", i, v)
		}
	}
	for i, of := range []*work.Job{old, job} {
		if v := r.submit(found(t, of, of.Version, uint32(1+i)<<28, hard, hard)); v.Kind != work.Accepted {
			t.Errorf("share that meets both difficulties: %v", v)
		}
		await(t, shares)
	}
	if len(shares) > 0 {
		t.Errorf("sent %s", (<-shares).Line)
	}
	r.says(server.URL, "pool judges all shares by its newest difficulty")
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// hostileVersionBits: where the job's version has bits of the mask set, pools
// that replace the masked bits want them submitted, too.
func hostileVersionBits(t *testing.T) {
	odd := today("1")
	odd.Version = "20006000"
	shares := make(chan stratumtest.Request, 100)
	server := stratumtest.Serve(t, func(c *pc) {
		offer := stratumtest.Usual()
		offer.Difficulty = "1e-9"
		c.Welcome(offer)
		c.Notify(odd.Params())
		for {
			s := c.Expect("mining.submit")
			shares <- s
			if s.Params[5] == "00008000" {
				c.Error(s, `[23,"H-not-zero",null]`)
			} else {
				c.Result(s, "true")
			}
		}
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	target := job.Difficulty.Target()
	if v := r.submit(found(t, job, job.Version|0x8000, 0, target, target)); !v.RejectedFor(work.ReasonLowDifficulty) {
		t.Errorf("verdict %v", v)
	}
	if s := await(t, shares); s.Params[5] != "00008000" {
		t.Errorf("sent %s", s.Line)
	}
	job = r.jobOf(server) // again, for shares in the other form
	for i, rolled := range []uint32{0x8000, 0x10000, 0} {
		if v := r.submit(found(t, job, job.Version|rolled, 1000+uint32(i)<<20, target, target)); v.Kind != work.Accepted {
			t.Errorf("verdict %v", v)
		}
		if s, want := await(t, shares), fmt.Sprintf("%08x", 0x6000|rolled); s.Params[5] != want {
			t.Errorf("sent %s, want the bits %s", s.Line, want)
		}
	}
	r.says(server.URL, "sending all version bits of the mask")
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// hostileErrorForms: an error of any form is a rejection, logged in at most 200
// printable characters.
func hostileErrorForms(t *testing.T) {
	forms := []struct {
		answer string // what follows the id
		reason string // class, "stale" for work.Stale
		code   int
		text   string // that the verdict says
	}{
		{`"result":null,"error":[23,"Low difficulty share",null]`, work.ReasonLowDifficulty, 23, "Low difficulty share"},
		{`"result":null,"error":[22,"Duplicate"]`, work.ReasonDuplicate, 22, "Duplicate"},
		{`"result":null,"error":[21]`, "stale", 0, "error 21"},
		{`"result":null,"error":{"code":23,"message":"high-hash","data":{"a":[]}}`, work.ReasonLowDifficulty, 23, "high-hash"},
		{`"result":null,"error":{"message":7}`, work.ReasonOther, 0, "refused without a reason"},
		{`"result":null,"error":"-3:method not found"`, work.ReasonOther, -3, "method not found"},
		{`"result":null,"error":"ntime out of range"`, work.ReasonNTime, 0, "ntime out of range"},
		{`"result":false,"error":null,"reject-reason":"Invalid version mask"`, work.ReasonVersion, 0, "Invalid version mask"},
		{`"result":false,"error":null`, work.ReasonOther, 0, "refused without a reason"},
		{`"result":null,"error":true`, work.ReasonOther, 0, "refused without a reason"},
		{`"result":null,"error":38`, work.ReasonOther, 38, "error 38"},
		{`"result":null,"error":1e400`, work.ReasonOther, 0, "refused without a reason"},
		{`"result":null,"error":[]`, work.ReasonOther, 0, "refused without a reason"},
		{`"result":null,"error":[[[["x"]]]]`, work.ReasonOther, 0, "refused without a reason"},
		{`"result":"nothing of the kind","error":null`, work.ReasonOther, 0, "nothing of the kind"},
		{`"result":null,"error":[20,"\u001b[31m\u0007` + "\u202e" + `no\r\n` + strings.Repeat("ü", 50<<10) + `",null]`, work.ReasonOther, 20, "[31mno  üüü"},
	}
	more := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for i, form := range forms {
			c.Send(`{"id":%s,%s}`, c.Expect("mining.submit").ID, form.answer)
			if i%5 == 4 { // or the pool would be one that rejects everything
				c.Result(c.Expect("mining.submit"), "true")
			}
		}
		c.Result(c.Expect("mining.submit"), "true")
		waitFor(t, more)
		c.Error(c.Expect("mining.submit"), `"`+strings.Repeat("x", 1<<20)+`"`)
		c.Hang()
	}, works)
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	for i, form := range forms {
		v := r.submit(share(job, uint32(i)))
		switch {
		case v.Kind == work.Accepted:
			t.Fatalf("%.80s: accepted", form.answer)
		case form.reason == "stale" && v.Kind != work.Stale:
			t.Errorf("%.80s: %v, want stale", form.answer, v)
		case form.reason != "stale" && (!v.RejectedFor(form.reason) || v.Code != form.code):
			t.Errorf("%.80s: %v, want %s (%d)", form.answer, v, form.reason, form.code)
		}
		text := v.String()
		if !strings.Contains(text, form.text) || utf8.RuneCountInString(text) > 260 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%.80s: told as %q (%d characters), want %q", form.answer, text, utf8.RuneCountInString(text), form.text)
		}
		if i%5 == 4 {
			r.keeps(server, job, 1000+uint32(i))
		}
	}
	r.keeps(server, job, 2000)
	r.nothingMore()
	// A megabyte is more than a line may be long, so it ends the
	// connection before there is a text to cut.
	close(more)
	v := r.submit(share(job, 3000))
	r.drops(server, "line longer than 262144 bytes", time.Second)
	if v.Kind != work.Accepted { // the second pool resumed the session and took it
		t.Errorf("the share whose answer was too long: %v", v)
	}
}
