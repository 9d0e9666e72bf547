package v1

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"quarry/stratum/printable"
	"quarry/work"
)

// Extranonce is what a pool says about the two extranonces: its own bytes and
// the size of ours.
type Extranonce struct {
	One     []byte
	TwoSize int // bytes, 1 to work.MaxExtranonce2
}

func (e Extranonce) equal(other Extranonce) bool {
	return e.TwoSize == other.TwoSize && bytes.Equal(e.One, other.One)
}

// Subscription is a checked result of mining.subscribe.
type Subscription struct {
	Extranonce
	SessionID string // for a later resume, empty if the pool gave none
}

// ParseSubscription reads a result of mining.subscribe: a list of what was
// subscribed to, extranonce1, extranonce2 size. The list comes in many shapes
// and matters for a resume only.
func ParseSubscription(result json.RawMessage, limits Limits) (*Subscription, error) {
	limits = limits.WithDefaults()
	items, ok := listOf(result)
	switch {
	case !ok || !json.Valid(result):
		return nil, errors.New("the result is not a list")
	case len(items) < 3:
		return nil, fmt.Errorf("the result has %d items, want at least 3", len(items))
	}
	subscribed, one, two := items[0], items[1], items[2]
	if _, isText := textOf(items[0]); isText && items[2][0] == '[' {
		subscribed, one, two = items[2], items[0], items[1] // seen once, long ago
	}
	s := &Subscription{}
	if err := s.setOne(one, limits.Extranonce1); err != nil {
		return nil, err
	}
	if err := s.setTwoSize(two); err != nil {
		return nil, err
	}
	var list any
	if json.Unmarshal(subscribed, &list) == nil {
		s.SessionID = findSessionID(list, 4)
	}
	return s, nil
}

// findSessionID searches nested lists for ["mining.notify", id].
func findSessionID(v any, depth int) string {
	list, ok := v.([]any)
	if !ok || depth == 0 {
		return ""
	}
	if len(list) >= 2 && list[0] == "mining.notify" {
		id, _ := list[1].(string)
		if len(id) <= 64 && len(escapeASCII([]byte(id))) <= 64 && printable.Sanitize(id) == id {
			return id
		}
	}
	for _, item := range list {
		if id := findSessionID(item, depth-1); id != "" {
			return id
		}
	}
	return ""
}

func (e *Extranonce) setOne(raw json.RawMessage, limit int) error {
	one, err := bytesOf(raw)
	if err != nil {
		return fmt.Errorf("extranonce1: %w", err)
	}
	if len(one) > limit {
		return fmt.Errorf("extranonce1 of %d bytes, the limit is %d", len(one), limit)
	}
	e.One = one
	return nil
}

// setTwoSize takes an integer, also as 4.0 or "4". A size out of range is not
// clamped: clamped work would be wrong work.
func (e *Extranonce) setTwoSize(raw json.RawMessage) error {
	size, err := strconv.ParseFloat(numberText(raw), 64)
	if err != nil || size != math.Trunc(size) {
		return fmt.Errorf("extranonce2 size %s is not a whole number", shown(raw))
	}
	if size < 1 || size > work.MaxExtranonce2 {
		return fmt.Errorf("extranonce2 size %v, want 1 to %d bytes", size, work.MaxExtranonce2)
	}
	e.TwoSize = int(size)
	return nil
}

// ParseSetExtranonce reads the parameters of mining.set_extranonce, one or
// two of them; what is null or missing stays as it is in now.
func ParseSetExtranonce(params json.RawMessage, now Extranonce, limits Limits) (Extranonce, error) {
	items, err := paramList(params, 1)
	if err != nil {
		return now, err
	}
	next := now
	if !isNull(items[0]) {
		if err := next.setOne(items[0], limits.WithDefaults().Extranonce1); err != nil {
			return now, err
		}
	}
	if len(items) > 1 && !isNull(items[1]) {
		if err := next.setTwoSize(items[1]); err != nil {
			return now, err
		}
	}
	return next, nil
}

// Reconnect ends a session because the pool asked for it with
// client.reconnect. The address that came with it is not followed: that was
// used to steal hashrate.
type Reconnect struct {
	Wait time.Duration // before connecting again, 0 to 60 s
	Told string        // the address that the pool named, safe to print
}

func (r *Reconnect) Error() string {
	if r.Told == "" {
		return "the pool asked to reconnect"
	}
	return fmt.Sprintf("the pool asked to reconnect to %q; staying with the configured address", r.Told)
}

const maxReconnectWait = time.Minute

// ParseReconnect reads the parameters of client.reconnect: host, port, wait,
// all of which may be missing or of unexpected types; safe makes texts safe to print.
func ParseReconnect(params json.RawMessage, safe func(string) string) *Reconnect {
	r := &Reconnect{}
	items, _ := paramList(params, 0)
	plain := func(i int) string {
		if i >= len(items) || isNull(items[i]) {
			return ""
		}
		if text, ok := textOf(items[i]); ok {
			return text
		}
		return string(items[i])
	}
	if host, port := plain(0), plain(1); host != "" || port != "" {
		r.Told = safe(net.JoinHostPort(strings.Trim(host, "[]"), port)) // which may be an IPv6 address with a zone
	}
	if seconds, err := strconv.ParseFloat(plain(2), 64); err == nil && seconds > 0 {
		r.Wait = time.Duration(min(seconds, maxReconnectWait.Seconds()) * float64(time.Second))
	}
	return r
}

// submitParams are the parameters of mining.submit: five, or six if version
// rolling was agreed, numbers as hex digits of their value.
func submitParams(user string, share *work.Share) []any {
	w := wireOf(share.Job)
	params := []any{
		user, json.RawMessage(w.id), hex.EncodeToString(share.Extranonce2),
		fmt.Sprintf("%08x", share.NTime), fmt.Sprintf("%08x", share.Nonce),
	}
	if w.rolling {
		params = append(params, fmt.Sprintf("%08x", w.bits(share)))
	}
	return params
}

// CheckCredentials checks that the longest messages that carry them are
// short enough to be sent.
func CheckCredentials(user, password, userAgent string, limits Limits) error {
	limits = limits.WithDefaults()
	filler := func(n int) string { return strings.Repeat("0", n) }
	for _, params := range [][]any{
		{user, password},
		{userAgent, filler(64)},
		{user, filler(limits.JobID), filler(2 * work.MaxExtranonce2), filler(8), filler(8), filler(8)},
	} {
		if _, err := encode(request{1 << 40, "mining.subscribe", params}, limits.Send); err != nil {
			return fmt.Errorf("user, password or user agent is too long: %w", err)
		}
	}
	return nil
}
