package v1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"quarry/work"
)

// PoolError is an error that a pool returned.
type PoolError struct {
	Code int    // 0 if the pool gave none
	Text string // made safe to print, may be empty
}

func (e *PoolError) Error() string {
	switch {
	case e.Text == "" && e.Code == 0:
		return "refused without a reason"
	case e.Text == "":
		return "error " + strconv.Itoa(e.Code)
	case e.Code == 0:
		return e.Text
	}
	return fmt.Sprintf("%s (%d)", e.Text, e.Code)
}

// Refusal returns the error in a reply, nil if the reply means success: there is
// no error, or an empty one next to a good result, and the result does not say no.
// (p2pool says yes with a null result.)
func (m *Message) Refusal() *PoolError {
	said := meaningOf(m.Result)
	if !isNull(m.Error) && string(m.Error) != "false" && !((said == saysYes || said == givesData) && isEmpty(m.Error)) {
		return m.withReason(m.parseError(m.Error))
	}
	if said == saysNo || m.Reason != "" && said != saysYes {
		text, _ := statusText(m.Result)
		return m.withReason(&PoolError{Text: m.words(text)})
	}
	return nil
}

// meaning is what a result says.
type meaning int

const (
	saysNothing meaning = iota // null or missing
	saysYes
	saysNo
	givesData   // a list or an object, which is good where the request asked for one
	saysUnclear // anything else
)

// meaningOf reads a result. A text that does not say yes is a reason for a no.
func meaningOf(result json.RawMessage) meaning {
	if text, ok := statusText(result); ok {
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "ok", "1", "yes", "accepted", "success":
			return saysYes
		}
		return saysNo
	}
	raw := string(bytes.TrimSpace(result))
	number, err := strconv.ParseFloat(raw, 64)
	isNumber := err == nil
	switch {
	case isNull(result):
		return saysNothing
	case raw == "true" || isNumber && number == 1:
		return saysYes
	case raw == "false" || isNumber && number == 0:
		return saysNo
	case raw[0] == '{' || raw[0] == '[':
		return givesData
	}
	return saysUnclear
}

// statusText is a result that is a text, or an object with a status.
func statusText(result json.RawMessage) (text string, ok bool) {
	if text, ok = textOf(result); ok {
		return text, true
	}
	return textOf(objectOf(result)["status"])
}

func (m *Message) withReason(e *PoolError) *PoolError {
	if e.Text == "" {
		e.Text = m.words(m.Reason)
	}
	return e
}

// isEmpty reports whether an error means nothing next to a good result.
func isEmpty(raw json.RawMessage) bool {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return false
	}
	switch compact.String() {
	case `""`, "[]", "{}", "0", `"0"`, "[null]", `[""]`, "[0]":
		return true
	}
	return false
}

// parseError reads the shapes of errors that pools send: [code, text, ...],
// {"code":, "message":}, a text, a number, true.
func (m *Message) parseError(raw json.RawMessage) *PoolError {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) == nil {
		e := &PoolError{}
		if len(items) > 0 {
			e = m.scalarError(items[0])
		}
		if len(items) > 1 {
			if text, ok := textOf(items[1]); ok {
				e.Text = m.words(text)
			}
		}
		return e
	}
	var object struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if raw[0] == '{' && json.Unmarshal(raw, &object) == nil {
		e := &PoolError{Code: m.scalarError(object.Code).Code}
		text, _ := textOf(object.Message)
		e.Text = m.words(text)
		return e
	}
	return m.scalarError(raw)
}

// scalarError reads a code (a number or a decimal text) or a text; a text may
// begin with its code, as in ckpool's "-3:method not found".
func (m *Message) scalarError(raw json.RawMessage) *PoolError {
	text, isText := textOf(raw)
	if !isText {
		number, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || number < -1e6 || number > 1e6 {
			return &PoolError{}
		}
		return &PoolError{Code: int(number)}
	}
	head, _, _ := strings.Cut(text, ":")
	if code, err := strconv.Atoi(head); err == nil && code > -1e6 && code < 1e6 {
		if head == text {
			text = ""
		}
		return &PoolError{Code: code, Text: m.words(text)}
	}
	return &PoolError{Text: m.words(text)}
}

// reasonStale stands for work.Stale among the reasons.
const reasonStale = "stale"

// reasonOfText returns the reason that the text names, empty if none. Texts
// come before codes: pools agree on them better.
func reasonOfText(text string) string {
	for _, known := range []struct{ pattern, reason string }{
		{`stale|job not found|(unknown|invalid)[- ]?(work|job([- ]?id)?)\b|prevblk`, reasonStale},
		{`duplicate`, work.ReasonDuplicate},
		{`low[- ]?diff|below minimum diff|high-hash|above target|h-not-zero`, work.ReasonLowDifficulty},
		{`unauthori[sz]ed|not authori[sz]ed`, work.ReasonUnauthorized},
		{`not subscribed`, work.ReasonNotSubscribed},
		{`ntime|time-too`, work.ReasonNTime},
		{`version`, work.ReasonVersion},
		{`\bban(ned)?\b`, work.ReasonBanned},
	} {
		if regexp.MustCompile(known.pattern).MatchString(text) {
			return known.reason
		}
	}
	return ""
}

// reasonOfCode is the meaning of a code; those above 25 are btcpool's.
func reasonOfCode(code int) string {
	switch code {
	case 21, 36, 37:
		return reasonStale
	case 22:
		return work.ReasonDuplicate
	case 23:
		return work.ReasonLowDifficulty
	case 24, 29:
		return work.ReasonUnauthorized
	case 25:
		return work.ReasonNotSubscribed
	case 28:
		return work.ReasonBanned
	case 31, 32:
		return work.ReasonNTime
	case 33:
		return work.ReasonVersion
	}
	return work.ReasonOther
}

// Verdict is the verdict of a reply to mining.submit. Anything that says neither
// yes nor no counts as accepted if there is no error, not even an empty one; see
// Unclear.
func (m *Message) Verdict() work.Verdict {
	refusal := m.Refusal()
	if refusal == nil && m.Unclear() && !isNull(m.Error) && string(m.Error) != "false" {
		refusal = m.withReason(m.parseError(m.Error))
	}
	if refusal == nil {
		return work.Verdict{Kind: work.Accepted, Sent: true}
	}
	v := work.Verdict{Kind: work.Rejected, Code: refusal.Code, Text: refusal.Text, Sent: true}
	if v.Text == "" {
		v.Text = refusal.Error()
	}
	if v.Reason = reasonOfText(strings.ToLower(refusal.Text)); v.Reason == "" {
		v.Reason = reasonOfCode(refusal.Code)
	}
	if v.Reason == reasonStale {
		v.Kind, v.Reason = work.Stale, ""
	}
	return v
}

// Unclear reports whether a reply that counts as success does not say yes.
func (m *Message) Unclear() bool { return meaningOf(m.Result) != saysYes }
