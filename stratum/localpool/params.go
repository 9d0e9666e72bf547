package localpool

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

const (
	maxExtensions = 16  // asked for in one mining.configure
	maxName       = 256 // bytes of a worker name, job id or user agent
)

var errParams = errors.New("params are not a list")

// items splits a params array; absent or null params are an empty array.
func items(params json.RawMessage) ([]json.RawMessage, error) {
	if len(params) == 0 || string(params) == "null" {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(params, &list); err != nil {
		return nil, errParams
	}
	return list, nil
}

// text reads item i as a string of bounded length.
func text(list []json.RawMessage, i int) (string, bool) {
	var s *string
	if i >= len(list) || json.Unmarshal(list[i], &s) != nil || s == nil || len(*s) > maxName {
		return "", false
	}
	return *s, true
}

// rollingRequest is the part of a mining.configure about version rolling (BIP 310).
type rollingRequest struct {
	Asked   bool
	Mask    uint32   // requested bits, all when not given
	MinBits int      // fewest bits the miner can use
	Others  []string // other extensions asked for
}

// decodeConfigure reads [[extension, ...], {"extension.parameter": value, ...}].
func decodeConfigure(params json.RawMessage) (rollingRequest, error) {
	r := rollingRequest{Mask: 0xffffffff}
	list, err := items(params)
	if err != nil || len(list) == 0 {
		return r, errors.New("configure needs [extensions, parameters]")
	}
	var names []string
	if json.Unmarshal(list[0], &names) != nil || len(names) > maxExtensions {
		return r, fmt.Errorf("configure needs a list of at most %d extension names", maxExtensions)
	}
	for _, name := range names {
		switch {
		case name == "version-rolling":
			r.Asked = true
		case len(name) <= maxName:
			r.Others = append(r.Others, name)
		}
	}
	if len(list) < 2 || string(list[1]) == "null" {
		return r, nil
	}
	var options map[string]json.RawMessage
	if json.Unmarshal(list[1], &options) != nil {
		return r, errors.New("configure needs an object of parameters")
	}
	return r, r.options(options)
}

func (r *rollingRequest) options(options map[string]json.RawMessage) error {
	if raw, ok := options["version-rolling.mask"]; ok {
		mask, err := hexNumber(raw)
		if err != nil {
			return fmt.Errorf("version-rolling.mask: %w", err)
		}
		r.Mask = mask
	}
	if raw, ok := options["version-rolling.min-bit-count"]; ok {
		var count uint8
		if json.Unmarshal(raw, &count) != nil {
			wide, err := hexNumber(raw)
			if err != nil || wide > 32 {
				return errors.New("version-rolling.min-bit-count must be a number up to 32")
			}
			count = uint8(wide)
		}
		r.MinBits = int(count)
	}
	return nil
}

// grant returns the mask of a pool that allows `allowed`; zero means no rolling.
func (r rollingRequest) grant(allowed uint32) uint32 {
	mask := allowed & r.Mask
	if !r.Asked || bits.OnesCount32(mask) < r.MinBits {
		return 0
	}
	return mask
}

// hexNumber reads a JSON string of one to eight hex digits.
func hexNumber(raw json.RawMessage) (uint32, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, errors.New("not a string of hex digits")
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) > 8 {
		return 0, errors.New("not a string of one to eight hex digits")
	}
	return uint32(n), nil
}

// subscribeRequest: both may be empty, whatever else the params hold.
type subscribeRequest struct {
	UserAgent string
	SessionID string // session to resume
}

// decodeSubscribe never fails: miners send none, one, two or four params here.
func decodeSubscribe(params json.RawMessage) (r subscribeRequest) {
	list, err := items(params)
	if err != nil {
		return r
	}
	r.UserAgent, _ = text(list, 0)
	r.SessionID, _ = text(list, 1)
	return r
}

// decodeSubmit reads [worker, job id, extranonce2, ntime, nonce, version bits],
// the last being optional. All must be strings; Judge checks their content.
func decodeSubmit(params json.RawMessage) (s Submission, err error) {
	list, err := items(params)
	if err != nil {
		return s, err
	}
	fields := []*string{&s.Worker, &s.JobID, &s.Extranonce2, &s.NTime, &s.Nonce, &s.VersionBits}
	if len(list) != len(fields) && len(list) != len(fields)-1 {
		return s, fmt.Errorf("submit has %d params, want 5 or 6", len(list))
	}
	for i := range list {
		value, ok := text(list, i)
		if !ok {
			return s, fmt.Errorf("submit param %d is not a short string", i)
		}
		*fields[i] = value
	}
	s.HasBits = len(list) == len(fields)
	return s, nil
}

// decodeSuggestedDifficulty reads [number] or ["number"].
func decodeSuggestedDifficulty(params json.RawMessage) (Difficulty, error) {
	list, err := items(params)
	if err != nil || len(list) == 0 {
		return Difficulty{}, errors.New("suggest_difficulty needs a number")
	}
	if s, ok := text(list, 0); ok {
		return ParseDifficulty(strings.TrimSpace(s))
	}
	return ParseDifficulty(string(list[0]))
}

// decodeSuggestedTarget reads ["64 hex digits"], a big-endian 256-bit number,
// and returns the corresponding difficulty.
func decodeSuggestedTarget(params json.RawMessage) (float64, error) {
	list, err := items(params)
	if err != nil {
		return 0, err
	}
	s, ok := text(list, 0)
	raw, err := hex.DecodeString(s)
	if !ok || err != nil || len(raw) != 32 {
		return 0, errors.New("suggest_target needs 64 hex digits")
	}
	target := new(big.Int).SetBytes(raw)
	if target.Sign() == 0 {
		return 0, errors.New("suggest_target needs a target above zero")
	}
	return difficultyOf(target), nil
}
