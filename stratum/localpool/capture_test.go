package localpool

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// event is one line of the recorded session with ckpool.
type event struct {
	Conn int
	Dir  string
	Line *string
}

func loadCapture(t testing.TB) (events []event) {
	t.Helper()
	f, err := os.Open("../../testdata/captures/ckpool-lhr-solo.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

func (e event) message(t testing.TB) (w wireMessage) {
	t.Helper()
	if e.Line == nil {
		return w
	}
	if err := json.Unmarshal([]byte(*e.Line), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// recordedJobs lists the distinct notifies of a capture.
func recordedJobs(t testing.TB, events []event) (jobs []Notify) {
	t.Helper()
	seen := make(map[string]bool)
	for _, e := range events {
		w := e.message(t)
		if w.Method != "mining.notify" {
			continue
		}
		var n Notify
		if err := json.Unmarshal(w.Params, &n); err != nil {
			t.Fatal(err)
		}
		if !seen[n.JobID] {
			seen[n.JobID] = true
			jobs = append(jobs, n)
		}
	}
	return jobs
}

// The recorded client's lines get the recorded verdicts, jobs coming at the
// recorded points, and the second connection resumes the first one's session.
func TestCapture(t *testing.T) {
	events := loadCapture(t)
	p := startPool(t, Config{
		Difficulty: "0.0001",
		Script: &Script{
			Jobs: recordedJobs(t, events),
			// The second connection would get another extranonce1, were it not resumed.
			Sessions: []ScriptSession{{"6b027fb1", "b17f026b"}, {"6b027fb2", "ffffffff"}},
		},
	})
	replay := replayer{t: t, pool: p, recorded: make(map[string]wireMessage), miners: make(map[int]*miner)}
	for _, e := range events {
		if w := e.message(t); e.Dir == "<" && w.Method == "" {
			replay.recorded[string(w.ID)] = w
		}
	}
	for _, e := range events {
		replay.play(e)
	}
	if replay.submits != 12 {
		t.Errorf("%d submits replayed, the capture has 12", replay.submits)
	}
	st := p.Stats()
	if st.Accepted != 5 || st.Rejected[CodeOther] != 3 || st.Rejected[CodeJobNotFound] != 2 ||
		st.Rejected[CodeDuplicate] != 1 || st.Rejected[CodeLowDifficulty] != 1 {
		t.Errorf("counted %d accepted, rejected %v", st.Accepted, st.Rejected)
	}
}

type replayer struct {
	t        *testing.T
	pool     *Pool
	recorded map[string]wireMessage // ckpool's replies by id
	miners   map[int]*miner
	last     string // job id that was announced last
	submits  int
}

func (r *replayer) play(e event) {
	t := r.t
	t.Helper()
	w := e.message(t)
	switch {
	case e.Dir == "open":
		r.miners[e.Conn] = connect(t, r.pool)
	case e.Dir == ">" && e.Line == nil:
		r.miners[e.Conn].wire.close()
		eventually(t, "the end of the connection", func() bool { return r.pool.Stats().Connections == 0 })
	case e.Dir == ">":
		r.request(r.miners[e.Conn], *e.Line, w)
	case w.Method == "mining.notify":
		r.job(r.miners[e.Conn], w)
	}
}

// job checks that the job was sent, pushing it where ckpool made it of itself.
func (r *replayer) job(m *miner, w wireMessage) {
	r.t.Helper()
	var n Notify
	if err := json.Unmarshal(w.Params, &n); err != nil {
		r.t.Fatal(err)
	}
	if r.last != "" && n.JobID != r.last {
		if more, err := r.pool.nextJob(); err != nil || !more {
			r.t.Fatal(more, err)
		}
	}
	r.last = n.JobID
	for m.job == nil || m.job.JobID != n.JobID {
		m.read()
	}
	got := m.job.Notify
	got.Clean = n.Clean // ckpool sends a new client the current job as clean
	have, _ := json.Marshal(got)
	want, _ := json.Marshal(n)
	if string(have) != string(want) {
		r.t.Errorf("job %s, want %s", have, want)
	}
}

func (r *replayer) request(m *miner, line string, w wireMessage) {
	t := r.t
	t.Helper()
	got, want := m.line(line, string(w.ID)), r.recorded[string(w.ID)]
	switch w.Method {
	case "mining.configure":
		sameJSON(t, w.Method, got.Result, want.Result)
	case "mining.subscribe":
		sameJSON(t, "extranonce", at(t, got.Result, 1), at(t, want.Result, 1))
		sameJSON(t, "extranonce2 size", at(t, got.Result, 2), at(t, want.Result, 2))
	case "mining.authorize":
		sameJSON(t, w.Method, got.Result, want.Result)
	case "mining.submit":
		r.submits++
		sameJSON(t, line, got.Result, want.Result)
		if got.code() != want.code() {
			t.Errorf("%s: code %d, ckpool said %d", line, got.code(), want.code())
		}
	}
}

func at(t testing.TB, list json.RawMessage, i int) json.RawMessage {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal(list, &all); err != nil || len(all) <= i {
		t.Fatalf("%s has no item %d: %v", list, i, err)
	}
	return all[i]
}

func sameJSON(t testing.TB, what string, a, b json.RawMessage) {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("%s: %s, %s", what, a, b)
	}
	have, _ := json.Marshal(x)
	want, _ := json.Marshal(y)
	if string(have) != string(want) {
		t.Errorf("%s: %s, want %s", what, have, want)
	}
}
