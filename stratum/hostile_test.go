package stratum

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// The hostile table: every way in which a pool is known to be broken or
// hostile, and what we do about it, with a file for each theme.

// hostileCase is one line of the table.
type hostileCase struct {
	name string
	run  func(*testing.T)
	slow bool // it waits for real time: run with the others that do
}

// hostileTable has one list for each file of cases.
func hostileTable() []hostileCase {
	return slices.Concat(
		framingCases(),
		messageCases(),
		handshakeCases(),
		difficultyCases(),
		jobCases(),
		blockCases(),
		versionCases(),
		authorizeCases(),
		verdictCases(),
		requestCases(),
		reconnectCases(),
		chainCases(),
		foreignCases(),
	)
}

// TestHostile runs the table. After each case nothing of it may be left: no
// goroutine, and no memory. Those that run in parallel, after all others,
// leave no more memory together than one may.
func TestHostile(t *testing.T) {
	x509.SystemCertPool() // is loaded once and stays
	goroutines, before := runtime.NumGoroutine(), uint64(0)
	t.Cleanup(func() {
		if !eventually(func() bool { return runtime.NumGoroutine() <= goroutines }) {
			t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
		if after := heap(); after > before+leftovers {
			t.Errorf("the heap has %d bytes, %d before the cases that wait", after, before)
		}
	})
	for _, c := range hostileTable() {
		t.Run(c.name, func(t *testing.T) {
			if c.slow {
				t.Parallel()
			}
			leavesNothing(t, c)
			c.run(t)
		})
	}
	before = heap() // the parallel ones begin when this function returns
}

// TestHostileIsComplete: no case got lost, and each has a name of its own.
func TestHostileIsComplete(t *testing.T) {
	named := make(map[string]bool)
	for _, c := range hostileTable() {
		if named[c.name] || c.name == "" {
			t.Errorf("two cases are named %q", c.name)
		}
		named[c.name] = true
	}
	if len(named) != 82 {
		t.Errorf("%d cases, want 82", len(named))
	}
}

// leftovers is how much the heap may have grown after a case, in bytes: less
// than one buffer of the line limit.
const leftovers = 192 << 10

// leavesNothing checks, after all of the case's own cleanups, that its
// goroutines are gone and the heap is as small as before. The goroutines are
// known by a label, which they hand down; the heap is not a single case's if
// others run next to it.
func leavesNothing(t *testing.T, c hostileCase) {
	before := uint64(0)
	if !c.slow {
		before = heap()
	}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("hostile", c.name)))
	t.Cleanup(func() {
		defer pprof.SetGoroutineLabels(context.Background())
		if !eventually(func() bool { return labeled(c.name) == 1 }) { // that is us
			t.Errorf("%d goroutines are left:\n%s", labeled(c.name)-1, goroutines())
		}
		if c.slow {
			return
		}
		if after := heap(); after > before+leftovers {
			t.Errorf("the heap has %d bytes, %d before", after, before)
		}
	})
}

// heap is how many bytes of it are in use.
func heap() uint64 {
	for range 2 { // what a sync.Pool holds outlives one collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func goroutines() string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return err.Error()
	}
	return b.String()
}

// labeled is how many goroutines have that label.
func labeled(name string) (n int) {
	for _, m := range labels.FindAllStringSubmatch(goroutines(), -1) {
		if m[2] == name {
			count, _ := strconv.Atoi(m[1])
			n += count
		}
	}
	return n
}

// labels matches the head of a stack in a goroutine profile as text.
var labels = regexp.MustCompile(`(?m)^(\d+) @.*\n# labels: \{"hostile":"([^"]*)"\}`)

// TestLeakIsFound: the check for goroutines does find one.
func TestLeakIsFound(t *testing.T) {
	pprof.Do(context.Background(), pprof.Labels("hostile", "leak"), func(context.Context) {
		end, ended := make(chan struct{}), make(chan struct{})
		go func() { <-end; close(ended) }()
		if n := labeled("leak"); n != 2 {
			t.Errorf("%d goroutines, want 2:\n%s", n, goroutines())
		}
		close(end)
		<-ended
		if !eventually(func() bool { return labeled("leak") == 1 }) {
			t.Errorf("%d goroutines, want 1", labeled("leak"))
		}
	})
}

// eventually waits until it holds; false if it does not for too long.
func eventually(holds func() bool) bool {
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// await waits for what a script reports.
func await[T any](t *testing.T, from <-chan T) (told T) {
	t.Helper()
	select {
	case told = <-from:
	case <-time.After(patience):
		t.Fatal("the pool's script does not come so far")
	}
	return told
}

// mine runs a client on the pools. Its clock is fast, the limits go by the
// real one.
func mine(t *testing.T, limits v1.Limits, servers ...*stratumtest.Server) *running {
	t.Helper()
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL)
	}
	options := pools(urls...)
	options.Limits = limits
	return run(t, options, nil)
}

// mineFailures is mine with a client to which only the failures of a pool
// count, not the time without work, which on the fast clock is soon over.
func mineFailures(t *testing.T, options Options) *running {
	t.Helper()
	return run(t, options, onlyFailures)
}

// onlyFailures has the clock go calmly and the time without work never end.
func onlyFailures(r *running) {
	r.rules.NoWork, r.speed = forEver, calm
}

// acting is a pool that works until it does the act: it gives the job "1", acts
// once it has had a share, then takes shares if it
// still can. It begins a new session with each connection.
func acting(act stratumtest.Script) stratumtest.Script {
	return func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(stratumtest.Sample("1").Params())
		c.Result(c.Expect("mining.submit"), "true")
		act(c)
		accepts(c)
	}
}

// newOffer is an ordinary offer of a session that was not there before and cannot
// be resumed: when it is lost its job is, too.
func newOffer() stratumtest.Offer {
	offer := stratumtest.Usual()
	offer.SessionID, offer.Extranonce1 = "", newExtranonce()
	return offer
}

// accepts takes shares until the miner hangs up.
func accepts(c *pc) {
	for {
		c.Result(c.Expect("mining.submit"), "true")
	}
}

// provoke makes a pool act, and returns the job that it gave before.
func (r *running) provoke(s *stratumtest.Server) *work.Job {
	r.t.Helper()
	job := r.jobOf(s)
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		r.t.Fatalf("the share to begin with: %v", v)
	}
	return job
}

// next waits for the job of that name. Hashing must not stop before.
func (r *running) next(id string) *work.Job {
	r.t.Helper()
	for {
		switch job := r.job(); {
		case job == nil:
			r.t.Fatalf("hashing stopped before job %s; the log: %v", id, r.lines())
		case job.ID == id:
			return job
		}
	}
}

// keeps checks that the connection of the job was kept, and takes shares.
func (r *running) keeps(s *stratumtest.Server, job *work.Job, nonce uint32) {
	r.t.Helper()
	if v := r.submit(share(job, nonce)); v.Kind != work.Accepted {
		r.t.Errorf("a share over the connection: %v; the log: %v", v, r.lines())
	}
	if n := s.Connections(); n != 1 {
		r.t.Errorf("%d connections, want the first to be kept; the log: %v", n, r.lines())
	}
}

// drops waits until the pool is dropped for a reason with that text in it, and
// checks when it is tried again.
func (r *running) drops(s *stratumtest.Server, reason string, retry time.Duration) {
	r.t.Helper()
	var entry observer.LoggedEntry
	if !eventually(func() bool {
		for _, e := range r.logs.All() {
			fields := e.ContextMap()
			if _, isEnd := fields["retry_in"]; isEnd && fields["pool"] == s.URL && strings.Contains(fmt.Sprint(fields["error"]), reason) {
				entry = e
				return true
			}
		}
		return false
	}) {
		r.t.Fatalf("not dropped for %q; the log: %v", reason, r.lines())
	}
	if got := entry.ContextMap()["retry_in"]; got != retry {
		r.t.Errorf("tried again in %v, want %v; the log: %v", got, retry, r.lines())
	}
}

// givesWay waits until the second pool is mined, and checks after how many
// failures of the first one it was connected to.
func (r *running) givesWay(first, second *stratumtest.Server, failures int) *work.Job {
	r.t.Helper()
	job := r.job()
	for ; job == nil || job.Pool != second.URL; job = r.job() {
		if job != nil && job.Pool != first.URL {
			r.t.Fatalf("job %+v", job)
		}
	}
	before := 0
	for _, e := range r.logs.All() {
		fields := e.ContextMap()
		_, isEnd := fields["retry_in"]
		switch {
		case isEnd && fields["pool"] == first.URL:
			before++
		case e.Message == "connecting" && fields["pool"] == second.URL:
			if before != failures {
				r.t.Errorf("the second pool was tried after %d failures, want %d; the log: %v", before, failures, r.lines())
			}
			return job
		}
	}
	r.t.Errorf("no attempt at %s in %v", second.URL, r.lines())
	return job
}

// stops checks that hashing stops, with no other job before.
func (r *running) stops() {
	r.t.Helper()
	r.noWork()
	r.logged("no work available", "")
}

// says waits for a log line with all these texts in it.
func (r *running) says(texts ...string) {
	r.t.Helper()
	if !eventually(func() bool { return r.told(texts...) > 0 }) {
		r.t.Errorf("no log line with %q in %v", texts, r.lines())
	}
}

// told is how many log lines have all these texts in them.
func (r *running) told(texts ...string) (n int) {
	for _, line := range r.lines() {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			n++
		}
	}
	return n
}

// lines are the log, for people.
func (r *running) lines() (lines []string) {
	for _, e := range r.logs.All() {
		lines = append(lines, fmt.Sprintln(e.Level, e.Message, e.ContextMap()))
	}
	return lines
}

// hungUp makes a script tell when the miner has hung up on it.
func hungUp(script stratumtest.Script) (stratumtest.Script, <-chan time.Time) {
	at := make(chan time.Time, 100)
	return func(c *pc) {
		defer func() { at <- time.Now() }()
		script(c)
		c.Hang()
	}, at
}

// TestHostileLimits holds the defaults of the limits to what the cases are about.
// Cases that wait for a limit have it small.
func TestHostileLimits(t *testing.T) {
	got := v1.Limits{}.WithDefaults()
	for name, c := range map[string]struct{ got, want any }{
		"line":            {got.Line, 256 << 10},
		"job id":          {got.JobID, 256},
		"branches":        {got.Branches, 32},
		"coinbase":        {got.Coinbase, 128 << 10},
		"extranonce1":     {got.Extranonce1, 32},
		"extranonce2":     {work.MaxExtranonce2, 16},
		"jobs":            {got.Jobs, 64},
		"calls":           {got.Calls, 256},
		"shares":          {got.Shares, 64},
		"handshake step":  {got.Handshake, 15 * time.Second},
		"first job":       {got.FirstJob, 110 * time.Second},
		"nudge":           {got.Nudge, 2 * time.Second},
		"late difficulty": {got.LateTerms, 500 * time.Millisecond},
		"silence":         {got.Silence, 120 * time.Second},
		"line completion": {got.LineTime, 30 * time.Second},
		"write":           {got.Write, 10 * time.Second},
		"submit":          {got.Submit, 60 * time.Second},
		"authorized":      {got.Authorize, 30 * time.Second},
		"shares a second": {got.ShareRate, 500},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
