package localpool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// message is one decoded line from a miner.
type message struct {
	ID     json.RawMessage // echoed byte for byte; nil when absent or null
	Method string          // empty: a reply to a request of the pool; a value that is no string stands as it came
	Params json.RawMessage
	Result json.RawMessage // of a reply
}

var errNotObject = errors.New("not a JSON object")

// decodeMessage decodes one line: a JSON object, whatever other members it has.
// A leading byte order mark and surrounding spaces are allowed.
func decodeMessage(line []byte) (message, error) {
	line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
	if len(line) == 0 || line[0] != '{' {
		return message{}, errNotObject
	}
	var raw struct {
		ID     json.RawMessage `json:"id"`
		Method json.RawMessage `json:"method"`
		Params json.RawMessage `json:"params"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return message{}, fmt.Errorf("decode message: %w", err)
	}
	m := message{ID: raw.ID, Params: raw.Params, Result: raw.Result}
	if string(m.ID) == "null" {
		m.ID = nil
	}
	if len(raw.Method) > 0 && string(raw.Method) != "null" {
		if json.Unmarshal(raw.Method, &m.Method) != nil || m.Method == "" {
			m.Method = string(raw.Method) // unknown, and answered as such
		}
	}
	return m, nil
}

// failure is the error of a reply: [code, text, null].
type failure struct {
	Code Code
	Text string
}

func (f failure) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{int(f.Code), f.Text, nil})
}

func encodeReply(id json.RawMessage, result any, fail *failure) ([]byte, error) {
	if id == nil {
		id = json.RawMessage("null")
	}
	return encodeLine(struct {
		ID     json.RawMessage `json:"id"`
		Result any             `json:"result"`
		Error  *failure        `json:"error"`
	}{id, result, fail})
}

// encodePush writes a notification (id null); with id above zero, a request.
func encodePush(id uint64, method string, params any) ([]byte, error) {
	raw := json.RawMessage("null")
	if id > 0 {
		raw = strconv.AppendUint(nil, id, 10)
	}
	return encodeLine(struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params any             `json:"params"`
	}{raw, method, params})
}

func encodeLine(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return append(line, '\n'), nil
}
