package v1

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"testing"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	"quarry/work"
)

// TestCapture replays the pool's side of a recorded session with a real
// ckpool. The client must send what the recorded miner sent, and conclude from
// the replies what the capture's README says they are.
func TestCapture(t *testing.T) {
	lines := capture(t)
	verdicts := map[string]string{ // by the id of the recorded submit
		"4": "accepted", "5": "accepted", "6": "accepted", "7": work.ReasonDuplicate, "8": work.ReasonLowDifficulty, "9": "stale",
		"10": work.ReasonNTime, "11": work.ReasonVersion, "12": work.ReasonOther, "16": "stale", "17": "accepted", "21": "accepted",
	}
	resume := ""
	for n := 1; n <= 2; n++ {
		r := newReplay(t, lines, n)
		server := stratumtest.Serve(t, r.pool)
		m := mine(t, server, Config{
			User: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080.rig1", Password: "x", UserAgent: "capture/1.0", ResumeState: &ResumeState{SessionID: resume},
		})
		r.mine(m, verdicts)
		resume = m.Status().SessionID
		if err := m.end(); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("the session ended with %v", err)
		}
	}
	if resume != "6b027fb2" {
		t.Errorf("session id %q at the end", resume)
	}
	if len(verdicts) != 0 {
		t.Errorf("submits that were not replayed: %v", verdicts)
	}
}

// replay is one connection of the capture.
type replay struct {
	t     *testing.T
	lines []recorded
}

func newReplay(t *testing.T, lines []recorded, conn int) *replay {
	r := &replay{t: t}
	for _, l := range lines {
		if l.Conn == conn && l.Line != nil {
			r.lines = append(r.lines, l)
		}
	}
	return r
}

var leadingID = regexp.MustCompile(`^\{"id":\d+`)

// pool says the recorded lines, each after the miner said the recorded line
// before it. Ids may differ: the recorded miner went on counting.
func (r *replay) pool(c *stratumtest.Conn) {
	ids := make(map[string]string)
	replyID := regexp.MustCompile(`"id":(\d+)`)
	for _, l := range r.lines {
		if l.Dir == ">" {
			got := c.Read()
			if rest := leadingID.ReplaceAllString(got.Line, ""); rest != leadingID.ReplaceAllString(*l.Line, "") {
				r.t.Errorf("the client sent %s\nthe capture has %s", got.Line, *l.Line)
			}
			ids[leadingID.FindString(*l.Line)[6:]] = string(got.ID)
			continue
		}
		c.Send("%s", replyID.ReplaceAllStringFunc(*l.Line, func(id string) string { return `"id":` + ids[id[5:]] }))
	}
}

// mine does what the recorded miner did after the handshake.
func (r *replay) mine(m *miner, verdicts map[string]string) {
	jobs := make(map[string]*work.Job)
	for _, l := range r.lines {
		message, err := ParseMessage([]byte(*l.Line))
		if err != nil {
			r.t.Fatal(err)
		}
		switch {
		case message.Method == "mining.notify":
			job := m.job()
			r.checkJob(job, message)
			jobs[job.ID] = job
		case message.Method == "mining.submit":
			want := verdicts[string(message.ID)]
			delete(verdicts, string(message.ID))
			if got := r.submit(m, jobs, message); got != want {
				r.t.Errorf("%s: %s, want %s", *l.Line, got, want)
			}
		case message.Method == "mining.extranonce.subscribe", message.Method == "mining.get_transactions":
			r.call(m, message)
		case message.Method == "mining.nonsense": // is not answered
			if err := m.conn.post(message.Method, []any{}); err != nil {
				r.t.Error(err)
			}
		}
	}
}

func (r *replay) checkJob(job *work.Job, message Message) {
	notify, err := ParseNotify(message.Params, Limits{})
	if err != nil {
		r.t.Fatal(err)
	}
	if job.ID != notify.ID || job.Clean != notify.Clean || job.NTime != notify.NTime || job.PrevHash != notify.PrevHash {
		r.t.Errorf("job %+v of notify %+v", job, notify)
	}
	if job.Difficulty.String() != "0.0001" || job.VersionMask != 0x1fffe000 || !wireOf(job).rolling ||
		hex.EncodeToString(job.Extranonce1) != "b17f026b" || job.Extranonce2Size != 8 || job.Session != 7 {
		r.t.Errorf("job %+v", job)
	}
}

// submit rebuilds the recorded share from its job and returns the verdict as
// text. Shares that the gate would not let through (an unknown job, another user,
// bits that the job has set, duplicates) bypass it, since only the pool's answer
// matters here.
func (r *replay) submit(m *miner, jobs map[string]*work.Job, message Message) string {
	var params []string
	if err := json.Unmarshal(message.Params, &params); err != nil {
		r.t.Fatal(err)
	}
	job := jobs[params[1]]
	extranonce2, _ := hex.DecodeString(params[2])
	var v work.Verdict
	if job == nil || params[0] != m.cfg.User || number(r.t, params[5])&job.Version != 0 {
		err := m.conn.call(context.Background(), patience, "mining.submit", anys(params), func(reply Message) error {
			v = reply.Verdict()
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
	} else {
		bits := number(r.t, params[5])
		s := &work.Share{Job: job, Extranonce2: extranonce2, NTime: number(r.t, params[3]), Nonce: number(r.t, params[4]), Version: job.Version | bits}
		header := job.Header(extranonce2, s.Version, s.NTime, s.Nonce)
		s.Hash = header.Hash()
		if string(message.ID) == "7" {
			if v := m.submit(s); !v.RejectedFor(work.ReasonDuplicate) {
				r.t.Errorf("the client lets a share go twice: %v", v)
			}
			m.state.Lock()
			m.state.sent = duplicates{}
			m.state.Unlock()
		}
		v = m.submit(s)
	}
	if v.Kind == work.Rejected {
		return v.Reason
	}
	return v.Kind.String()
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// call makes another recorded call, whose answer is read and means nothing.
func (r *replay) call(m *miner, message Message) {
	var params []any
	if err := json.Unmarshal(message.Params, &params); err != nil {
		r.t.Fatal(err)
	}
	if err := m.conn.call(context.Background(), patience, message.Method, params, func(Message) error { return nil }); err != nil {
		r.t.Error(err)
	}
}
