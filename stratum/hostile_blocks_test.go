package stratum

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// blockCases: job ids, clean_jobs, and jobs of the wrong block or time.
func blockCases() []hostileCase {
	return []hostileCase{
		{name: "odd-job-ids", run: hostileJobIDs},
		{name: "clean-jobs-forms", run: hostileCleanForms},
		{name: "new-block-without-clean", run: hostileNewBlockNotClean},
		{name: "block-goes-back-or-stays", run: hostileOldBlock, slow: true},
		{name: "ntime-far-off", run: hostileNTimeSkew},
	}
}

// hostileJobIDs: ids of any text come back as they were, numbers as numbers;
// what is longer than 256 bytes, or null, is ignored; what is longer than a
// line may be ends the connection.
func hostileJobIDs(t *testing.T) {
	withID := func(id string) string {
		return strings.Replace(today("ID").Params(), `"ID"`, id, 1)
	}
	echoed := []string{`"a\"b\\c\nd\u001b"`, `7`, `"7"`, `" 1700000000 3"`, `""`, `"` + strings.Repeat("x", 254) + `"`}
	more := make(chan struct{})
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(withID(`"` + strings.Repeat("x", 100<<10) + `"`))
		c.Notify(withID(`"first"`))
		c.Notify(withID(`null`))
		for _, id := range echoed {
			c.Notify(withID(id))
		}
		for range echoed {
			s := c.Expect("mining.submit")
			shares <- s
			c.Result(s, "true")
		}
		waitFor(t, more)
		c.Notify(withID(`"` + strings.Repeat("x", 1<<20) + `"`))
		c.Hang()
	}, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(withID(`"back"`))
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	if job := r.jobOf(server); job.ID != "first" {
		t.Errorf("the first job is %.40q", job.ID)
	}
	r.logged("ignored a malformed message", "job id of 102402 bytes, the limit is 256")
	for i, id := range echoed {
		job := r.jobOf(server)
		if v := r.submit(share(job, uint32(i))); v.Kind != work.Accepted {
			t.Errorf("id %.40s: %v", id, v)
		}
		if s := await(t, shares); !strings.Contains(s.Line, `["user.rig",`+id+`,"00000000",`) {
			t.Errorf("id %.40s: sent %s", id, s.Line)
		}
	}
	if server.Connections() != 1 {
		t.Errorf("%d connections", server.Connections())
	}
	close(more)
	r.logged("pool lost", "line longer than 262144 bytes")
	for { // the session can be resumed, so the last job is mined until the next comes
		if job := r.jobOf(server); job.ID == "back" {
			r.submit(share(job, 1))
			break
		}
	}
}

// hostileCleanForms: missing means true, 1 and "true" mean true, all else means
// false.
func hostileCleanForms(t *testing.T) {
	forms := []struct {
		text string
		want bool
	}{
		{`,false`, false}, {``, true}, {`,null`, false}, {`,1`, true}, {`,"true"`, true}, {`,true`, true},
		{`,0`, false}, {`,"false"`, false}, {`,"1"`, false}, {`,{}`, false}, {`,[true]`, false}, {`,true,"extra",9`, true}, {`,false,true`, false},
	}
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i, form := range forms {
			c.Notify(strings.TrimSuffix(today(fmt.Sprint(i)).Params(), ",true]") + form.text + "]")
		}
		accepts(c)
	})
	r := run(t, pools(server.URL), nil)
	var first, job *work.Job
	for _, form := range forms {
		if job = r.jobOf(server); job.Clean != form.want {
			t.Errorf("clean_jobs given as %q: clean is %v", form.text, job.Clean)
		}
		if first == nil {
			first = job
		}
	}
	// The flag is not what makes shares of the same block stale: many pools
	// set it always, and take them.
	r.keeps(server, first, 1)
	r.keeps(server, job, 2)
	if r.told("ignored a malformed message") > 0 {
		t.Errorf("a form of clean_jobs is taken for malformed: %v", r.lines())
	}
}

// hostileNewBlockNotClean: a new block is clean, whatever the flag says: shares
// for the old one are not sent.
func hostileNewBlockNotClean(t *testing.T) {
	next := onBlock(2, today("2"))
	next.Clean = false
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		c.Notify(next.Params())
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	old, job := r.jobOf(server), r.jobOf(server)
	if !job.Clean {
		t.Error("the job of a new block is not clean")
	}
	r.unsentStale(share(old, 1))
	r.keeps(server, job, 2)
	if s := await(t, shares); s.Params[1] != "2" || len(shares) > 0 {
		t.Errorf("sent %s", s.Line)
	}
}

// hostileOldBlock: a reorganization is followed as any new block. Of an old
// ntime our own clock may be the reason, so it is a warning; a time that stands
// still, or goes back, while ours passes tells of a stuck node: leave for a
// pool that is not, or go on if there is none. That no new block for 3 hours is
// taken for the same is left to the tests of v1, which need no 3 hours for it.
func hostileOldBlock(t *testing.T) {
	t.Run("reorganization", hostileReorganization)
	stuck := func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(at("1", time.Now().Add(-150*time.Minute)).Params())
		c.Notify(at("2", time.Now().Add(-180*time.Minute)).Params())
		accepts(c)
	}
	t.Run("stuck, with a backup", func(t *testing.T) {
		kept := make(chan struct{}) // we leave once the backup works
		server, backup := stratumtest.Serve(t, stuck), stratumtest.Serve(t, func(c *pc) {
			waitFor(t, kept)
			c.Welcome(stratumtest.Usual())
			c.Notify(today("backup").Params())
			accepts(c)
		})
		r := mineFailures(t, pools(server.URL, backup.URL))
		r.jobOf(server)
		r.keeps(server, r.jobOf(server), 1)
		close(kept)
		job := r.jobOf(backup) // without a gap
		r.keeps(backup, job, 2)
		r.says("warn ", server.URL, "node may be stuck")
		r.says("active pool", backup.URL, "chain stands still")
	})
	t.Run("stuck and alone", func(t *testing.T) {
		server := stratumtest.Serve(t, stuck)
		r := mineFailures(t, pools(server.URL))
		r.jobOf(server)
		job := r.jobOf(server)
		r.says("warn ", server.URL, "node may be stuck")
		r.keeps(server, job, 1)
		r.nothingMore()
	})
}

func hostileReorganization(t *testing.T) {
	shares := make(chan stratumtest.Request, 10)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i, block := range []int{1, 2, 1} {
			c.Notify(onBlock(block, today(fmt.Sprint(i))).Params())
		}
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	first, orphan, job := r.jobOf(server), r.jobOf(server), r.jobOf(server)
	if job.PrevHash != first.PrevHash || !job.Clean {
		t.Errorf("job %+v", job)
	}
	r.unsentStale(share(orphan, 1))
	r.keeps(server, job, 2)
	if s := await(t, shares); s.Params[1] != "2" || len(shares) > 0 {
		t.Errorf("sent %s", s.Line)
	}
	r.says("pool went back to an earlier block", server.URL)
	if n := r.told("warn "); n > 0 {
		t.Errorf("warnings: %v", r.lines())
	}
}

// hostileNTimeSkew: the pool's ntime is used as it is, even if it is hours off
// the local clock, which then is worth a warning.
func hostileNTimeSkew(t *testing.T) {
	near, far := time.Now().Add(time.Hour), time.Now().Add(5*time.Hour)
	shares := make(chan stratumtest.Request, 10)
	next := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(at("near", near).Params())
		waitFor(t, next)
		c.Notify(at("far", far).Params())
		takes(c, shares)
	})
	r := run(t, pools(server.URL), nil)
	r.jobOf(server)
	if r.told("warn ") > 0 {
		t.Errorf("warnings for an ntime one hour ahead: %v", r.lines())
	}
	close(next)
	job := r.jobOf(server)
	if int64(job.NTime) != far.Unix() {
		t.Errorf("ntime %d, want %d", job.NTime, far.Unix())
	}
	r.says("warn ", server.URL, "clock and job time are hours apart")
	r.keeps(server, job, 1)
	if s := await(t, shares); s.Params[3] != fmt.Sprintf("%08x", far.Unix()) {
		t.Errorf("sent %s", s.Line)
	}
	var w work.Work
	if _, err := work.NewRoller(work.Start{}).Next(&w, job, 1, time.Minute); err != nil || w.NTime != job.NTime {
		t.Errorf("the search begins at ntime %d: %v", w.NTime, err)
	}
	r.nothingMore()
}
