package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"quarry/stratum/printable"
	"quarry/stratum/transport"
)

// Message is one JSON object of the pool. Keys that were missing are nil; a
// key that was null holds the text null.
type Message struct {
	Method string // empty in a plain reply
	ID     json.RawMessage
	Params json.RawMessage
	Result json.RawMessage
	Error  json.RawMessage
	Reason string // "reject-reason", ckpool's place for an error text

	redact func(string) string // removes secrets from its texts; may be nil
}

// ParseMessage reads one message. Duplicate keys: the last one counts.
func ParseMessage(line []byte) (Message, error) {
	var raw struct {
		ID     json.RawMessage `json:"id"`
		Method json.RawMessage `json:"method"`
		Params json.RawMessage `json:"params"`
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
		Reason json.RawMessage `json:"reject-reason"`
	}
	if !utf8.Valid(line) {
		return Message{}, errors.New("message is not valid UTF-8")
	}
	line = bytes.Trim(line, transport.Blank)
	if len(line) == 0 || line[0] != '{' {
		return Message{}, errors.New("message is not a JSON object")
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return Message{}, fmt.Errorf("message is not JSON: %w", err)
	}
	m := Message{ID: raw.ID, Params: raw.Params, Result: raw.Result, Error: raw.Error}
	m.Method, _ = textOf(raw.Method)
	m.Reason, _ = textOf(raw.Reason)
	if m.Method == "" && m.ID == nil {
		return Message{}, errors.New("message has neither a method nor an id")
	}
	return m, nil
}

// words makes a text of the message safe to print: redacted and sanitized.
func (m *Message) words(text string) string {
	if m.redact != nil {
		text = m.redact(text)
	}
	return printable.Sanitize(text)
}

// MayBeReply reports whether the message can be a reply. A string method makes
// it a push whatever its id is, except that some pools put the method into
// their replies: those have a result or an error, and the caller has to check
// that the id is one it waits for.
func (m *Message) MayBeReply() bool {
	return m.Method == "" || m.Result != nil || m.Error != nil
}

// CallID is the id as the number that we gave to a call. Pools echo it as an
// integer, as a float (3.0) or as text ("3").
func (m *Message) CallID() (uint64, bool) {
	text := string(m.ID)
	if s, ok := textOf(m.ID); ok {
		text = s
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return 0, false
	}
	return uint64(f), true
}

// WantsReply reports whether a push is a request: its id is a number or a text,
// and it is not a late reply that has its method in it.
func (m *Message) WantsReply() bool {
	if len(m.ID) == 0 || len(m.ID) > 64 || m.Result != nil || m.Error != nil {
		return false
	}
	c := m.ID[0]
	return c == '"' || c == '-' || c >= '0' && c <= '9'
}

// textOf is the value of a JSON string; ok is false for anything else.
func textOf(raw json.RawMessage) (text string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	if plain, ok := plainText(raw); ok {
		return string(plain), true
	}
	return text, json.Unmarshal(raw, &text) == nil
}

// plainText is what lies between the quotes of a JSON string without escapes, as
// part of raw. What was read from a message is valid JSON by now, and a job has
// dozens of texts, each of which would delay the workers.
func plainText(raw json.RawMessage) (text []byte, ok bool) {
	if end := len(raw) - 1; end > 0 && raw[0] == '"' && raw[end] == '"' && isPlain(raw[1:end]) {
		return raw[1:end], true
	}
	return nil, false
}

// listOf are the items of a JSON array, as parts of raw, which must be valid
// JSON; ok is false for anything but an array. It is for jobs: the general
// decoder takes longer for one than all the workers do.
func listOf(raw json.RawMessage) (items []json.RawMessage, ok bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != '[' || raw[len(raw)-1] != ']' {
		return nil, false
	}
	raw = raw[1 : len(raw)-1]
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, true
	}
	items = make([]json.RawMessage, 0, 16)
	begin, depth, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++ // whatever is escaped
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			items = append(items, bytes.TrimSpace(raw[begin:i]))
			begin = i + 1
		}
	}
	return append(items, bytes.TrimSpace(raw[begin:])), true
}

// isPlain reports whether a JSON text has nothing but printable ASCII without
// quotes and escapes.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// isNull reports whether the key was missing or null.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// request is what we ask, in the usual key order.
type request struct {
	ID     uint64 `json:"id"`
	Method string `json:"method"`
	Params []any  `json:"params"`
}

// response is what we answer to a request of the pool.
type response struct {
	ID     json.RawMessage `json:"id"`
	Result any             `json:"result"`
	Error  any             `json:"error"`
}

// encode writes a message of ours: compact, and in ASCII only, because some
// pools close the connection at any other byte.
func encode(v any, limit int) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	text := escapeASCII(bytes.TrimRight(b.Bytes(), "\n"))
	if len(text) > limit {
		return nil, fmt.Errorf("message of %d bytes is longer than the %d that pools take", len(text), limit)
	}
	return text, nil
}

// escapeASCII replaces everything beyond printable ASCII in a JSON text by \u
// escapes (JSON itself leaves DEL as it is).
func escapeASCII(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
