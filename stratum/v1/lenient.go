package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"quarry/hashing"
)

// only returns the one parameter of a push: the first of a list, as is usual, or
// what some pools send in its place: the bare value, or an object with the value
// under one of the names.
func only(params json.RawMessage, names ...string) (json.RawMessage, error) {
	value := bytes.TrimSpace(params)
	if isNull(value) || !json.Valid(params) {
		return nil, errors.New("params are not a list")
	}
	if items, ok := listOf(value); ok {
		if len(items) == 0 {
			return nil, errors.New("0 params, want at least 1")
		}
		value = items[0]
	}
	if value[0] != '{' {
		return value, nil
	}
	object := objectOf(value)
	for _, name := range names {
		if named, ok := object[name]; ok {
			return named, nil
		}
	}
	return nil, fmt.Errorf("params are an object without %s", strings.Join(names, " or "))
}

// objectOf is a JSON object; nil if it is anything else.
func objectOf(raw json.RawMessage) (object map[string]json.RawMessage) {
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object
}

// numberText is a number, or the content of a text that may hold one.
func numberText(raw json.RawMessage) string {
	if text, ok := textOf(raw); ok {
		return strings.TrimSpace(text)
	}
	return string(raw)
}

// ParseSetDifficulty reads the parameters of mining.set_difficulty: a positive
// number, or a text that holds one. It is parsed by its decimal digits.
func ParseSetDifficulty(params json.RawMessage) (hashing.Difficulty, error) {
	value, err := only(params, "difficulty", "diff")
	if err != nil {
		return hashing.Difficulty{}, err
	}
	text := numberText(value)
	d, err := hashing.ParseDifficulty(text)
	switch {
	case err != nil && len(text) > 40:
		return hashing.Difficulty{}, fmt.Errorf("difficulty %s is not a number above zero", shown(text))
	case err != nil:
		return hashing.Difficulty{}, err
	}
	if value, err := strconv.ParseFloat(text, 64); err != nil || value == 0 {
		return hashing.Difficulty{}, fmt.Errorf("difficulty %s is out of range", shown(text))
	}
	return d, nil
}

// ParseSetTarget reads the parameters of mining.set_target, 64 hex digits of a
// big-endian number, and returns the lowest difficulty whose target is not
// above it. One written with 0x is plainly a number, and needs no leading zeros.
func ParseSetTarget(params json.RawMessage) (hashing.Difficulty, error) {
	value, err := only(params, "target")
	if err != nil {
		return hashing.Difficulty{}, err
	}
	if text, _ := textOf(value); withoutPrefix(text) != text && len(text) < 66 {
		value, _ = json.Marshal(strings.Repeat("0", 66-len(text)) + text[2:])
	}
	b, err := hashOf(value)
	if err != nil {
		return hashing.Difficulty{}, fmt.Errorf("target: %w", err)
	}
	return hashing.DifficultyFromTarget(hashing.TargetFromBytes(b))
}

// ParseMask reads the parameters of mining.set_version_mask, hex digits.
func ParseMask(params json.RawMessage) (mask uint32, err error) {
	value, err := only(params, "version-rolling.mask", "version_mask", "mask")
	if err != nil {
		return 0, err
	}
	return mask, setHex32(&mask, "version mask", value)
}

// Rolling is what a pool answers about version rolling.
type Rolling struct {
	Agreed bool
	Mask   uint32
	Known  bool // the mask was there and could be read
}

// ParseConfigured reads a result of mining.configure. Anything but a clear yes
// is a no.
func ParseConfigured(result json.RawMessage) (r Rolling) {
	answer := objectOf(result)
	said := answer["version-rolling"]
	details := objectOf(said)
	r.Agreed = isTrue(said) || string(said) == `"1"` || details != nil
	for _, detail := range details {
		r.Agreed = r.Agreed && string(detail) != "false"
	}
	for _, mask := range []json.RawMessage{answer["version-rolling.mask"], details["version-rolling.mask"], details["mask"], answer["mask"]} {
		if r.Agreed && mask != nil {
			r.Known = setHex32(&r.Mask, "version mask", mask) == nil
			break
		}
	}
	return r
}

// ParseText reads the text of client.show_message; safe makes it safe to print.
func ParseText(params json.RawMessage, safe func(string) string) string {
	items, ok := listOf(params)
	if !ok {
		items = []json.RawMessage{bytes.TrimSpace(params)}
	}
	for _, item := range items {
		if text, ok := textOf(item); ok {
			return safe(text)
		}
	}
	return ""
}
