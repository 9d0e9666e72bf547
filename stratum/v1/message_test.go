package v1

import (
	"strings"
	"testing"

	"quarry/stratum/printable"
	"quarry/work"
)

func TestParseMessage(t *testing.T) {
	for _, c := range []struct {
		name, line, method string
		reply              bool
	}{
		{"reply", `{"id":1,"result":true,"error":null}`, "", true},
		{"reply without error", `{"id":1,"result":true}`, "", true},
		{"reply without result", `{"id":1,"error":null}`, "", true},
		{"reply with json-rpc version", `{"jsonrpc":"2.0","id":1,"result":true}`, "", true},
		{"reply with a null method", `{"id":1,"method":null,"result":true}`, "", true},
		{"reply with its method", `{"id":1,"method":"mining.subscribe","params":null,"result":[]}`, "mining.subscribe", true},
		{"push with null id", `{"id":null,"method":"mining.notify","params":[]}`, "mining.notify", false},
		{"push without id", `{"method":"mining.notify","params":[]}`, "mining.notify", false},
		{"push with an id", `{"id":5,"method":"mining.notify","params":[]}`, "mining.notify", false},
		{"a zero behind it", "{\"method\":\"b\"}\x00", "b", false},
		{"a return and a byte order mark", "\x00\ufeff {\"method\":\"b\"}\r\x00", "b", false},
		{"duplicate keys", `{"method":"a","method":"b","params":[]}`, "b", false},
	} {
		m, err := ParseMessage([]byte(c.line))
		if err != nil || m.Method != c.method || m.MayBeReply() != c.reply {
			t.Errorf("%s: method %q, reply %v, error %v", c.name, m.Method, m.MayBeReply(), err)
		}
	}
	for _, line := range []string{
		"", "hello", "[]", `[{"id":1}]`, "1", "null", `"text"`, "{", `{"id":1`, "{}", `{"method":7}`,
		"HTTP/1.1 400 Bad Request", "Invalid JSON, disconnecting", "{\"id\":\"\xff\"}", "{\"id\":\"\x00\"}", "\x00",
		strings.Repeat("[", 100000), `{"params":` + strings.Repeat("[", 100000),
	} {
		if m, err := ParseMessage([]byte(line)); err == nil {
			t.Errorf("%.40q gave %+v", line, m)
		}
	}
}

func TestCallID(t *testing.T) {
	for text, want := range map[string]uint64{`3`: 3, `3.0`: 3, `"3"`: 3, `3e0`: 3, `"3.0"`: 3, `0`: 0, `18446744073709551615`: 1<<64 - 1} {
		m := Message{ID: []byte(text)}
		if id, ok := m.CallID(); !ok || id != want {
			t.Errorf("id %s: %d, %v", text, id, ok)
		}
	}
	for _, text := range []string{``, `null`, `"three"`, `3.5`, `-1`, `{}`, `[3]`, `1e400`, `"NaN"`, `"Inf"`, `""`, `true`} {
		m := Message{ID: []byte(text)}
		if id, ok := m.CallID(); ok {
			t.Errorf("id %s taken as %d", text, id)
		}
	}
}

func TestWantsReply(t *testing.T) {
	for text, want := range map[string]bool{
		``: false, `null`: false, `{}`: false, `[1]`: false, `true`: false, `1`: true, `-1`: true, `"a"`: true, `0`: true,
		`"` + strings.Repeat("a", 100) + `"`: false,
	} {
		if m := (Message{ID: []byte(text)}); m.WantsReply() != want {
			t.Errorf("id %s: %v", text, !want)
		}
	}
}

func TestEncode(t *testing.T) {
	b, err := encode(request{3, "mining.authorize", []any{"ä<&>😀", "x\n"}}, 1000)
	want := `{"id":3,"method":"mining.authorize","params":["\u00e4<&>\ud83d\ude00","x\n"]}`
	if err != nil || string(b) != want {
		t.Errorf("got %s, %v; want %s", b, err, want)
	}
	if _, err := encode(request{3, "m", []any{strings.Repeat("a", 1000)}}, 1000); err == nil {
		t.Error("a message longer than the limit was encoded")
	}
}

func TestVerdict(t *testing.T) {
	const stale = reasonStale
	for _, c := range []struct {
		reply, reason, text string
		code                int
	}{
		{`"result":true,"error":null`, "", "", 0},
		{`"result":true`, "", "", 0},
		{`"result":null,"error":null`, "", "", 0},
		{`"error":null`, "", "", 0},
		{`"result":true,"error":false`, "", "", 0},
		{`"result":true,"error":[]`, "", "", 0},
		{`"result":true,"error":""`, "", "", 0},
		{`"result":1,"error":{ }`, "", "", 0},
		{`"result":"OK","error":null`, "", "", 0},
		{`"result":" ok ","error":0`, "", "", 0},
		{`"result":{"status":"OK"},"error":null`, "", "", 0},
		{`"result":"accepted"`, "", "", 0},
		{`"result":5,"error":null`, "", "", 0}, // which is said: see Unclear
		{`"result":{"status":"rejected"},"error":null`, work.ReasonOther, "rejected", 0},
		{`"result":0,"error":null`, work.ReasonOther, "refused without a reason", 0},
		{`"result":"OKAY?","error":null`, work.ReasonOther, "OKAY?", 0},
		{`"result":null,"error":""`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":[]`, work.ReasonOther, "refused without a reason", 0},
		{`"result":5,"error":""`, work.ReasonOther, "refused without a reason", 0},
		{`"result":true,"error":true`, work.ReasonOther, "refused without a reason", 0},
		{`"result":"OK","error":[23,"low"]`, work.ReasonLowDifficulty, "low", 23},
		{`"result":null,"error":null,"reject-reason":"Stale"`, stale, "", 0},
		{`"result":null,"error":[21,"Job not found",""]`, stale, "", 0},
		{`"result":null,"error":[21,"job not found"]`, stale, "", 0},
		{`"result":false,"error":[21,"Invalid JobID",null]`, stale, "", 0},
		{`"result":null,"error":"Invalid JobID"`, stale, "", 0},
		{`"result":null,"error":[24,"Invalid worker",null]`, work.ReasonUnauthorized, "Invalid worker", 24},
		{`"result":null,"error":[24,"unknown worker",null]`, work.ReasonUnauthorized, "unknown worker", 24},
		{`"result":null,"error":"Below minimum difficulty"`, work.ReasonLowDifficulty, "Below minimum difficulty", 0},
		{`"result":null,"error":{"code":21,"message":"aged","data":1}`, stale, "", 0},
		{`"result":null,"error":[20,"unknown-work",null]`, stale, "", 0},
		{`"result":false,"error":null,"reject-reason":"Stale"`, stale, "", 0},
		{`"result":false,"error":null,"reject-reason":"Duplicate"`, work.ReasonDuplicate, "Duplicate", 0},
		{`"result":false,"error":[22,"Duplicate",null]`, work.ReasonDuplicate, "Duplicate", 22},
		{`"result":false,"error":[23,"Above target",null]`, work.ReasonLowDifficulty, "Above target", 23},
		{`"result":null,"error":[23,"bad-version",null]`, work.ReasonVersion, "bad-version", 23},
		{`"result":null,"error":[20,"H-not-zero",null]`, work.ReasonLowDifficulty, "H-not-zero", 20},
		{`"result":null,"error":[21,"time-too-new",null]`, work.ReasonNTime, "time-too-new", 21},
		{`"result":false,"error":[20,"Ntime out of range",null]`, work.ReasonNTime, "Ntime out of range", 20},
		{`"result":false,"error":[20,"Invalid version mask",null]`, work.ReasonVersion, "Invalid version mask", 20},
		{`"result":false,"error":[20,"Worker mismatch",null]`, work.ReasonOther, "Worker mismatch", 20},
		{`"result":null,"error":[24,"unauthorized-user",null]`, work.ReasonUnauthorized, "unauthorized-user", 24},
		{`"result":null,"error":[25,"",null]`, work.ReasonNotSubscribed, "error 25", 25},
		{`"result":null,"error":[28,"IP banned",null]`, work.ReasonBanned, "IP banned", 28},
		{`"result":null,"error":"-3:method not found"`, work.ReasonOther, "-3:method not found", -3},
		{`"result":null,"error":"Failed subscription"`, work.ReasonOther, "Failed subscription", 0},
		{`"result":false,"error":null`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":true`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":38`, work.ReasonOther, "error 38", 38},
		{`"result":null,"error":1e300`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":[]`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":[["nested"]]`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":{}`, work.ReasonOther, "refused without a reason", 0},
		{`"result":null,"error":["22","dup"]`, work.ReasonDuplicate, "dup", 22},
		{`"result":"low difficulty share","error":null`, work.ReasonLowDifficulty, "low difficulty share", 0},
		{`"result":false,"error":[20,"\u001b[2Jbandwidth\n",null]`, work.ReasonOther, "[2Jbandwidth", 20},
	} {
		m, err := ParseMessage([]byte(`{"id":1,` + c.reply + `}`))
		if err != nil {
			t.Fatal(err)
		}
		verdict := m.Verdict()
		want := work.Verdict{Kind: work.Rejected, Reason: c.reason, Code: c.code, Text: c.text, Sent: true}
		switch c.reason {
		case "":
			want = work.Verdict{Kind: work.Accepted, Sent: true}
		case stale:
			want = work.Verdict{Kind: work.Stale, Code: verdict.Code, Text: verdict.Text, Sent: true}
		}
		if verdict != want {
			t.Errorf("%s: %+v, want %+v", c.reply, verdict, want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, r := range capture(f) {
		if r.Line != nil {
			f.Add([]byte(*r.Line))
		}
	}
	for _, line := range []string{
		`{"id":"3","result":false,"error":null,"reject-reason":"Stale"}`, `{"id":1.0,"error":{"code":21,"message":"x"}}`,
		`{"id":1,"error":["22","dup"]}`, `{"id":1,"error":"-3:no"}`, `{"id":1,"error":38}`, `{"method":"m","result":1,"id":{}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := ParseMessage(line)
		if err != nil {
			return
		}
		m.CallID()
		m.Verdict()
		if refusal := m.Refusal(); refusal != nil && len([]rune(refusal.Text)) > printable.MaxText {
			t.Errorf("error text of %d characters", len([]rune(refusal.Text)))
		}
		if m.WantsReply() {
			if b, err := encode(response{m.ID, "pong", nil}, 1000); err == nil && strings.ContainsFunc(string(b), func(r rune) bool { return r > 126 || r < 32 }) {
				t.Errorf("the reply %q is not plain ASCII", b)
			}
		}
	})
}
