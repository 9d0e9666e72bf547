package v1

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quarry/stratum/printable"
	"quarry/stratum/stratumtest"
	"quarry/work"
)

// notifyWith is an ordinary notify with some items replaced by JSON texts, or
// cut short.
func notifyWith(length int, items map[int]string) json.RawMessage {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(stratumtest.Sample("a1").Params()), &list); err != nil {
		panic(err)
	}
	for len(list) < length {
		list = append(list, json.RawMessage("null"))
	}
	list = list[:length]
	for i, text := range items {
		list[i] = json.RawMessage(text)
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return b
}

func TestParseNotify(t *testing.T) {
	branch := strings.Repeat("ab", 32)
	for _, c := range []struct {
		name   string
		length int
		items  map[int]string
		check  func(*Notify) bool
	}{
		{"ordinary", 9, nil, func(n *Notify) bool {
			return n.ID == "a1" && n.Wire == `"a1"` && n.Clean && n.Version == 0x20000000 && n.NBits == 0x192495f8 &&
				n.NTime == 0x64b3f3ec && len(n.Branches) == 0 && hex.EncodeToString(n.PrevHash[:8]) == "f2921517920e7423"
		}},
		{"without clean", 8, nil, func(n *Notify) bool { return n.Clean }},
		{"clean null", 9, map[int]string{8: `null`}, func(n *Notify) bool { return !n.Clean }},
		{"clean false", 9, map[int]string{8: `false`}, func(n *Notify) bool { return !n.Clean }},
		{"clean 1", 9, map[int]string{8: `1`}, func(n *Notify) bool { return n.Clean }},
		{"clean text", 9, map[int]string{8: `"true"`}, func(n *Notify) bool { return n.Clean }},
		{"clean 0", 9, map[int]string{8: `0`}, func(n *Notify) bool { return !n.Clean }},
		{"more items", 12, map[int]string{8: `false`}, func(n *Notify) bool { return !n.Clean }},
		{"id with a blank", 9, map[int]string{0: `"17 3"`}, func(n *Notify) bool { return n.Wire == `"17 3"` }},
		{"id a number", 9, map[int]string{0: `340282366920938463463374607431768211456`},
			func(n *Notify) bool { return n.Wire == "340282366920938463463374607431768211456" && n.ID == n.Wire }},
		{"id with escapes", 9, map[int]string{0: `"a\"\n\u00e9"`}, func(n *Notify) bool { return n.Wire == `"a\"\n\u00e9"` && n.ID == "a\"\né" }},
		{"id beyond ascii", 9, map[int]string{0: `"é"`}, func(n *Notify) bool { return n.Wire == `"\u00e9"` && n.ID == "é" }},
		{"id with a DEL", 9, map[int]string{0: "\"a\x7f\""}, func(n *Notify) bool { return n.Wire == `"a\u007f"` && n.ID == "a\x7f" }},
		{"id empty", 9, map[int]string{0: `""`}, func(n *Notify) bool { return n.Wire == `""` }},
		{"unpadded numbers", 9, map[int]string{5: `"1"`, 6: `"fF"`, 7: `"0"`}, func(n *Notify) bool { return n.Version == 1 && n.NBits == 255 && n.NTime == 0 }},
		{"branches", 9, map[int]string{4: `["` + branch + `"]`}, func(n *Notify) bool { return len(n.Branches) == 1 && n.Branches[0][31] == 0xab }},
		{"32 branches", 9, map[int]string{4: `["` + strings.Repeat(branch+`","`, 31) + branch + `"]`}, func(n *Notify) bool { return len(n.Branches) == 32 }},
	} {
		n, err := ParseNotify(notifyWith(c.length, c.items), Limits{})
		if err != nil || !c.check(n) {
			t.Errorf("%s: %+v, %v", c.name, n, err)
		}
	}
}

func TestParseNotifyRefuses(t *testing.T) {
	branch := strings.Repeat("ab", 32)
	for name, params := range map[string]json.RawMessage{
		"7 items":            notifyWith(7, nil),
		"nothing":            nil,
		"null":               json.RawMessage(`null`),
		"object":             json.RawMessage(`{}`),
		"id null":            notifyWith(9, map[int]string{0: `null`}),
		"id list":            notifyWith(9, map[int]string{0: `[1]`}),
		"id bool":            notifyWith(9, map[int]string{0: `true`}),
		"id long":            notifyWith(9, map[int]string{0: `"` + strings.Repeat("a", 300) + `"`}),
		"id long in escapes": notifyWith(9, map[int]string{0: `"` + strings.Repeat("é", 100) + `"`}),
		"prevhash short":     notifyWith(9, map[int]string{1: `"abcd"`}),
		"prevhash odd":       notifyWith(9, map[int]string{1: `"abc"`}),
		"prevhash number":    notifyWith(9, map[int]string{1: `1`}),
		"coinb1 odd":         notifyWith(9, map[int]string{2: `"012"`}),
		"coinb2 no hex":      notifyWith(9, map[int]string{3: `"zz"`}),
		"coinbase short":     notifyWith(9, map[int]string{2: `""`, 3: `"00"`}),
		"coinbase long":      notifyWith(9, map[int]string{2: `"` + strings.Repeat("00", 128<<10) + `"`}),
		"branches null":      notifyWith(9, map[int]string{4: `null`}),
		"branches text":      notifyWith(9, map[int]string{4: `"` + branch + `"`}),
		"branch short":       notifyWith(9, map[int]string{4: `["abcd"]`}),
		"branch number":      notifyWith(9, map[int]string{4: `[1]`}),
		"33 branches":        notifyWith(9, map[int]string{4: `["` + strings.Repeat(branch+`","`, 32) + branch + `"]`}),
		"version number":     notifyWith(9, map[int]string{5: `1`}),
		"version long":       notifyWith(9, map[int]string{5: `"020000000"`}),
		"nbits empty":        notifyWith(9, map[int]string{6: `""`}),
		"ntime sign":         notifyWith(9, map[int]string{7: `"+1"`}),
		"ntime null":         notifyWith(9, map[int]string{7: `null`}),
	} {
		if n, err := ParseNotify(params, Limits{}); err == nil {
			t.Errorf("%s: taken as %+v", name, n)
		}
	}
}

func TestParseSubscription(t *testing.T) {
	for _, c := range []struct {
		name, result, session, one string
		size                       int
	}{
		{"ckpool", `[[["mining.notify","6b027fb1"]],"b17f026b",8]`, "6b027fb1", "b17f026b", 8},
		{"nsp", `[[["mining.set_difficulty","1"],["mining.notify","2"]],"08000002",4]`, "2", "08000002", 4},
		{"eloipool", `[[["mining.notify","a1"],["mining.set_difficulty","a2"]],"00",4]`, "a1", "00", 4},
		{"flat", `[["mining.notify","ae6812"],"",8]`, "ae6812", "", 8},
		{"wrong order", `["00ff",8,[["mining.notify","x"]]]`, "x", "00ff", 8},
		{"empty list", `[[],"00ff",8]`, "", "00ff", 8},
		{"null", `[null,"00ff",8]`, "", "00ff", 8},
		{"text", `["x","00ff",8]`, "", "00ff", 8},
		{"more items", `[[],"00ff",8,true]`, "", "00ff", 8},
		{"float size", `[[],"00ff",4.0]`, "", "00ff", 4},
		{"text size", `[[],"00ff","4"]`, "", "00ff", 4},
		{"largest", `[[],"` + strings.Repeat("ab", 32) + `",16]`, "", strings.Repeat("ab", 32), 16},
		{"session id a number", `[[["mining.notify",5]],"00ff",1]`, "", "00ff", 1},
		{"session id too long", `[[["mining.notify","` + strings.Repeat("a", 65) + `"]],"00ff",1]`, "", "00ff", 1},
	} {
		s, err := ParseSubscription(json.RawMessage(c.result), Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.SessionID != c.session || hex.EncodeToString(s.One) != c.one || s.TwoSize != c.size {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	for _, result := range []string{
		``, `null`, `"Initialising"`, `true`, `[]`, `{}`, `["mining.notify","x"]`, `[[],"00ff"]`, `[[],"0",4]`, `[[],"zz",4]`, `[[],null,4]`, `[[],5,4]`,
		`[[],"00",0]`, `[[],"00",17]`, `[[],"00",-1]`, `[[],"00",4.5]`, `[[],"00",200]`, `[[],"00",null]`, `[[],"00","x"]`, `[[],"00","NaN"]`,
		`[[],"` + strings.Repeat("ab", 33) + `",4]`,
	} {
		if s, err := ParseSubscription(json.RawMessage(result), Limits{}); err == nil {
			t.Errorf("%s taken as %+v", result, s)
		}
	}
}

func TestParseSetExtranonce(t *testing.T) {
	now := Extranonce{One: []byte{1}, TwoSize: 4}
	for params, want := range map[string]string{
		`["0203",8]`: "0203 8", `["0203"]`: "0203 4", `[null,8]`: "01 8", `["0203",null]`: "0203 4", `["",2]`: " 2", `[null]`: "01 4",
	} {
		got, err := ParseSetExtranonce(json.RawMessage(params), now, Limits{})
		if text := fmt.Sprintf("%x %d", got.One, got.TwoSize); err != nil || text != want {
			t.Errorf("%s: %s, %v", params, text, err)
		}
	}
	for _, params := range []string{`[]`, `{}`, `null`, `["0"]`, `[1]`, `["00",0]`, `["00",17]`, `["00",[]]`} {
		if got, err := ParseSetExtranonce(json.RawMessage(params), now, Limits{}); err == nil || got.TwoSize != 4 || got.One[0] != 1 {
			t.Errorf("%s taken as %+v", params, got)
		}
	}
}

func TestParseSetDifficulty(t *testing.T) {
	for params, want := range map[string]string{
		`[1]`: "1", `[0.0001]`: "0.0001", `["1024"]`: "1024", `[1024.0]`: "1024.0", `[1e-9]`: "1e-9", `[1e-300]`: "1e-300",
		`[16384, "more"]`: "16384", `[1e30]`: "1e30",
		`1`: "1", `"0.5"`: "0.5", `[" 8 "]`: "8", `{"difficulty":2}`: "2", `[{"difficulty":"4"}]`: "4", `{"diff":3,"x":1}`: "3",
	} {
		if d, err := ParseSetDifficulty(json.RawMessage(params)); err != nil || d.String() != want {
			t.Errorf("%s: %v, %v", params, d, err)
		}
	}
	for _, params := range []string{
		`[]`, `{}`, `null`, ``, `[0]`, `[-1]`, `[null]`, `["NaN"]`, `["Infinity"]`, `[1e400]`, `[1e-400]`, `[[1]]`, `[true]`, `[""]`, `["0x10"]`, `["1/3"]`,
		`["1e999999999"]`, `{"difficulty":null}`, `{"difficulty":[1]}`, `{"target":1}`, `[{}]`, `tru`, `true`, `"many"`,
	} {
		if d, err := ParseSetDifficulty(json.RawMessage(params)); err == nil {
			t.Errorf("%s taken as %v", params, d)
		}
	}
}

func TestParseSetTarget(t *testing.T) {
	for _, text := range []string{
		"00000000ffff0000000000000000000000000000000000000000000000000000", "00000009fff60000000000000000000000000000000000000000000000000000",
		"000000000000000000000000000000000000000000000000000000000000ffff", "7fffff0000000000000000000000000000000000000000000000000000000000",
		strings.Repeat("ff", 32), "0000000000000000000123456789abcdef0123456789abcdef0123456789abcd",
	} {
		d, err := ParseSetTarget(json.RawMessage(`["` + text + `"]`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, same := range []string{`["0x` + text + `"]`, `["0X` + strings.TrimLeft(text, "0") + `"]`, `"` + text + `"`, `{"target":"` + text + `"}`} {
			if other, err := ParseSetTarget(json.RawMessage(same)); err != nil || other.Target() != d.Target() {
				t.Errorf("%s: %v, %v", same, other, err)
			}
		}
		got := d.Target().String()
		if got > text || got[:24] != text[:24] && text != strings.Repeat("ff", 32) && got[:20] < "00000000fffe" {
			t.Errorf("%s became %s", text, got)
		}
	}
	for _, params := range []string{`[]`, `["00"]`, `["` + strings.Repeat("00", 32) + `"]`, `["` + strings.Repeat("zz", 32) + `"]`, `[5]`, `["0x"]`, `["0x0"]`, `["0xzz"]`, `["ffff"]`, `["0x` + strings.Repeat("f", 65) + `"]`} {
		if d, err := ParseSetTarget(json.RawMessage(params)); err == nil {
			t.Errorf("%s taken as %v", params, d)
		}
	}
}

func TestParseMaskAndConfigured(t *testing.T) {
	for params, want := range map[string]uint32{`["1fffe000"]`: 0x1fffe000, `["ffffffff"]`: 0xffffffff, `["0"]`: 0, `["FF"]`: 255, `["0x1fffe000"]`: 0x1fffe000, `["0XfF"]`: 255, `"1fffe000"`: 0x1fffe000, `{"mask":"ff"}`: 255} {
		if mask, err := ParseMask(json.RawMessage(params)); err != nil || mask != want {
			t.Errorf("%s: %x, %v", params, mask, err)
		}
	}
	for _, params := range []string{`[]`, `["zz"]`, `[5]`, `["1fffe0000"]`, `{}`, `[""]`, `[null]`, `["0x"]`, `["0x0x1"]`, `["0x1fffe0000"]`} {
		if mask, err := ParseMask(json.RawMessage(params)); err == nil {
			t.Errorf("%s taken as %x", params, mask)
		}
	}
	for result, want := range map[string]Rolling{
		`{"version-rolling":true,"version-rolling.mask":"1fffe000"}`:                                                                {true, 0x1fffe000, true},
		`{"version-rolling":true,"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":"2","minimum-difficulty":false}`: {true, 0x1fffe000, true},
		`{"version-rolling":true,"version-rolling.mask":"0x1fffe000"}`:                                                              {true, 0x1fffe000, true},
		`{"version-rolling":1,"version-rolling.mask":"ff"}`:                                                                         {true, 0xff, true},
		`{"version-rolling":"true","version-rolling.mask":"ff"}`:                                                                    {true, 0xff, true},
		`{"version-rolling":"1","mask":"ff"}`:                                                                                       {true, 0xff, true},
		`{"version-rolling":{"mask":"0Xff","min-bit-count":2}}`:                                                                     {true, 0xff, true},
		`{"version-rolling":{"version-rolling.mask":"ff"}}`:                                                                         {true, 0xff, true},
		`{"version-rolling":{}}`:                                                                                                    {true, 0, false},
		`{"version-rolling":{"enabled":false,"mask":"ff"}}`:                                                                         {},
		`{"version-rolling":true}`:                                                                                                  {true, 0, false},
		`{"version-rolling":true,"version-rolling.mask":"00000000"}`:                                                                {true, 0, true},
		`{"version-rolling":true,"version-rolling.mask":"xyz"}`:                                                                     {true, 0, false},
		`{"version-rolling":true,"version-rolling.mask":null,"mask":"ff"}`:                                                          {true, 0, false},
		`{"version-rolling":false,"version-rolling.mask":"1fffe000"}`:                                                               {},
		`{"version-rolling":"no","version-rolling.mask":"1fffe000"}`:                                                                {},
		`{"version-rolling":0,"version-rolling.mask":"1fffe000"}`:                                                                   {},
		`{"version-rolling":[],"version-rolling.mask":"1fffe000"}`:                                                                  {},
		`{}`: {}, `null`: {}, `true`: {}, `[]`: {}, ``: {},
	} {
		if got := ParseConfigured(json.RawMessage(result)); got != want {
			t.Errorf("%s: %+v, want %+v", result, got, want)
		}
	}
}

func TestParseReconnectAndText(t *testing.T) {
	for params, want := range map[string]Reconnect{
		`[]`: {}, `null`: {}, ``: {}, `{}`: {}, `["evil.example",3333,5]`: {5 * time.Second, "evil.example:3333"},
		`["evil.example","3333","1.5"]`: {1500 * time.Millisecond, "evil.example:3333"}, `["h",0,-1]`: {0, "h:0"},
		`["fe80::1%enP4p65s0",3333]`: {0, "[fe80::1%enP4p65s0]:3333"}, `["[2001:db8::1]",3333]`: {0, "[2001:db8::1]:3333"},
		`["h",99999,1e9]`: {time.Minute, "h:99999"}, `["h\u001b",1,"x"]`: {0, "h:1"}, `[null,null,3]`: {3 * time.Second, ""}, `["h",1,"NaN"]`: {0, "h:1"},
	} {
		if got := ParseReconnect(json.RawMessage(params), printable.Sanitize); *got != want {
			t.Errorf("%s: %+v", params, got)
		}
	}
	for params, want := range map[string]string{`["hi\u001b[0m"]`: "hi[0m", `[]`: "", `null`: "", `[5]`: "", `[null,"x"]`: "x"} {
		if got := ParseText(json.RawMessage(params), printable.Sanitize); got != want {
			t.Errorf("%s: %q", params, got)
		}
	}
}

// TestVersionBits: the two forms come to the same version where the pool
// treats them as it should: added to the job's, or put in place of the mask.
func TestVersionBits(t *testing.T) {
	const version, mask, rolled = 0x20006000, 0xffffe000, 0x00410000
	for masked, want := range map[bool]uint32{false: rolled, true: 0x20416000} {
		s := &work.Share{Job: &work.Job{Version: version}, Version: version | rolled}
		if bits := (wire{mask: mask, masked: masked}).bits(s); bits != want {
			t.Errorf("masked %v: bits %08x, want %08x", masked, bits, want)
		}
	}
}

func FuzzNotify(f *testing.F) {
	notifySeeds(f)
	f.Fuzz(func(t *testing.T, params []byte) {
		n, err := ParseNotify(params, Limits{})
		if err != nil {
			return
		}
		if len(n.Branches) > 32 || len(n.Wire) > 256 || !json.Valid([]byte(n.Wire)) || len(n.Coinb1)+len(n.Coinb2) > 128<<10 {
			t.Errorf("limits passed: %+v", n)
		}
		user := strings.Repeat("u", 400)
		share := &work.Share{Job: &work.Job{Ref: wire{id: n.Wire, rolling: true}}, Extranonce2: make([]byte, 16)}
		if b, err := encode(request{1, "mining.submit", submitParams(user, share)}, 1000); err != nil || !slices.Equal(b, escapeASCII(b)) {
			t.Errorf("no submit for job id %q: %v", n.Wire, err)
		}
	})
}

// The extranonces are the ones that the pool wrote, never others within bounds.
func FuzzSubscription(f *testing.F) {
	for _, r := range capture(f) {
		if r.Line != nil && strings.Contains(*r.Line, "mining.notify\\\"") {
			f.Add([]byte(*r.Line))
		}
	}
	f.Add([]byte(`[[["mining.set_difficulty","1"],["mining.notify","2"]],"08000002",4]`))
	f.Add([]byte(`["00ff","8",[["mining.notify","x"]]]`))
	f.Add([]byte(`[[],"00",6,6666E66666666666666666]`))
	for _, result := range hostileParams {
		f.Add([]byte(result))
	}
	f.Fuzz(func(t *testing.T, result []byte) {
		s, err := ParseSubscription(result, Limits{})
		if err != nil {
			return
		}
		if len(s.One) > 32 || s.TwoSize < 1 || s.TwoSize > 16 || len(s.SessionID) > 64 || s.SessionID != printable.Sanitize(s.SessionID) {
			t.Errorf("limits passed: %+v", s)
		}
		var items []any
		decoder := json.NewDecoder(bytes.NewReader(result))
		decoder.UseNumber() // a float64 does not hold all that JSON calls a number
		if err := decoder.Decode(&items); err != nil {
			t.Fatal(err)
		}
		one, two := items[1], items[2]
		if _, isList := items[2].([]any); isList {
			one, two = items[0], items[1]
		}
		text, isText := one.(string)
		size, err := strconv.ParseFloat(fmt.Sprint(two), 64)
		if !isText || !strings.EqualFold(text, hex.EncodeToString(s.One)) || err != nil || size != float64(s.TwoSize) {
			t.Errorf("%s became %+v", result, s)
		}
	})
}

// addCaptured adds the params of all recorded messages of a method.
func addCaptured(f *testing.F, method string) {
	for _, r := range capture(f) {
		if r.Line == nil {
			continue
		}
		if m, err := ParseMessage([]byte(*r.Line)); err == nil && m.Method == method {
			f.Add([]byte(m.Params))
		}
	}
}
