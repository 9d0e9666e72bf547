package stratum

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/upstream"
	"quarry/work"
)

// chainCases: what must not be mixed up: chains, sessions, jobs.
func chainCases() []hostileCase {
	return []hostileCase{
		{name: "transactions-unasked", run: hostileTransactions},
		{name: "another-chain", run: hostileOtherChain},
		{name: "suspended", run: hostileSuspended, slow: true},
		{name: "snapshot-evicted", run: hostileEvicted},
	}
}

// hostileTransactions: transactions were not asked for, so they are stray
// replies, and a line too long if they are too many for one.
func hostileTransactions(t *testing.T) {
	transactions := func(size int) string { return `["` + strings.Repeat("0", size) + `"]` }
	more := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		c.Notify(today("1").Params())
		for _, id := range []string{`"txlist1"`, "null", "4", "99"} { // 4 is the id of the next submit
			c.Send(`{"id":%s,"result":%s,"error":null}`, id, transactions(200<<10))
		}
		c.Send(`{"id":5,"method":"mining.get_transactions","params":[],"result":%s,"error":null}`, transactions(200<<10))
		waitFor(t, more)
		c.Result(c.Expect("mining.submit"), "true")
		c.Send(`{"id":null,"method":"client.show_message","params":["now"]}`)
		waitFor(t, more)
		_, err := c.Raw().Write([]byte(`{"id":"txlist1","result":["`))
		for chunk := bytes.Repeat([]byte("0"), 64<<10); err == nil; {
			_, err = c.Raw().Write(chunk)
		}
	}, works)
	r := run(t, pools(server.URL), nil)
	job := r.jobOf(server)
	more <- struct{}{}
	r.keeps(server, job, 1)
	r.nothingMore()
	r.logged("message from the pool", "now")
	more <- struct{}{}
	r.drops(server, "line longer than 262144 bytes", time.Second)
	r.jobOf(server)
}

// hostileOtherChain: a network difficulty that changes by more than 16 times is
// another chain behind the same name: a warning, and the pool's jobs are mined
// nevertheless.
func hostileOtherChain(t *testing.T) {
	next := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i, nbits := range []string{"192495f8", "00000000", "19080000", "192495f8"} { // 4.6 times up and down again
			job := onBlock(i, today(fmt.Sprint(i)))
			job.NBits = nbits
			c.Notify(job.Params())
		}
		waitFor(t, next)
		job := onBlock(9, today("other"))
		job.NBits = "1a2495f8" // 256 times easier
		c.Notify(job.Params())
		accepts(c)
	})
	r := run(t, pools(server.URL), nil)
	for range 4 {
		r.jobOf(server)
	}
	if r.told("warn ") > 0 {
		t.Errorf("warnings for a small change: %v", r.lines())
	}
	close(next)
	job := r.jobOf(server)
	r.says("warn ", server.URL, "network difficulty jumped implausibly")
	r.keeps(server, job, 1)
	r.nothingMore()
}

// suspendedPool names the pool to the process that hostileSuspended stops.
const suspendedPool = "QUARRY_TEST_SUSPENDED_POOL"

// hostileSuspended: a machine that slept cannot know whether the pool is still
// there. It connects again at once, and that is no failure of the pool. A
// process that is stopped and continued sees the same as one on a machine that
// sleeps.
func hostileSuspended(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot be stopped")
	}
	server := stratumtest.Serve(t, works)
	miner := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestSuspendedMiner$", "-test.v")
	miner.Env = append(os.Environ(), suspendedPool+"="+server.URL)
	output, err := miner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	miner.Stderr = miner.Stdout
	if err := miner.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() && lines.Text() != "working" {
	}
	signal := func(name string) {
		if out, err := exec.Command("kill", "-"+name, fmt.Sprint(miner.Process.Pid)).CombinedOutput(); err != nil {
			t.Errorf("kill -%s: %v: %s", name, err, out)
		}
	}
	signal("STOP")
	time.Sleep(suspension)
	signal("CONT")
	var said strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
	}
	if err := miner.Wait(); err != nil {
		t.Errorf("%v: %s", err, &said)
	}
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections, want 2; the miner said: %s", n, &said)
	}
}

// suspension is longer than the pauses that a busy machine makes.
const suspension = 6 * time.Second

// TestSuspendedMiner is the process that hostileSuspended stops: it mines until
// it has a second session.
func TestSuspendedMiner(t *testing.T) {
	url := os.Getenv(suspendedPool)
	if url == "" {
		return // on its own it has nothing to do
	}
	options := pools(url)
	options.Limits.Gap = suspension - time.Second
	r := run(t, options, func(r *running) {
		r.clock = upstream.RealClock()
	})
	job := r.job()
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Fatal(v)
	}
	fmt.Println("working")
	before := time.Now()
	var again *work.Job
	select {
	case again = <-r.jobs:
	case <-time.After(suspension + patience):
	}
	if took := time.Since(before); took > suspension+5*time.Second {
		t.Errorf("a new session only after %v", took)
	}
	if again == nil || again.Session == job.Session {
		t.Fatalf("job %+v after the suspension, want one of a new session without a gap", again)
	}
	if v := r.submit(share(again, 2)); v.Kind != work.Accepted {
		t.Error(v)
	}
	r.says("leaving the pool", "was suspended for") // which is no failure of it
}

// hostileEvicted: a share whose job is no longer kept is outdated; nothing is
// made up of the current job instead.
func hostileEvicted(t *testing.T) {
	shares := make(chan stratumtest.Request, 10)
	const count = 5
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for i := range count {
			job := today(fmt.Sprint(i))
			job.Clean = false
			c.Notify(job.Params())
		}
		takes(c, shares)
	})
	options := pools(server.URL)
	options.Limits.Jobs = 3
	r := run(t, options, nil)
	var jobs []*work.Job
	for range count {
		jobs = append(jobs, r.jobOf(server))
	}
	for i, job := range jobs[:count-3] {
		r.unsentStale(share(job, uint32(i)))
	}
	stranger := *jobs[0]
	stranger.ID, stranger.Ref = jobs[count-1].ID, jobs[count-1].Ref // the same id is not the same job
	r.unsentStale(share(&stranger, 10))
	for i, job := range jobs[count-3:] {
		r.keeps(server, job, 20+uint32(i))
		if s := await(t, shares); s.Params[1] != job.ID {
			t.Errorf("sent %s for job %s", s.Line, job.ID)
		}
	}
	if len(shares) > 0 {
		t.Errorf("sent %s", (<-shares).Line)
	}
}
