package stratum

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/stratum/stratumtest"
	"quarry/work"
)

// jobCases: jobs that are odd, too many or repeated.
func jobCases() []hostileCase {
	return []hostileCase{
		{name: "unpadded-hex", run: hostileUnpaddedHex},
		{name: "nbits-unusable", run: hostileNBits},
		{name: "job-flood", run: hostileJobFlood, slow: true},
		{name: "same-id-new-content", run: hostileSameIDNewContent},
		{name: "same-id-same-content", run: hostileSameIDSameContent, slow: true},
	}
}

// today is an ordinary job of the present time.
func today(id string) stratumtest.Job { return at(id, time.Now()) }

// at is an ordinary job of that time.
func at(id string, when time.Time) stratumtest.Job {
	job := stratumtest.Sample(id)
	job.NTime = fmt.Sprintf("%08x", when.Unix())
	return job
}

// onBlock is the job on another block.
func onBlock(n int, job stratumtest.Job) stratumtest.Job {
	job.PrevHash = strings.Repeat(fmt.Sprintf("%08x", n), 8)
	return job
}

// takes accepts every share until the miner hangs up, and hands it over.
func takes(c *pc, got chan<- stratumtest.Request) {
	for {
		s := c.Expect("mining.submit")
		got <- s
		c.Result(s, "true")
	}
}

// waitFor waits in a script for the test to go on.
func waitFor(t *testing.T, step <-chan struct{}) {
	select {
	case <-step:
	case <-t.Context().Done():
		runtime.Goexit()
	}
}

// unsentStale checks that a share is not sent because its job is outdated.
func (r *running) unsentStale(s *work.Share) {
	r.t.Helper()
	if v := r.submit(s); v.Kind != work.Stale || v.Sent {
		r.t.Errorf("share of an outdated job: %v", v)
	}
}

// nothingMore checks that no other job, nor the lack of one, was published.
func (r *running) nothingMore() {
	r.t.Helper()
	if len(r.jobs) > 0 {
		r.t.Errorf("published %+v, want nothing", <-r.jobs)
	}
}

// hostileUnpaddedHex: hex numbers without leading zeros are numbers of at most
// 8 digits. (No present time has fewer than 8, so that this job is of 1970.)
func hostileUnpaddedHex(t *testing.T) {
	odd := stratumtest.Sample("1")
	odd.Version, odd.NBits, odd.NTime = "2", "1", "5f"
	long := today("2")
	long.Version = "020000000"
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(odd.Params())
		c.Notify(long.Params())
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	if job.Version != 2 || job.NBits != 1 || job.NTime != 0x5f {
		t.Errorf("version %x, nbits %x, ntime %x", job.Version, job.NBits, job.NTime)
	}
	header := job.Header(make([]byte, 4), job.Version, job.NTime, 7)
	if text := fmt.Sprintf("%x", header[:]); text[:8] != "02000000" || text[136:] != "5f0000000100000007000000" {
		t.Errorf("header %s", text)
	}
	r.keeps(server, job, 7)
	if s := await(t, shares); s.Params[3] != "0000005f" || s.Params[4] != "00000007" || s.Params[5] != "00000000" {
		t.Errorf("sent %s", s.Line)
	}
	r.logged("ignored a malformed message", "want 1 to 8 hex digits")
	r.nothingMore()
}

// hostileNBits: shares are shares whatever nbits says; but then no hash is a
// block.
func hostileNBits(t *testing.T) {
	unusable := []string{"00000000", "04923456", "ff123456", "01003456"} // zero, negative, beyond 256 bits, zero once shifted
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i, nbits := range append(unusable, "192495f8") {
			job := onBlock(i, today(fmt.Sprint(i)))
			job.NBits = nbits
			c.Notify(job.Params())
		}
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	var old, job *work.Job
	for _, nbits := range unusable {
		old, job = job, r.jobOf(server)
		if job.NetworkKnown || job.IsBlock(hashing.Hash{}) {
			t.Errorf("nbits %s: the network target is known, %v", nbits, job.NetworkTarget)
		}
		if job.Bound() != job.Difficulty.Target() {
			t.Errorf("nbits %s: bound %v, want the share target", nbits, job.Bound())
		}
	}
	bestEver := share(old, 1)
	bestEver.Hash = hashing.Hash{}
	r.unsentStale(bestEver) // a block would be sent
	if job = r.jobOf(server); !job.NetworkKnown || !job.IsBlock(hashing.Hash{}) {
		t.Error("an ordinary nbits after them is not known")
	}
	r.keeps(server, job, 2)
	await(t, shares)
	if len(shares) > 0 {
		t.Errorf("sent %s", (<-shares).Line)
	}
	if r.told("ignored a malformed message") > 0 {
		t.Errorf("nbits is taken for malformed: %v", r.lines())
	}
}

// hostileSameIDNewContent: new content under an old id is a new job. Shares of
// either go out as they were found.
func hostileSameIDNewContent(t *testing.T) {
	second := today("1")
	second.Coinb2 = "ffffffff0200f2052a010000001600147" + "51e76e8199196d454941c45d1b3a323f1433bd600000000"
	second.Version, second.Clean = "20006000", false
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		c.Send(`{"id":null,"method":"mining.set_extranonce","params":["ffffffff",8]}`)
		c.Difficulty("16")
		c.Notify(second.Params())
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	one, two := r.jobOf(server), r.jobOf(server)
	root := one.MerkleRoot([]byte{1, 2, 3, 4})
	if one == two || root == two.MerkleRoot([]byte{1, 2, 3, 4, 0, 0, 0, 0}) {
		t.Fatal("the two jobs are the same")
	}
	if one.ID != two.ID || one.Extranonce2Size != 4 || two.Extranonce2Size != 8 || one.Difficulty.Float64() != 1 || two.Difficulty.Float64() != 16 {
		t.Errorf("jobs %+v and %+v", one, two)
	}
	inFlight := share(one, 1)
	inFlight.Version |= 0x6000
	for _, s := range []*work.Share{inFlight, share(two, 2)} {
		if v := r.submit(s); v.Kind != work.Accepted {
			t.Error(v)
		}
	}
	if s := await(t, shares); fmt.Sprint(s.Params[1:]) != fmt.Sprintf("[1 00000000 %08x 00000001 00006000]", one.NTime) {
		t.Errorf("sent %s for the first job", s.Line)
	}
	if s := await(t, shares); fmt.Sprint(s.Params[1:]) != fmt.Sprintf("[1 0000000000000000 %08x 00000002 00000000]", two.NTime) {
		t.Errorf("sent %s for the second job", s.Line)
	}
	if root != one.MerkleRoot([]byte{1, 2, 3, 4}) {
		t.Error("the first job changed")
	}
	r.keeps(server, two, 3)
}

// hostileSameIDSameContent: a job that is announced again keeps the connection
// alive, voids nothing and has nothing searched twice.
func hostileSameIDSameContent(t *testing.T) {
	job := today("1")
	job.Clean = false
	const times = 20
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for range times {
			c.Notify(job.Params())
			time.Sleep(125 * time.Millisecond) // the pool's pace
		}
		accepts(c)
	})
	options := pools(server.URL)
	options.Limits.Silence = 2 * time.Second // shorter than it takes
	r := run(t, options, nil)
	var jobs []*work.Job
	roller, searched := work.NewRoller(work.Start{}), make(map[string]bool)
	for range times {
		again := r.jobOf(server)
		jobs = append(jobs, again)
		var w work.Work
		if _, err := roller.Next(&w, again, 1, 0); err != nil {
			t.Fatal(err)
		}
		place := fmt.Sprintf("%x %x %x", w.Extranonce2Bytes(), w.Version[0], w.NTime)
		if searched[place] {
			t.Errorf("%s is searched twice", place)
		}
		searched[place] = true
	}
	r.keeps(server, jobs[0], 1)
	r.keeps(server, jobs[times-1], 2)
	r.nothingMore()
}
