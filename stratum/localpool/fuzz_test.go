package localpool

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// seeds are the recorded client's lines and some malformed ones.
func seeds(f *testing.F) {
	for _, e := range loadCapture(f) {
		if e.Dir == ">" && e.Line != nil {
			f.Add([]byte(*e.Line))
		}
	}
	for _, line := range []string{
		"", "{}", "[]", "null", `{"id":1}`, `{"id":{"a":[]},"method":"mining.submit","params":{}}`,
		`{"id":"x","method":7}`, `{"id":1e999,"method":"mining.subscribe","params":["a",null,"h","p"]}`, "\xef\xbb\xbf{}\r", "\x00",
		`{"method":"mining.suggest_difficulty","params":["1e999999999"]}`, `{"id":1,"id":2,"method":"mining.ping"}`,
	} {
		f.Add([]byte(line))
	}
}

// Any line at all is handled, and every answer is one line of JSON.
func FuzzLine(f *testing.F) {
	seeds(f)
	p, err := New(Config{Difficulty: "0.000001"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > p.cfg.MaxLine {
			return
		}
		s := newSession(p, deadConn{}, "fuzz", TCP)
		for _, l := range [][]byte{line, []byte(`{"id":1,"method":"mining.subscribe"}`), line,
			[]byte(`{"id":2,"method":"mining.authorize","params":["u"]}`), line} {
			_ = s.handle(l) // an error only ends the connection
		}
		p.leave(s)
		close(s.queue)
		for next := range s.queue {
			out := next.line
			if !json.Valid(out) || bytes.Count(out, []byte{'\n'}) != 1 || out[len(out)-1] != '\n' {
				t.Errorf("answered %q", out)
			}
		}
	})
}

func FuzzSubmitParams(f *testing.F) {
	seedParams(f)
	share := loadVectors(f).Shares[2]
	terms := share.terms(f)
	f.Fuzz(func(t *testing.T, params []byte) {
		s, err := decodeSubmit(params)
		if err != nil {
			return
		}
		if v := Judge(terms, s); v.Accepted() && v.Hash == [32]byte{} {
			t.Errorf("accepted without a hash: %+v", s)
		}
	})
}

func FuzzConfigureParams(f *testing.F) {
	seedParams(f)
	f.Fuzz(func(t *testing.T, params []byte) {
		r, err := decodeConfigure(params)
		if err != nil {
			return
		}
		if mask := r.grant(DefaultVersionMask); mask&^DefaultVersionMask != 0 || mask&^r.Mask != 0 {
			t.Errorf("granted %08x of %08x", mask, r.Mask)
		}
		if len(r.Others) > maxExtensions || r.MinBits < 0 {
			t.Errorf("request %+v", r)
		}
	})
}

func FuzzSubscribeParams(f *testing.F) {
	seedParams(f)
	f.Fuzz(func(t *testing.T, params []byte) {
		if r := decodeSubscribe(params); len(r.UserAgent) > maxName || len(r.SessionID) > maxName {
			t.Errorf("request %+v", r)
		}
	})
}

func FuzzDifficulty(f *testing.F) {
	for _, text := range []string{"1", "0.0001", "1e-400", "1e400", "2.3283064365386963e-10", "[0.5]", "-0", "1e", "9e999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDifficulty(text)
		if err != nil {
			return
		}
		if d.target.Sign() <= 0 || d.target.BitLen() > 256 || !json.Valid([]byte(d.text)) {
			t.Errorf("%q: target %x", text, d.target)
		}
		_, _ = decodeSuggestedDifficulty([]byte("[" + text + "]")) // must not panic
		_, _ = decodeSuggestedTarget([]byte("[" + text + "]"))
	})
}

func FuzzNotify(f *testing.F) {
	for _, share := range loadVectors(f).Shares {
		params, err := json.Marshal(share.Notify)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(params)
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		var n Notify
		if json.Unmarshal(params, &n) != nil {
			return
		}
		if _, err := NewJob(n); err != nil {
			return
		}
		if _, err := json.Marshal(n); err != nil {
			t.Error(err)
		}
	})
}

func seedParams(f *testing.F) {
	for _, e := range loadCapture(f) {
		if w := e.message(f); e.Dir == ">" && len(w.Params) > 0 {
			f.Add([]byte(w.Params))
		}
	}
	for _, params := range []string{"", "null", "[]", "{}", `[["version-rolling"],{"version-rolling.min-bit-count":"20"}]`, `[1,2,3,4,5,6]`} {
		f.Add([]byte(params))
	}
}

// deadConn is a connection that nobody uses.
type deadConn struct{ conn }

func (deadConn) SetReadDeadline(time.Time) error { return nil }
func (deadConn) kick()                           {}
