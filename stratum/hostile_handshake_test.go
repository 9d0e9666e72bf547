package stratum

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/stratum/stratumtest"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// handshakeCases: a handshake that gives nothing to mine with.
func handshakeCases() []hostileCase {
	return []hostileCase{
		{name: "jobs-before-subscribe", run: jobsBeforeSubscribe},
		{name: "job-before-authorize", run: jobBeforeAuthorize},
		{name: "difficulty-late-or-never", run: difficultyLateOrNever},
		{name: "subscribe-result-useless", run: subscribeResultUseless},
		{name: "extranonce1-bad", run: extranonce1Bad},
		{name: "extranonce2-size-zero", run: extranonce2SizeZero},
		{name: "extranonce2-size-absurd", run: extranonce2SizeAbsurd},
		{name: "extranonce2-tiny", run: extranonce2Tiny},
		{name: "difficulty-invalid", run: difficultyInvalid},
		{name: "difficulty-1e-300", run: difficultyTiny},
	}
}

// jobsBeforeSubscribe: the last one waits for the extranonces, with the
// difficulty of its time. Without a subscription none is ever mined.
func jobsBeforeSubscribe(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		r := c.Expect("mining.configure")
		c.Notify(stratumtest.Sample("early 1").Params())
		c.Result(r, "{}")
		r = c.Expect("mining.subscribe")
		c.Difficulty("7")
		c.Notify(stratumtest.Sample("early 2").Params())
		c.Notify(stratumtest.Sample("early 3").Params())
		c.Difficulty("8")
		c.Result(r, `[[],"0a0b0c0d",4]`)
		c.Result(c.Expect("mining.authorize"), "true")
		accepts(c)
	})
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	if job.ID != "early 3" || hex.EncodeToString(job.Extranonce1) != "0a0b0c0d" || job.Difficulty.Float64() != 7 {
		t.Errorf("job %q, extranonce1 %x, difficulty %v", job.ID, job.Extranonce1, job.Difficulty)
	}
	r.keeps(server, job, 1)

	refuses := stratumtest.Serve(t, func(c *pc) {
		c.Result(c.Expect("mining.configure"), "{}")
		r := c.Expect("mining.subscribe")
		c.Notify(stratumtest.Sample("early").Params())
		c.Result(r, `[[],"0a0b0c0d"]`)
		c.Hang()
	})
	r = mine(t, v1.Limits{}, refuses)
	r.drops(refuses, "mining.subscribe failed", time.Second)
	if len(r.jobs) > 0 {
		t.Errorf("job %+v", <-r.jobs)
	}
}

// jobBeforeAuthorize: it is mined, and its shares wait for the authorization,
// but not for ever.
func jobBeforeAuthorize(t *testing.T) {
	authorize := make(chan bool, 1)
	end := sync.OnceFunc(func() { close(authorize) })
	defer end()
	early := func(c *pc) {
		c.Result(c.Expect("mining.configure"), "{}")
		c.Result(c.Expect("mining.subscribe"), `[[],"0a0b0c0d",4]`)
		c.Notify(stratumtest.Sample("early").Params())
		r := c.Expect("mining.authorize")
		if <-authorize {
			c.Send(`{"id":7,"method":"mining.ping","params":[]}`)
			if m := c.Read(); m.Method != "" {
				t.Errorf("before the authorization: %s", m.Line)
			}
			c.Result(r, "true")
			accepts(c)
		}
		c.Read()
		t.Error("a share was sent without authorization")
	}
	server := stratumtest.Serve(t, early)
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	var verdicts []<-chan work.Verdict
	for nonce := range uint32(v1.Limits{}.WithDefaults().Shares) {
		verdicts = append(verdicts, r.later(share(job, nonce)))
	}
	if !eventually(func() bool { return r.underWay(job) == len(verdicts) }) {
		t.Errorf("%d shares wait, want %d", r.underWay(job), len(verdicts))
	}
	authorize <- true
	for _, of := range verdicts {
		if v := r.verdict(of); v.Kind != work.Accepted {
			t.Errorf("verdict %v", v)
		}
	}

	script, over := hungUp(early)
	never := stratumtest.Serve(t, script)
	r = mine(t, v1.Limits{Authorize: 50 * time.Millisecond}, never)
	if v := r.submit(share(r.jobOf(never), 1)); !v.LostFor(work.LostTimeout) || v.Sent {
		t.Errorf("verdict %v", v)
	}
	r.stop()
	r.end()
	end()
	await(t, over) // with all that the miner sent
}

// underWay is how many shares the session of the job has under way.
func (r *running) underWay(job *work.Job) int {
	for _, tap := range r.taps {
		if s, terms := tap.last(); s != nil && terms.Number == job.Session {
			return s.Pending()
		}
	}
	return 0
}

// difficultyLateOrNever: a job that has none waits for it briefly, then 1 is
// guessed, which is said. One that comes later holds for that job, too; the next
// for the next job. It makes no job by itself.
func difficultyLateOrNever(t *testing.T) {
	known := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		offer := newOffer()
		offer.Difficulty = ""
		c.Welcome(offer)
		c.Notify(stratumtest.Sample("1").Params())
		c.Result(c.Expect("mining.submit"), "true")
		waitFor(t, known)
		c.Difficulty("512")
		c.Result(c.Expect("mining.submit"), "true")
		c.Difficulty("1024")
		c.Notify(stratumtest.Sample("2").Params())
		accepts(c)
	})
	r := mine(t, v1.Limits{LateTerms: 10 * time.Millisecond}, server)
	for nonce, want := range []struct {
		id         string
		difficulty float64
	}{{"1", 1}, {"1", 512}, {"2", 1024}} {
		job := r.jobOf(server)
		if job.ID != want.id || job.Difficulty.Float64() != want.difficulty {
			t.Errorf("job %q, difficulty %v, want %v", job.ID, job.Difficulty, want)
		}
		r.keeps(server, job, uint32(nonce))
		if nonce == 0 {
			close(known)
		}
	}
	if n := r.told("guessed the difficulty of a job that came without"); n != 1 {
		t.Errorf("said %d times that the difficulty is a guess", n)
	}
	soon := stratumtest.Serve(t, func(c *pc) {
		offer := newOffer()
		offer.Difficulty = ""
		c.Welcome(offer)
		c.Notify(stratumtest.Sample("1").Params())
		c.Difficulty("512")
		accepts(c)
	})
	r = mine(t, v1.Limits{LateTerms: time.Hour}, soon)
	if job := r.jobOf(soon); job.Difficulty.Float64() != 512 {
		t.Errorf("difficulty %v, want the one that came just after the job", job.Difficulty)
	}
	if n := r.told("guess"); n != 0 {
		t.Errorf("a guess although it was announced: %v", r.lines())
	}
}

// useless is a pool with such a result of mining.subscribe. It is asked once
// more, without params; then another pool is tried at once.
func useless(t *testing.T, result, reason string) {
	t.Helper()
	var asked [2]atomic.Int32 // without and with params
	bad := stratumtest.Serve(t, func(c *pc) {
		r := c.Read()
		if r.Method == "mining.configure" {
			c.Result(r, "{}")
			r = c.Expect("mining.subscribe")
		}
		asked[min(len(r.Params), 1)].Add(1)
		c.Result(r, result)
		c.Notify(stratumtest.Sample("useless").Params())
		c.Hang()
	})
	other := stratumtest.Serve(t, works)
	r := mineFailures(t, pools(bad.URL, other.URL))
	r.drops(bad, reason, time.Second)
	r.says("connecting again", "subscribing without params", reason)
	if job := r.job(); job.Pool != other.URL { // and none of the first pool's
		t.Errorf("job %+v", job)
	} else {
		r.jobs <- job
	}
	r.givesWay(bad, other, 1)
	if with, without := asked[1].Load(), asked[0].Load(); with < 1 || without < 1 {
		t.Errorf("asked %d times with params, %d times without", with, without)
	}
}

// subscribeResultUseless: a text as result is no reason to ask differently, for
// ckpool says so that it is still starting ("Initialising"): there we wait.
func subscribeResultUseless(t *testing.T) {
	for _, result := range []string{"null", "[]", "{}", "true", "3", `["mining.notify","ae6812","0a0b",4]`, `[[["mining.notify","ae6812"]],"0a0b0c0d"]`} {
		t.Run(result, func(t *testing.T) { useless(t, result, "mining.subscribe failed") })
	}
	t.Run("text", func(t *testing.T) {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Result(c.Expect("mining.configure"), "{}")
			c.Result(c.Expect("mining.subscribe"), `"Initialising"`)
			c.Hang()
		}, acting(accepts))
		r := mine(t, v1.Limits{}, server)
		r.drops(server, "the pool is not ready: Initialising", time.Second)
		r.jobOf(server)
		if n := server.Connections(); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
	for name, result := range map[string]string{
		"flat":      `["mining.notify","ae6812"],"0a0b0c0d",4`,
		"no list":   `null,"0a0b0c0d",4.0`,
		"order":     `"0a0b0c0d",4,[]`,
		"text size": `[],"0a0b0c0d","4","extra"`,
	} {
		t.Run(name, func(t *testing.T) { usable(t, result, "0a0b0c0d", 4) })
	}
}

// usable is a pool with such a result, which can be worked with.
func usable(t *testing.T, result, one string, two int) {
	t.Helper()
	server := stratumtest.Serve(t, func(c *pc) {
		c.Result(c.Expect("mining.configure"), "{}")
		c.Result(c.Expect("mining.subscribe"), "["+result+"]")
		c.Result(c.Expect("mining.authorize"), "true")
		c.Notify(stratumtest.Sample("1").Params())
		s := c.Expect("mining.submit")
		if got := fmt.Sprint(s.Params[2]); len(got) != 2*two {
			t.Errorf("extranonce2 %s, want %d bytes", got, two)
		}
		c.Result(s, "true")
		c.Hang()
	})
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	if hex.EncodeToString(job.Extranonce1) != one || job.Extranonce2Size != two {
		t.Errorf("extranonce1 %x, size %d", job.Extranonce1, job.Extranonce2Size)
	}
	r.keeps(server, job, 1)
}

// extranonce1Bad cannot be mined with. We ask once more, as for any other
// unusable result: that costs a second.
func extranonce1Bad(t *testing.T) {
	for name, one := range map[string]string{
		"odd": `"0a0b0"`, "not hex": `"0a0x"`, "33 bytes": `"` + strings.Repeat("0a", 33) + `"`, "null": "null", "number": "12345678",
	} {
		t.Run(name, func(t *testing.T) { useless(t, `[[],`+one+`,4]`, "extranonce1") })
	}
	t.Run("32 bytes", func(t *testing.T) {
		usable(t, `[],"`+strings.Repeat("0a", 32)+`",4`, strings.Repeat("0a", 32), 4)
	})
	t.Run("empty", func(t *testing.T) { usable(t, `[],"",8`, "", 8) })
}

// extranonce2SizeZero leaves us nothing to choose in the coinbase: refused,
// with a clear message.
func extranonce2SizeZero(t *testing.T) {
	useless(t, `[[],"0a0b0c0d",0]`, "extranonce2 size 0, want 1 to 16 bytes")
}

// extranonce2SizeAbsurd: not clamped, which would be wrong work.
func extranonce2SizeAbsurd(t *testing.T) {
	for size, reason := range map[string]string{
		"-1": "extranonce2 size -1, want 1 to 16 bytes", "17": "extranonce2 size 17,", "200": "extranonce2 size 200,", "1e300": "extranonce2 size 1e+300,",
		"3.5": `extranonce2 size "3.5" is not a whole number`, `"four"`: "is not a whole number", "null": "is not a whole number", "[4]": "is not a whole number",
	} {
		t.Run(size, func(t *testing.T) { useless(t, `[[],"0a0b0c0d",`+size+`]`, reason) })
	}
}

// extranonce2Tiny: all of the space is used, once. Then the ntime is rolled as
// time goes by. The same job under another id gives no new work.
func extranonce2Tiny(t *testing.T) {
	t.Run("1", func(t *testing.T) { usable(t, `[],"0a0b0c0d",1`, "0a0b0c0d", 1) })
	t.Run("2", func(t *testing.T) { usable(t, `[],"0a0b0c0d",2`, "0a0b0c0d", 2) })
	server := stratumtest.Serve(t, func(c *pc) {
		offer := newOffer()
		offer.Size, offer.Mask = 1, ""
		c.Welcome(offer)
		c.Notify(stratumtest.Sample("1").Params())
		c.Notify(stratumtest.Sample("the same").Params())
		c.Notify(onBlock(1, stratumtest.Sample("new block")).Params())
		c.Hang()
	})
	r := mine(t, v1.Limits{}, server)
	roller := work.NewRoller(work.Start{Extranonce2: 200})
	seen := make(map[string]bool)
	all := func(job *work.Job, held time.Duration) (n int) {
		w := new(work.Work)
		for ; n < 10000; n++ {
			if _, err := roller.Next(w, job, 1, held); errors.Is(err, work.ErrExhausted) {
				return n
			} else if err != nil {
				t.Fatal(err)
			}
			header := w.Job.Header(w.Extranonce2Bytes(), w.Version[0], w.NTime, 0)
			if text := string(header[:]); seen[text] {
				t.Fatalf("work %d of job %q was searched before", n, job.ID)
			} else {
				seen[text] = true
			}
		}
		return n
	}
	var job *work.Job
	for _, step := range []struct {
		id   string
		held time.Duration
		want int
	}{{"1", 0, 256}, {"the same", 0, 0}, {"new block", 0, 256}, {"", 2 * time.Second, 512}} {
		if step.id != "" {
			job = r.next(step.id)
		}
		if n := all(job, step.held); n != step.want {
			t.Errorf("job %q held for %v: %d works, want %d", step.id, step.held, n, step.want)
		}
	}
}

// difficultyInvalid: the one before stays. A text that holds a number is as
// good as one.
func difficultyInvalid(t *testing.T) {
	invalid := []string{"0", "-1", "-0", `"NaN"`, `"Infinity"`, `"+Inf"`, "null", `"many"`, `""`, "1e400", "-1e400", "1e-400", `"1e400"`, "true", `"0x10"`, strings.Repeat("9", 400)}
	for _, text := range invalid {
		t.Run(fmt.Sprintf("%.10s", text), func(t *testing.T) {
			server := stratumtest.Serve(t, acting(func(c *pc) {
				c.Difficulty("512")
				c.Difficulty(text)
				c.Notify(stratumtest.Sample("2").Params())
				c.Difficulty(` "1024.5" `)
				c.Notify(stratumtest.Sample("3").Params())
			}))
			r := mine(t, v1.Limits{}, server)
			r.provoke(server)
			if two := r.next("2"); two.Difficulty.Float64() != 512 {
				t.Errorf("difficulty %v", two.Difficulty)
			}
			three := r.next("3")
			if three.Difficulty.Float64() != 1024.5 {
				t.Errorf("difficulty %v", three.Difficulty)
			}
			r.says("ignored a malformed message", "mining.set_difficulty")
			r.keeps(server, three, 2)
		})
	}
}

// difficultyTiny: every hash is a share. The target ends at 2^256-1, and what
// we send at 500 shares a second (20 would cost fast machines at pools of low
// difficulty dearly); each share beyond gets its verdict at once.
func difficultyTiny(t *testing.T) {
	const shares = 5000
	var received atomic.Int32
	server := stratumtest.Serve(t, func(c *pc) {
		offer := newOffer()
		offer.Difficulty = "1e-300"
		c.Welcome(offer)
		c.Notify(stratumtest.Sample("1").Params())
		for {
			s := c.Expect("mining.submit")
			received.Add(1)
			c.Result(s, "true")
		}
	})
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	if job.Difficulty.Target() != hashing.MaxTarget() || !job.Bound().MetBy(hashing.Hash(bytes.Repeat([]byte{0xff}, 32))) {
		t.Errorf("target %v", job.Difficulty.Target())
	}
	begun := time.Now()
	accepted := 0
	verdicts := make(chan work.Verdict, 64)
	for first := range uint32(cap(verdicts)) {
		go func() {
			for nonce := first; nonce < shares; nonce += uint32(cap(verdicts)) {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				verdicts <- r.Submit(ctx, share(job, nonce))
				cancel()
			}
		}()
	}
	for range shares {
		switch v := r.verdict(verdicts); {
		case v.Kind == work.Accepted:
			accepted++
		case v.Sent:
			t.Errorf("verdict %v", v)
		}
	}
	seconds := time.Since(begun).Seconds()
	if most := 1000 + 500*seconds; float64(received.Load()) > most || int(received.Load()) != accepted {
		t.Errorf("the pool got %d shares in %.1f s and accepted %d, want at most %.0f", received.Load(), seconds, accepted, most)
	}
	if accepted == 0 {
		t.Error("no share was sent")
	}
	r.says("warn", "share", "difficulty")
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
