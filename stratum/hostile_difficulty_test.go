package stratum

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
)

// difficultyCases: difficulties and jobs that are malformed or out of bounds.
func difficultyCases() []hostileCase {
	return []hostileCase{
		{name: "difficulty-above-network", run: difficultyAboveNetwork},
		{name: "difficulty-flapping", run: difficultyFlapping},
		{name: "difficulty-params-malformed", run: difficultyParamsMalformed},
		{name: "notify-malformed", run: notifyMalformed},
		{name: "notify-hex-malformed", run: notifyHexMalformed},
		{name: "too-many-branches", run: tooManyBranches},
		{name: "coinbase-huge-or-tiny", run: coinbaseHugeOrTiny},
	}
}

// difficultyAboveNetwork: then the network's target is what a hash must meet,
// so that no block is missed, and a warning is logged.
func difficultyAboveNetwork(t *testing.T) {
	for _, difficulty := range []string{"117392539", "1e30", "1e300"} { // the network's is 117392538.87
		t.Run(difficulty, func(t *testing.T) {
			server := stratumtest.Serve(t, acting(func(c *pc) {
				c.Difficulty("117392538")
				c.Notify(stratumtest.Sample("below").Params())
				c.Result(c.Expect("mining.submit"), "true")
				c.Result(c.Expect("mining.submit"), "true")
				c.Difficulty(difficulty)
				c.Notify(stratumtest.Sample("above").Params())
			}))
			r := mine(t, v1.Limits{}, server)
			r.provoke(server)
			below := r.next("below")
			if below.Bound() != below.Difficulty.Target() {
				t.Errorf("bound %v below the network's difficulty", below.Bound())
			}
			r.keeps(server, below, 2)
			if r.told("warn", "above the network's") != 0 {
				t.Errorf("warned too early: %v", r.lines())
			}
			r.keeps(server, below, 3)
			above := r.next("above")
			if share := above.Difficulty.Target(); above.Bound() != above.NetworkTarget || share.Cmp(above.NetworkTarget) >= 0 {
				t.Errorf("bound %v, share target %v, network target %v", above.Bound(), share, above.NetworkTarget)
			}
			r.says("warn", "above the network's")
			r.keeps(server, above, 4)
		})
	}
}

// difficultyFlapping: a difficulty alone makes no work. Each job keeps its own,
// and the log is not flooded.
func difficultyFlapping(t *testing.T) {
	const jobs = 20
	server := stratumtest.Serve(t, acting(func(c *pc) {
		for n := range jobs {
			for d := range 4 {
				c.Difficulty(fmt.Sprint(4*n + d + 1))
			}
			job := stratumtest.Sample(fmt.Sprint("job ", n))
			job.Clean = false
			c.Notify(job.Params())
		}
	}))
	r := mine(t, v1.Limits{}, server)
	one := r.provoke(server)
	for n := range jobs {
		job := r.jobOf(server)
		if want := float64(4*n + 4); job.ID != fmt.Sprint("job ", n) || job.Difficulty.Float64() != want {
			t.Errorf("job %q, difficulty %v, want number %d and %v", job.ID, job.Difficulty, n, want)
		}
		r.keeps(server, job, uint32(n)+2)
	}
	r.keeps(server, one, 100)
	if len(r.jobs) > 0 {
		t.Errorf("job %+v beyond the %d", <-r.jobs, jobs)
	}
	if n := r.logs.FilterMessage("difficulty").Len(); n == 0 || n > jobs/2 {
		t.Errorf("%d log lines about the difficulty", n)
	}
}

// difficultyParamsMalformed: the difficulty before stays.
func difficultyParamsMalformed(t *testing.T) {
	for _, params := range []string{`,"params":[]`, `,"params":{}`, `,"params":[[512]]`, `,"params":[{"level":512}]`, `,"params":true`, `,"params":"many"`, `,"params":{"difficulty":-1}`, `,"params":null`, ``} {
		t.Run(params, func(t *testing.T) {
			server := stratumtest.Serve(t, acting(func(c *pc) {
				c.Difficulty("7")
				c.Send(`{"id":null,"method":"mining.set_difficulty"%s}`, params)
				c.Notify(stratumtest.Sample("2").Params())
			}))
			r := mine(t, v1.Limits{}, server)
			r.provoke(server)
			two := r.next("2")
			if two.Difficulty.Float64() != 7 {
				t.Errorf("difficulty %v", two.Difficulty)
			}
			r.says("warn", "ignored a malformed message", "mining.set_difficulty")
			r.keeps(server, two, 2)
		})
	}
}

// jobWith is the parameters of an ordinary job with one of them replaced by a
// JSON text; empty: left out, with all that follow.
func jobWith(id string, item int, text string) string {
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(stratumtest.Sample(id).Params()), &items); err != nil {
		panic(err)
	}
	if text == "" {
		items = items[:item]
	} else {
		items[item] = json.RawMessage(text)
	}
	b, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// malformed is a pool with such a job. It is ignored as a whole, and what was
// hashed before goes on; what waits for the next job waits for the next good
// one. Three in a row end the connection.
func malformed(t *testing.T, params, reason string) {
	t.Helper()
	server := stratumtest.Serve(t, acting(func(c *pc) {
		c.Difficulty("512")
		c.Send(`{"id":null,"method":"mining.set_extranonce","params":["0e0f",6]}`)
		c.Notify(params)
		c.Notify(params)
		c.Result(c.Expect("mining.submit"), "true") // which is read after both
		c.Notify(stratumtest.Sample("2").Params())  // which begins a new row
		c.Result(c.Expect("mining.submit"), "true")
		c.Notify(params)
		c.Notify(params)
		c.Result(c.Expect("mining.submit"), "true")
		c.Notify(params)
	}))
	r := mine(t, v1.Limits{}, server)
	one := r.provoke(server)
	r.says("warn", "ignored a malformed message", "mining.notify", reason)
	r.keeps(server, one, 2)
	two := r.jobOf(server)
	if two.ID != "2" || two.Difficulty.Float64() != 512 || hex.EncodeToString(two.Extranonce1) != "0e0f" || two.Extranonce2Size != 6 {
		t.Errorf("job %q, difficulty %v, extranonce1 %x, size %d", two.ID, two.Difficulty, two.Extranonce1, two.Extranonce2Size)
	}
	if want := stratumtest.Sample(""); two.PrevHash != one.PrevHash || fmt.Sprintf("%08x %08x %08x", two.Version, two.NBits, two.NTime) != want.Version+" "+want.NBits+" "+want.NTime ||
		hex.EncodeToString(two.Coinb1) != want.Coinb1 || hex.EncodeToString(two.Coinb2) != want.Coinb2 || len(two.Branches) != 0 {
		t.Errorf("job %+v", two)
	}
	r.keeps(server, two, 3)
	r.keeps(server, two, 4)
	r.drops(server, "3 malformed jobs in a row", time.Second)
	r.stops()
	if job := r.jobOf(server); job.ID != "1" {
		t.Errorf("job %q", job.ID)
	}
}

// notifyMalformed: too few parameters, or of wrong types.
func notifyMalformed(t *testing.T) {
	for _, c := range []struct{ name, params, reason string }{
		{"no list", `{"job_id":"bad"}`, "params are not a list"},
		{"empty", `[]`, "0 params, want at least 8"},
		{"seven", jobWith("bad", 7, ""), "7 params, want at least 8"},
		{"id is a list", jobWith("bad", 0, `["bad"]`), "neither a text nor a number"},
		{"prevhash is a number", jobWith("bad", 1, "17"), "previous hash"},
		{"coinb1 is null", jobWith("bad", 2, "null"), "first part of the coinbase"},
		{"coinb2 is an object", jobWith("bad", 3, "{}"), "second part of the coinbase"},
		{"branches are a text", jobWith("bad", 4, `"[]"`), "merkle branches are not a list"},
		{"branches are null", jobWith("bad", 4, "null"), "merkle branches are not a list"},
		{"a branch is a number", jobWith("bad", 4, "[5]"), "merkle branch 0"},
		{"version is a number", jobWith("bad", 5, "536870912"), "version"},
		{"nbits is a list", jobWith("bad", 6, "[]"), "nbits"},
		{"ntime is nine digits", jobWith("bad", 7, `"064b3f3ec"`), "ntime"},
	} {
		t.Run(c.name, func(t *testing.T) { malformed(t, c.params, c.reason) })
	}
}

// notifyHexMalformed: of the fields before the bad one, nothing is taken over.
func notifyHexMalformed(t *testing.T) {
	sample := stratumtest.Sample("")
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct {
		name   string
		item   int
		text   string
		reason string
	}{
		{"coinb1 odd", 2, `"` + sample.Coinb1 + `0"`, "first part of the coinbase"},
		{"coinb1 not hex", 2, `"` + sample.Coinb1 + `0x"`, "first part of the coinbase"},
		{"coinb2 odd", 3, `"` + sample.Coinb2[1:] + `"`, "second part of the coinbase"},
		{"coinb2 not hex", 3, `"` + sample.Coinb2 + ` 00"`, "second part of the coinbase"},
		{"branch odd", 4, `["` + hash + `","` + hash[1:] + `"]`, "merkle branch 1"},
		{"branch not hex", 4, `["` + hash + `","` + hash[2:] + `zz"]`, "merkle branch 1"},
		{"branch short", 4, `["` + hash[2:] + `"]`, "merkle branch 0: 62 hex digits, want 64"},
		{"branch long", 4, `["` + hash + `00"]`, "merkle branch 0: 66 hex digits, want 64"},
		{"prevhash odd", 1, `"` + hash[1:] + `"`, "previous hash"},
		{"prevhash not hex", 1, `"` + hash[2:] + `--"`, "previous hash"},
		{"prevhash short", 1, `"` + hash[2:] + `"`, "previous hash: 62 hex digits, want 64"},
		{"prevhash long", 1, `"` + hash + `00"`, "previous hash: 66 hex digits, want 64"},
		{"prevhash empty", 1, `""`, "previous hash: 0 hex digits, want 64"},
	} {
		t.Run(c.name, func(t *testing.T) { malformed(t, jobWith("bad", c.item, c.text), c.reason) })
	}
	t.Run("all but the last is another block's", func(t *testing.T) {
		job := stratumtest.Sample("bad")
		job.PrevHash, job.Branches, job.Version, job.NBits, job.NTime = strings.Repeat("00000001", 8), []string{hash}, "30000000", "1d00ffff", "x"
		malformed(t, job.Params(), "ntime")
	})
}

// tooManyBranches: 32 of them are 2^32 transactions.
func tooManyBranches(t *testing.T) {
	branches := func(n int) string {
		b, err := json.Marshal(strings.Split(strings.TrimSuffix(strings.Repeat(strings.Repeat("ab", 32)+" ", n), " "), " "))
		if err != nil {
			panic(err)
		}
		return jobWith("bad", 4, string(b))
	}
	for _, n := range []int{33, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			malformed(t, branches(n), fmt.Sprintf("%d merkle branches, the limit is 32", n))
		})
	}
	server := stratumtest.Serve(t, acting(func(c *pc) { c.Notify(branches(32)) }))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	job := r.jobOf(server)
	if len(job.Branches) != 32 {
		t.Errorf("%d branches", len(job.Branches))
	}
	r.keeps(server, job, 2)
}

// coinbaseHugeOrTiny: one of megabytes is a line too long. Its own limit is
// reached where the line limit is raised. Less than 40 bytes is no coinbase.
func coinbaseHugeOrTiny(t *testing.T) {
	coinbase := func(id string, bytes int) string {
		return jobWith(id, 2, `"`+strings.Repeat("00", bytes-len(stratumtest.Sample("").Coinb2)/2)+`"`)
	}
	t.Run("3 MB", func(t *testing.T) {
		script, gone := hungUp(acting(func(c *pc) { c.Notify(coinbase("bad", 3<<20)) }))
		server := stratumtest.Serve(t, script)
		r := mine(t, v1.Limits{}, server)
		r.provoke(server)
		r.drops(server, "line longer than 262144 bytes", time.Second)
		await(t, gone)
		r.stops()
		r.jobOf(server)
	})
	t.Run("3 bytes", func(t *testing.T) {
		params := jobWith("bad", 2, `"000000"`)
		params = strings.Replace(params, stratumtest.Sample("").Coinb2, "", 1)
		malformed(t, params, "coinbase of 3 bytes, want 40 to 131072")
	})
	server := stratumtest.Serve(t, acting(func(c *pc) {
		coinb2 := stratumtest.Sample("").Coinb2
		for bytes, id := range []string{39: "39", 40: "40"} {
			if id != "" {
				c.Notify(strings.Replace(jobWith(id, 2, `"`+strings.Repeat("00", bytes)+`"`), coinb2, "", 1))
			}
		}
		c.Notify(coinbase("128 KiB", 128<<10))
		c.Notify(coinbase("more", 128<<10+1))
		c.Notify(stratumtest.Sample("2").Params())
	}))
	r := mine(t, v1.Limits{Limits: transport.Limits{Line: 1 << 20}}, server)
	r.provoke(server)
	for _, id := range []string{"40", "128 KiB", "2"} {
		job := r.jobOf(server)
		if job.ID != id {
			t.Errorf("job %q, want %q", job.ID, id)
		}
		if id == "2" {
			r.keeps(server, job, 2)
		}
	}
}
