package v1

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"quarry/hashing"
	"quarry/stratum/printable"
	"quarry/stratum/stratumtest"
	"quarry/work"
)

// Each decoder of a pool's bytes has a target, here or next to its tests: lines
// (FuzzLines), messages (FuzzMessage), replies (FuzzVerdict, FuzzConfigured,
// FuzzSubscription), pushes (FuzzNotify and those named by their method), and
// all of them in a running session (FuzzSession).

// secret is the password that no text of a pool may show.
const secret = "S3cret\"Pass"

// hostileParams are parameters and results as broken or hostile pools send
// them, after the table of such cases in the design.
var hostileParams = []string{
	``, `null`, `{}`, `[]`, `[[]]`, `[null]`, `[true]`, `"text"`, `1`, strings.Repeat("[", 200), `["zz"]`, `["` + strings.Repeat("ab", 33) + `",4]`,
	`[0]`, `[-1]`, `["NaN"]`, `["Infinity"]`, `[1e400]`, `["1e400"]`, `[1e-300]`, `[1e30]`, `["1024"]`, `[1024.0]`, `["0x10"]`, `[0.0001]`,
	`[[],"00",0]`, `[[],"00",-1]`, `[[],"00",4.5]`, `[[],"00",200]`, `[[],"0",4]`, `[[],"zz",4]`, `[["mining.notify","ae6812"],"",8]`,
	`["0a0b",4]`, `["0a0b"]`, `[null,8]`, `["",16]`, `["0a0b",17]`, `["0a0b","4"]`,
	`["1fffe000"]`, `["ffffffff"]`, `["0"]`, `["1"]`, `["00000000"]`, `["+1"]`, `["1fffe0000"]`,
	`{"version-rolling":true,"version-rolling.mask":"ffffffff"}`, `{"version-rolling":true}`, `{"version-rolling":"yes"}`,
	`{"version-rolling":false,"version-rolling":true,"version-rolling.mask":"x"}`, `{"version-rolling":1,"version-rolling.mask":"0x1fffe000"}`,
	`{"version-rolling":{"mask":"1fffe000"}}`, `{"version-rolling":{"enabled":false}}`, `{"version-rolling":"1","mask":"1fffe000"}`,
	"\v1", "\v[\"0\"]", ` "0"`, `["0x1fffe000"]`, `["0X0"]`, `["0x"]`, `{"mask":"1fffe000"}`, `"1fffe000"`, `{"difficulty":8}`, `[{"difficulty":"8"}]`, `8`, `" 8 "`, `{"target":"0xffff"}`,
	`["0x` + strings.Repeat("ff", 32) + `"]`, `["0xffff` + strings.Repeat("00", 26) + `"]`, `["0x` + strings.Repeat("ff", 33) + `"]`,
	`["evil.example",3333,-1]`, `["127.0.0.1","0","1e9"]`, `["h",99999,"NaN"]`, `[null,null,3]`, `["h\u001b[2J",1,"0x1p4"]`,
	`["\u001b[31mred\u0007\u202e"]`, `["` + strings.Repeat("é", 300) + `"]`, `["S3cret\"Pass"]`, `["S\u00003cret\"Pass"]`,
	`["` + strings.Repeat("00", 31) + `01"]`, `["` + strings.Repeat("00", 32) + `"]`, `["` + strings.Repeat("ff", 32) + `"]`,
}

// hostileReplies are results, errors and ckpool's reasons, as JSON texts.
var hostileReplies = [][3]string{
	{`"OK"`, `""`, ``}, {`1`, `[]`, ``}, {`0`, `null`, ``}, {`{"status":"OK"}`, `null`, ``}, {`[]`, `{}`, ``}, {`5`, `null`, ``}, {`null`, `null`, `"Stale"`},
	{`true`, `null`, ``}, {`null`, `null`, ``}, {`false`, `null`, `"Stale"`}, {`true`, `[]`, ``}, {`true`, `false`, ``}, {``, `null`, ``},
	{`null`, `[21,"Job not found",""]`, ``}, {`false`, `[22,"Duplicate",null]`, ``}, {`null`, `{"code":23,"message":"low","data":[]}`, ``},
	{`null`, `"Invalid JobID"`, ``}, {`null`, `"-3:no"`, ``}, {`null`, `38`, ``}, {`null`, `1e300`, ``}, {`null`, `[["nested"]]`, ``},
	{`null`, `{"code":"22","message":{}}`, ``}, {`"low difficulty share"`, `null`, ``}, {`true`, `[20,"",null]`, `7`}, {`"true"`, ``, ``},
	{`null`, `[24,"\u001b[2J` + strings.Repeat("x", 300) + `"]`, ``}, {`null`, `[20,"bad password S3cret\"Pass"]`, ``},
	{`null`, `[20,"bad password S\u200b3cret\"Pass"]`, ``}, {`null`, `["-99999999999999999999:x"]`, ``},
}

func addParams(f *testing.F, captured string) {
	for _, params := range hostileParams {
		f.Add([]byte(params))
	}
	for _, v := range vectors(f) {
		f.Add([]byte("[" + v.SetDifficulty + "]"))
		f.Add([]byte(`["` + v.Expect.ShareTarget + `"]`))
		if v.Mask != nil {
			f.Add([]byte(`["` + *v.Mask + `"]`))
		}
	}
	addCaptured(f, captured)
}

// first is the first item of a JSON list, by a decoder of its own.
func first(params []byte) any {
	var list []any
	decoder := json.NewDecoder(strings.NewReader(string(params)))
	decoder.UseNumber()
	if !json.Valid(params) || decoder.Decode(&list) != nil || len(list) == 0 {
		return nil
	}
	return list[0]
}

// one is the value of a push that has one, in a list, an object or bare, by a
// decoder of its own.
func one(params []byte, names ...string) any {
	var v any
	decoder := json.NewDecoder(strings.NewReader(string(params)))
	decoder.UseNumber()
	if !json.Valid(params) || decoder.Decode(&v) != nil {
		return nil
	}
	if list, ok := v.([]any); ok {
		if len(list) == 0 {
			return nil
		}
		v = list[0]
	}
	if object, ok := v.(map[string]any); ok {
		for _, name := range names {
			if v, ok := object[name]; ok {
				return v
			}
		}
	}
	return v
}

// bare is a hexadecimal number without 0x.
func bare(text string) string {
	if len(text) > 2 && strings.EqualFold(text[:2], "0x") {
		return text[2:]
	}
	return text
}

// checkWords: whatever a pool said, we print it in one short line without a
// control character, and without our password.
func checkWords(t *testing.T, text string) {
	t.Helper()
	if n := utf8.RuneCountInString(text); n > printable.MaxText {
		t.Errorf("text of %d characters", n)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || text != printable.Sanitize(text) {
		t.Errorf("not safe to print: %q", text)
	}
	if strings.Contains(text, secret) {
		t.Errorf("shows the password: %q", text)
	}
}

// checkDifficulty holds a target against floor(target of difficulty 1 / d),
// in rational numbers.
func checkDifficulty(t *testing.T, d hashing.Difficulty, text string) {
	t.Helper()
	value, ok := new(big.Rat).SetString(text)
	if !ok || value.Sign() <= 0 {
		t.Fatalf("difficulty %q taken as %v", text, d)
	}
	one := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(0xffff), 208))
	quotient := one.Quo(one, value)
	want := new(big.Int).Quo(quotient.Num(), quotient.Denom())
	if want.Sign() == 0 {
		want.SetInt64(1) // the hardest that there is
	}
	if most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)); want.Cmp(most) > 0 {
		want = most
	}
	if got := targetNumber(d); got.Cmp(want) != 0 {
		t.Errorf("difficulty %q: target %x, want %x", text, got, want)
	}
}

func targetNumber(d hashing.Difficulty) *big.Int {
	b := d.Target().Bytes()
	return new(big.Int).SetBytes(b[:])
}

func FuzzSetDifficulty(f *testing.F) {
	addParams(f, "mining.set_difficulty")
	f.Fuzz(func(t *testing.T, params []byte) {
		d, err := ParseSetDifficulty(params)
		if err != nil {
			return
		}
		switch item := one(params, "difficulty", "diff").(type) {
		case json.Number:
			checkDifficulty(t, d, item.String())
		case string:
			checkDifficulty(t, d, strings.TrimSpace(item))
		default:
			t.Errorf("%q taken as difficulty %v", params, d)
		}
	})
}

// The target that comes out is at most the pool's, and below it by rounding
// only; every target but zero is taken.
func FuzzSetTarget(f *testing.F) {
	addParams(f, "mining.set_target")
	f.Fuzz(func(t *testing.T, params []byte) {
		text, _ := one(params, "target").(string)
		if number := bare(text); number != text && len(number) < 64 {
			text = strings.Repeat("0", 64-len(number)) + number
		}
		text = bare(text)
		b, err := hex.DecodeString(text)
		want := new(big.Int).SetBytes(b)
		valid := err == nil && len(b) == 32 && want.Sign() > 0
		d, err := ParseSetTarget(params)
		if (err == nil) != valid {
			t.Fatalf("%q: %v, want it taken: %v", params, err, valid)
		}
		if !valid {
			return
		}
		off := new(big.Int).Sub(want, targetNumber(d))
		rounding := new(big.Int).Quo(want, new(big.Int).Exp(big.NewInt(10), big.NewInt(24), nil))
		if off.Sign() < 0 || off.Cmp(rounding.Add(rounding, big.NewInt(2))) > 0 {
			t.Errorf("target %s became %v", text, d.Target())
		}
	})
}

func FuzzSetExtranonce(f *testing.F) {
	addParams(f, "mining.set_extranonce")
	f.Fuzz(func(t *testing.T, params []byte) {
		now := Extranonce{One: []byte{1, 2}, TwoSize: 5}
		next, err := ParseSetExtranonce(params, now, Limits{})
		if !slices.Equal(now.One, []byte{1, 2}) || err != nil && !reflect.DeepEqual(next, now) {
			t.Errorf("%q changed the extranonce to %+v, %v", params, next, err)
		}
		if err != nil {
			return
		}
		if len(next.One) > 32 || next.TwoSize < 1 || next.TwoSize > work.MaxExtranonce2 {
			t.Errorf("limits passed: %+v", next)
		}
		want := now.One
		if text, ok := first(params).(string); ok {
			want, _ = hex.DecodeString(bare(text))
		}
		if !slices.Equal(next.One, want) {
			t.Errorf("%q became extranonce1 %x", params, next.One)
		}
	})
}

var hexDigits = regexp.MustCompile(`^[0-9a-fA-F]{1,8}$`)

func FuzzVersionMask(f *testing.F) {
	addParams(f, "mining.set_version_mask")
	f.Fuzz(func(t *testing.T, params []byte) {
		text, _ := one(params, "version-rolling.mask", "version_mask", "mask").(string)
		text = bare(text)
		mask, err := ParseMask(params)
		if (err == nil) != hexDigits.MatchString(text) {
			t.Fatalf("%q: %v", params, err)
		}
		if want, _ := strconv.ParseUint(text, 16, 32); err == nil && uint64(mask) != want {
			t.Errorf("%q became mask %x", params, mask)
		}
	})
}

// Version rolling is on after a clear yes only, with the mask of the same answer or
// none.
func FuzzConfigured(f *testing.F) {
	addParams(f, "")
	f.Fuzz(func(t *testing.T, result []byte) {
		r := ParseConfigured(result)
		var answer map[string]any
		valid := json.Unmarshal(result, &answer) == nil
		said := answer["version-rolling"]
		details, isObject := said.(map[string]any)
		agreed := valid && (said == true || said == "true" || said == "1" || said == 1.0 || isObject)
		for _, detail := range details {
			agreed = agreed && detail != false
		}
		if r.Agreed != agreed && said != 1.0 { // which has many spellings
			t.Errorf("%q: agreed is %v", result, r.Agreed)
		}
		masks := make(map[uint32]bool)
		for _, of := range []any{answer["version-rolling.mask"], answer["mask"], details["version-rolling.mask"], details["mask"]} {
			if text, _ := of.(string); hexDigits.MatchString(bare(text)) {
				mask, _ := strconv.ParseUint(bare(text), 16, 32)
				masks[uint32(mask)] = true
			}
		}
		if r.Known && (!r.Agreed || !masks[r.Mask]) || !r.Known && r.Mask != 0 {
			t.Errorf("%q: %+v", result, r)
		}
	})
}

func FuzzReconnect(f *testing.F) {
	addParams(f, "client.reconnect")
	m := Message{redact: printable.NewRedactor(secret).Replace}
	f.Fuzz(func(t *testing.T, params []byte) {
		r := ParseReconnect(params, m.words)
		if r.Wait < 0 || r.Wait > time.Minute {
			t.Errorf("%q: wait %v", params, r.Wait)
		}
		checkWords(t, r.Told)
	})
}

func FuzzShowMessage(f *testing.F) {
	addParams(f, "client.show_message")
	m := Message{redact: printable.NewRedactor(secret).Replace}
	f.Fuzz(func(t *testing.T, params []byte) {
		text := ParseText(params, m.words)
		checkWords(t, text)
		if want, ok := one(params).(string); ok && m.redact(want) == printable.Visible(want) && text != printable.Sanitize(printable.Visible(want)) {
			t.Errorf("%q became %q", params, text)
		}
	})
}

// FuzzVerdict puts results, errors and reasons of all shapes into a reply: it
// has one verdict, accepted only if nothing was wrong.
func FuzzVerdict(f *testing.F) {
	for _, r := range hostileReplies {
		f.Add([]byte(r[0]), []byte(r[1]), []byte(r[2]))
	}
	for _, params := range hostileParams {
		f.Add([]byte("null"), []byte(params), []byte(params))
	}
	reasons := []string{
		work.ReasonDuplicate, work.ReasonLowDifficulty, work.ReasonUnauthorized, work.ReasonNotSubscribed, work.ReasonNTime, work.ReasonVersion,
		work.ReasonBanned, work.ReasonOther,
	}
	f.Fuzz(func(t *testing.T, result, failure, reason []byte) {
		line := []byte(`{"id":4`)
		for _, part := range []struct {
			key   string
			value []byte
		}{{"result", result}, {"error", failure}, {"reject-reason", reason}} {
			if len(part.value) > 0 {
				line = append(append(line, `,"`+part.key+`":`...), part.value...)
			}
		}
		m, err := ParseMessage(append(line, '}'))
		if err != nil || m.Method != "" {
			return
		}
		m.redact = printable.NewRedactor(secret).Replace
		refusal, verdict := m.Refusal(), m.Verdict()
		accepted := verdict.Kind == work.Accepted
		if accepted && refusal != nil || !accepted && refusal == nil && !m.Unclear() {
			t.Fatalf("%s: %v, but the verdict is %v", line, refusal, verdict)
		}
		if accepted {
			checkAccepted(t, m)
			return
		}
		if refusal != nil {
			checkWords(t, refusal.Text)
		}
		checkWords(t, verdict.Text)
		if verdict.Kind != work.Stale && !verdict.RejectedFor(reasons...) || verdict.Text == "" || !verdict.Sent {
			t.Errorf("%s: %+v", line, verdict)
		}
	})
}

// checkAccepted: a share counts as accepted only if the reply has no error
// worth the name and its result is not a no.
func checkAccepted(t *testing.T, m Message) {
	t.Helper()
	decode := func(raw json.RawMessage) (v any) { json.Unmarshal(raw, &v); return v }
	result, failure := decode(m.Result), decode(m.Error)
	if object, _ := result.(map[string]any); object["status"] != nil {
		if text, isText := object["status"].(string); isText {
			result = text
		}
	}
	text, isText := result.(string)
	good := result == true || result == 1.0 || slices.Contains([]string{"true", "ok", "1", "yes", "accepted", "success"}, strings.ToLower(strings.TrimSpace(text)))
	if result == false || result == 0.0 || isText && !good {
		t.Errorf("result %s counts as accepted", m.Result)
	}
	if !good && !m.Unclear() {
		t.Errorf("result %s is not unclear", m.Result)
	}
	empty := failure == nil || failure == false || reflect.DeepEqual(failure, []any{}) || reflect.DeepEqual(failure, map[string]any{}) ||
		failure == "" || failure == 0.0 || failure == "0" || reflect.DeepEqual(failure, []any{nil}) || reflect.DeepEqual(failure, []any{""}) || reflect.DeepEqual(failure, []any{0.0})
	if !empty || !good && failure != nil && failure != false {
		t.Errorf("error %s with result %s counts as accepted", m.Error, m.Result)
	}
}

// FuzzWords: a pool's echo of a password, in any of JSON's forms and whatever
// stands around it, is not shown.
func FuzzWords(f *testing.F) {
	for _, password := range []string{secret, "S3crét<Pass>", "日本😀x", "a.*b[c", "tab\there", `back\slash\\`, "a b"} {
		for form := range uint8(5) {
			f.Add(password, "before ", " after", form)
		}
		f.Add(password, strings.Repeat("y", printable.MaxText-2), "", uint8(0))
		f.Add(password, "\x00\u200b", "\u200b", uint8(4))
	}
	f.Fuzz(func(t *testing.T, password, before, after string, form uint8) {
		// What replaces it is asterisks; one that has some may seem to show.
		if !utf8.ValidString(password) || len(password) < printable.MinSecret || strings.Contains(password, "*") || len(password) > 200 {
			return
		}
		m := Message{redact: printable.NewRedactor(password).Replace}
		got := m.words(before + echoed(password, form) + after)
		if strings.Contains(got, password) {
			t.Errorf("%q shows in %q", password, got)
		}
		if again := printable.Sanitize(got); again != got || utf8.RuneCountInString(got) > printable.MaxText {
			t.Errorf("%q is not safe to print", got)
		}
	})
}

// echoed is a text in one of the forms that an echo has.
func echoed(text string, form uint8) string {
	plain, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	switch form % 5 {
	case 1:
		return string(plain)
	case 2:
		return string(escapeASCII(plain))
	case 3:
		twice, _ := json.Marshal(string(plain))
		return string(twice)
	case 4: // with something invisible between its letters
		return strings.Join(strings.Split(text, ""), "\u200b")
	}
	return text
}

func notifySeeds(f *testing.F) {
	branch := strings.Repeat("ab", 32)
	f.Add([]byte(stratumtest.Sample("a1").Params()))
	for length, items := range map[int]map[int]string{
		7: nil, 8: nil,
		9:  {0: `"a\"\n\u00e9"`, 4: `["` + branch + `"]`, 5: `"1"`, 6: `"0"`, 7: `"ffffffff"`, 8: `1`},
		10: {0: `340282366920938463463374607431768211456`, 4: `["` + strings.Repeat(branch+`","`, 31) + branch + `"]`, 6: `"ff123456"`},
		11: {0: `"é"`, 1: `"abcd"`}, 12: {4: `["` + strings.Repeat(branch+`","`, 32) + branch + `"]`}, 13: {2: `"0"`}, 14: {0: `null`}, 15: {0: `-0.5e3`},
	} {
		f.Add([]byte(notifyWith(length, items)))
	}
	for _, v := range vectors(f) {
		f.Add([]byte(v.Notify))
	}
	addCaptured(f, "mining.notify")
}

// FuzzTextOf: the short way to a text's value comes to what the long one does.
func FuzzTextOf(f *testing.F) {
	for _, seed := range []string{`"00ff"`, `"a\"b"`, `"a\u0041"`, `""`, `"`, `12`, "\"\x7f\"", `"ä"`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) || len(raw) == 0 || raw[0] != '"' {
			return // not from a message
		}
		var want string
		err := json.Unmarshal(raw, &want)
		raw = bytes.TrimSpace(raw) // as a RawMessage has it
		if got, ok := textOf(raw); ok != (err == nil) || got != want {
			t.Errorf("textOf(%q) is %q, %v; want %q, %v", raw, got, ok, want, err)
		}
	})
}

func FuzzListOf(f *testing.F) {
	for _, seed := range []string{`[]`, ` [ ] `, `[1, "a,b" ,[2,3],{"x":[4,","]}]`, `["\\",",\"]", null]`, `{}`, `"[]"`, `[`, `[["a"]]`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok := listOf(raw)
		if !json.Valid(raw) {
			return // not from a message: no panic is all that counts
		}
		var want []json.RawMessage
		isList := json.Unmarshal(raw, &want) == nil && want != nil
		if ok != isList || len(got) != len(want) {
			t.Fatalf("listOf(%q) is %q, %v; want %q, %v", raw, got, ok, want, isList)
		}
		for i := range want {
			if string(got[i]) != string(want[i]) {
				t.Errorf("listOf(%q): item %d is %q, want %q", raw, i, got[i], want[i])
			}
		}
	})
}
