package fault

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"quarry/stratum/localpool"
)

// codes are the verdicts on n shares.
func codes(r *rig, n int) (all []int) {
	for range n {
		all = append(all, r.submit())
	}
	return all
}

func count(all []int, code int) (n int) {
	for _, c := range all {
		if c == code {
			n++
		}
	}
	return n
}

// Nearly as many shares are rejected as was asked for, and the same ones with
// the same seed, whatever else is on.
func TestReject(t *testing.T) {
	t.Parallel()
	const shares = 300
	var first []int
	for i, faults := range [][]string{{"reject=30%"}, {"reject=30%", "difficulty=24h,extranonce=24h", "no-verdict=0.0001%"}} {
		b := startSeeded(t, localpool.Config{}, 42, faults...)
		all := codes(dial(t, b).ready(), shares)
		if n := count(all, 20); n < 60 || n > 120 || count(all, 0) != shares-n {
			t.Errorf("%v: %d of %d rejected: %v", faults, n, shares, all)
		}
		if st := b.Stats(); st.Accepted != uint64(count(all, 0)) || st.Rejected[localpool.CodeOther] != uint64(count(all, 20)) || b.plan.Acted()[reject] != st.Rejected[20] {
			t.Errorf("the pool counts %d and %v, acted %v", st.Accepted, st.Rejected, b.plan.Acted())
		}
		if i > 0 && !slices.Equal(all, first) {
			t.Error("the same seed rejected other shares")
		}
		first = all
		again := codes(dial(t, b).ready(), shares)
		if slices.Equal(again, all) {
			t.Error("the second connection has the same luck")
		}
	}
	other := codes(dial(t, startSeeded(t, localpool.Config{}, 43, "reject=30%")).ready(), shares)
	if slices.Equal(other, first) {
		t.Error("another seed rejected the same shares")
	}
}

func TestRejectReasons(t *testing.T) {
	t.Parallel()
	for why, code := range map[string]int{"other": 20, "stale": 21, "duplicate": 22, "low": 23} {
		if got := dial(t, start(t, localpool.Config{}, "reject=100%:"+why)).ready().submit(); got != code {
			t.Errorf("%s: code %d", why, got)
		}
	}
}

func TestNoVerdict(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{}, "no-verdict")
	r := dial(t, b).ready()
	r.send("mining.submit", r.share()...)
	if l, ok := r.call(patience, "mining.ping"); !ok || string(l.Result) != `"pong"` {
		t.Errorf("the session does not go on: %+v", l)
	}
	if b.judged() != 1 || b.Stats().Accepted != 1 {
		t.Errorf("%d judged", b.judged())
	}
}

// Each line is late by itself: ten of them take no ten delays.
func TestDelay(t *testing.T) {
	t.Parallel()
	const late = 500 * time.Millisecond
	r := dial(t, start(t, localpool.Config{}, "delay=500ms")).ready()
	began := time.Now()
	for range 10 {
		r.send("mining.submit", r.share()...)
	}
	var replies []string
	for len(replies) < 10 {
		l, ok := r.read(patience)
		if !ok {
			t.Fatal("no verdict")
		}
		if time.Since(began) < late {
			t.Errorf("%s after %v", l.text, time.Since(began))
		}
		if l.Method == "" {
			replies = append(replies, string(l.ID))
		}
	}
	if !slices.IsSorted(replies[:7]) { // ids 3 to 9
		t.Errorf("order %v", replies)
	}
	if took := time.Since(began); took > 9*late {
		t.Errorf("ten verdicts took %v", took)
	}
}

func TestSlowLines(t *testing.T) {
	t.Parallel()
	r := dial(t, start(t, localpool.Config{Branches: 12}, "slow-lines=10ms"))
	pieces := 0
	buffer := make([]byte, 4096)
	r.send("mining.subscribe")
	r.send("mining.authorize", "rig", "x")
	text := ""
	for _ = r.conn.SetReadDeadline(time.Now().Add(patience)); len(text) < 1000; pieces++ {
		n, err := r.conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		text += string(buffer[:n])
	}
	if pieces < 8 { // of at most 64 bytes, of which some may arrive together
		t.Errorf("%d bytes in %d pieces", len(text), pieces)
	}
}

func TestHangUp(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{}, "hang-up=3shares")
	for range 2 { // each connection
		r := dial(t, b).ready()
		if all := codes(r, 3); count(all, 0) != 3 {
			t.Errorf("verdicts %v", all)
		}
		r.wantEnd()
	}
	dial(t, start(t, localpool.Config{}, "hang-up=100ms")).wantEnd()
	dial(t, start(t, localpool.Config{}, "hang-up=0s")).wantEnd()
	dial(t, start(t, localpool.Config{}, "no-verdict,hang-up=1share")).ready().sendShare().wantEnd()
}

func (r *rig) sendShare() *rig {
	r.send("mining.submit", r.share()...)
	return r
}

// A silent pool keeps the connection, and still judges.
func TestSilent(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{JobInterval: 10 * time.Millisecond}, "silent=2shares")
	r := dial(t, b).ready()
	codes(r, 2)
	r.sendShare()
	for before := b.judged(); b.judged() == before && before < 3; {
		time.Sleep(time.Millisecond)
	}
	var last time.Time
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		if l, ok := r.read(100 * time.Millisecond); ok {
			last = time.Now()
			if string(l.ID) == "5" {
				t.Errorf("said %s", l.text)
			}
		}
	}
	if time.Since(last) < 100*time.Millisecond {
		t.Error("jobs still come")
	}
	if b.Stats().Connections != 1 {
		t.Error("the connection is gone")
	}
	mute := dial(t, start(t, localpool.Config{}, "silent=0s"))
	if l, ok := mute.call(300*time.Millisecond, "mining.ping"); ok {
		t.Errorf("said %s", l.text)
	}
}

func TestRefuseUser(t *testing.T) {
	t.Parallel()
	for fault, refused := range map[string][]string{
		"refuse-user":                        {"a", "a.1", "b"},
		"refuse-user=a":                      {"a", "a.1"},
		"refuse-user=a.1":                    {"a.1"},
		"refuse-user=a.1,refuse-user=b":      {"a.1", "b"},
		"refuse-user=c,refuse=configure":     nil,
		"refuse-user=A":                      nil,
		"hang-up=24h,silent=23h,refuse-user": {"a", "a.1", "b"},
	} {
		b := start(t, localpool.Config{}, fault)
		for _, user := range []string{"a", "a.1", "b"} {
			l := dial(t, b).login(user)
			if no := string(l.Result) == "false" && len(l.Error) > 0; no != slices.Contains(refused, user) {
				t.Errorf("%s, user %s: %s %v", fault, user, l.Result, l.Error)
			}
		}
	}
}

func TestRefuseAndIgnoreMethods(t *testing.T) {
	t.Parallel()
	r := dial(t, start(t, localpool.Config{}, "refuse=configure", "ignore=ping", "ignore=mining.suggest_difficulty"))
	if l, ok := r.call(patience, "mining.configure", []string{"version-rolling"}); !ok || len(l.Error) == 0 || l.Error[1] != "unknown method" {
		t.Errorf("configure: %+v", l)
	}
	r.send("mining.ping")
	r.send("mining.suggest_difficulty", 1)
	if l := r.login("rig"); string(l.Result) != "true" || len(r.all) < 3 {
		t.Errorf("authorize: %+v", l)
	}
	for _, l := range r.all {
		if string(l.ID) == "2" || string(l.ID) == "3" {
			t.Errorf("answered: %s", l.text)
		}
	}
}

// The pool judges by the difficulty and extranonce that it has sent.
func TestTermsChange(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{Difficulty: "0.0000000001"}, "difficulty=20ms,extranonce=30ms", "version-mask=25ms")
	r := dial(t, b)
	if _, ok := r.call(patience, "mining.configure", []string{"version-rolling"}, map[string]string{}); !ok {
		t.Fatal("no reply to configure")
	}
	r.ready()
	sizes, difficulties, masks := map[int]bool{}, map[string]bool{}, map[string]bool{}
	for len(sizes) < 4 || len(difficulties) < 4 || len(masks) < 3 {
		l, ok := r.read(patience)
		if !ok {
			t.Fatal("it does not go on")
		}
		switch l.Method {
		case "mining.set_extranonce":
			sizes[r.size] = true
			for l = r.await("mining.notify"); ; l = r.await("mining.notify") { // it applies from the next job on
				if code := r.submitRolled(); code == 0 {
					break
				}
			}
		case "mining.set_difficulty":
			difficulties[string(l.Params[0])] = true
		case "mining.set_version_mask":
			masks[string(l.Params[0])] = true
		}
	}
}

// submitRolled submits with the version bits of a miner that rolls none.
func (r *rig) submitRolled() int {
	l, ok := r.call(patience, "mining.submit", append(r.share(), "00000000")...)
	switch {
	case !ok:
		r.t.Fatal("no verdict")
	case len(l.Error) > 0:
		return int(l.Error[0].(float64))
	}
	return 0
}

func TestNoDifficulty(t *testing.T) {
	t.Parallel()
	r := dial(t, start(t, localpool.Config{}, "no-difficulty")).ready()
	if r.submit() != 0 || slices.Contains(r.methods(), "mining.set_difficulty") {
		t.Errorf("methods %v", r.methods())
	}
}

// text is a parameter of the newest job.
func (r *rig) text(i int) (s string) {
	_ = json.Unmarshal(r.job[i], &s)
	return s
}

// An old block has new jobs, whose shares count; a second miner, who comes after
// it, is on the block of then.
func TestOldBlock(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{}, "old-block")
	r := dial(t, b).ready()
	block := r.text(1)
	for range 3 {
		if err := b.NewBlock(); err != nil {
			t.Fatal(err)
		}
		id := r.text(0)
		r.await("mining.notify")
		if r.text(1) != block || r.text(0) == id || string(r.job[8]) != "false" {
			t.Errorf("on block %s, not %s: %s", r.text(1), block, r.job)
		}
		if code := r.submit(); code != 0 {
			t.Errorf("code %d", code)
		}
	}
	if late := dial(t, b).ready(); late.text(1) == block {
		t.Error("the second miner is on the first one's block")
	}
}

func TestOldJobs(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{}, "old-jobs")
	r := dial(t, b).ready()
	current := func() string { // of a miner without faults, there is none: by the stale verdict
		return r.text(1)
	}
	if code := r.submit(); code != 21 {
		t.Errorf("code %d for an old job", code)
	}
	before := current()
	if err := b.NewBlock(); err != nil {
		t.Fatal(err)
	}
	r.await("mining.notify")
	if r.text(1) == before || r.submit() != 21 {
		t.Errorf("block %s, before %s", r.text(1), before)
	}
	some := dial(t, startSeeded(t, localpool.Config{JobInterval: 10 * time.Millisecond}, 3, "old-jobs=50%")).ready()
	seen := map[int]bool{}
	for len(seen) < 2 {
		some.await("mining.notify")
		seen[some.submit()] = true
	}
	if !seen[0] || !seen[21] {
		t.Errorf("verdicts %v", seen)
	}
}

func TestJobsThatDoNotCome(t *testing.T) {
	t.Parallel()
	cfg := localpool.Config{JobInterval: 10 * time.Millisecond}
	r := dial(t, start(t, cfg, "no-job"))
	r.login("rig")
	for range 20 {
		if l, ok := r.read(10 * time.Millisecond); ok && l.Method == "mining.notify" {
			t.Fatalf("a job came: %s", l.text)
		}
	}
	r = dial(t, start(t, cfg, "last-job=3s"))
	r.ready()
	for ok := true; ok; {
		_, ok = r.read(time.Second)
	}
	if code := r.submit(); code != 0 {
		t.Errorf("code %d", code)
	}
}

// The first job comes after the wait, or with the next request.
func TestLateJob(t *testing.T) {
	t.Parallel()
	cfg := localpool.Config{JobInterval: 10 * time.Millisecond}
	r := dial(t, start(t, cfg, "late-job=300ms"))
	began := time.Now()
	r.ready()
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("a job after %v", took)
	}
	r.await("mining.notify") // and they go on
	r = dial(t, start(t, cfg, "late-job"))
	r.login("rig")
	if l, ok := r.read(200 * time.Millisecond); ok && l.Method == "mining.notify" {
		t.Fatal("a job came")
	}
	r = dial(t, start(t, cfg, "late-job"))
	r.login("rig")
	r.send("mining.extranonce.subscribe")
	r.await("mining.notify")
	if code := r.submit(); code != 0 {
		t.Errorf("code %d", code)
	}
}

func TestDuplicateJobID(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{}, "duplicate-job-id")
	r := dial(t, b).ready()
	for range 3 {
		if code := r.submit(); code != 0 || r.text(0) != "1" {
			t.Errorf("job %s: code %d", r.text(0), code)
		}
		if err := b.NewBlock(); err != nil {
			t.Fatal(err)
		}
		r.await("mining.notify")
	}
}

// What is sent between proper lines does not disturb them.
func TestBadLinesAndJobs(t *testing.T) {
	t.Parallel()
	b := start(t, localpool.Config{}, "bad-line=10ms", "bad-job=10ms", "questions=10ms,reconnect=10ms")
	r := dial(t, b).ready()
	good := r.job
	bad, methods := 0, map[string]bool{}
	for bad < 5 || !methods["client.get_version"] || !methods["mining.ping"] || !methods["client.show_message"] || !methods["client.reconnect"] || !methods["mining.notify"] {
		l, ok := r.read(patience)
		if !ok {
			t.Fatalf("it does not go on after %v", r.methods())
		}
		methods[l.Method] = true
		if !json.Valid([]byte(l.text)) {
			bad++
		}
	}
	r.job = good
	if code := r.submit(); code != 0 {
		t.Errorf("code %d", code)
	}
	for _, name := range []string{badLine, badJob, questions, reconnect} {
		if b.plan.Acted()[name] == 0 {
			t.Errorf("%s is not counted: %v", name, b.plan.Acted())
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault string
		same  bool // the extranonce1
		code  int  // for a share of the connection before
	}{{"hang-up=1share", true, 0}, {"hang-up=1share,forget-jobs", true, 21}, {"hang-up=1share,no-resume", false, 21}} {
		b := start(t, localpool.Config{}, c.fault)
		r := dial(t, b).ready()
		r.submit()
		r.wantEnd()
		for b.Stats().Connections > 0 { // it has left
			time.Sleep(time.Millisecond)
		}
		if c.fault != "hang-up=1share,forget-jobs" { // that one forgets its newest job, too
			if err := b.NewJob(); err != nil { // so that a new session does not get the same one
				t.Fatal(err)
			}
		}
		again := dial(t, b)
		again.id = 100
		again.login("rig", r.session)
		again.job = r.job
		if code := again.submit(); code != c.code || (again.one == r.one) != c.same {
			t.Errorf("%s: code %d, extranonce1 %s after %s", c.fault, code, again.one, r.one)
		}
	}
}
