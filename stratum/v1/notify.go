package v1

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"quarry/hashing"
)

// Notify is a checked mining.notify.
type Notify struct {
	ID, Wire       string // the job id to read, and as JSON text to echo
	PrevHash       hashing.Hash
	Coinb1, Coinb2 []byte
	Branches       []hashing.Hash
	Version        uint32
	NBits, NTime   uint32
	Clean          bool
}

// minCoinbase is fewer bytes than any coinbase transaction has.
const minCoinbase = 40

// ParseNotify reads the parameters of mining.notify: job id, previous hash,
// both parts of the coinbase, branches, version, nbits, ntime, and (often)
// whether earlier jobs are void. Items after these are ignored.
func ParseNotify(params json.RawMessage, limits Limits) (*Notify, error) {
	limits = limits.WithDefaults()
	items, err := paramList(params, 8)
	if err != nil {
		return nil, err
	}
	n := &Notify{Clean: true}
	for _, err := range []error{
		n.setID(items[0], limits.JobID),
		n.setPrevHash(items[1]),
		n.setCoinbase(items[2], items[3], limits.Coinbase),
		n.setBranches(items[4], limits.Branches),
		setHex32(&n.Version, "version", items[5]),
		setHex32(&n.NBits, "nbits", items[6]),
		setHex32(&n.NTime, "ntime", items[7]),
	} {
		if err != nil {
			return nil, err
		}
	}
	if len(items) > 8 {
		n.Clean = isTrue(items[8])
	}
	return n, nil
}

// setID takes a text or a number, which is echoed as the same JSON type.
func (n *Notify) setID(raw json.RawMessage, limit int) error {
	if len(raw) > limit {
		return fmt.Errorf("job id of %d bytes, the limit is %d", len(raw), limit)
	}
	wire := string(escapeASCII(raw))
	if len(wire) > limit {
		return fmt.Errorf("job id of %d bytes once it is in ASCII, the limit is %d", len(wire), limit)
	}
	text, ok := textOf(raw)
	if !ok {
		if !json.Valid(raw) || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
			return fmt.Errorf("job id %s is neither a text nor a number", shown(raw))
		}
		text = string(raw)
	}
	n.ID, n.Wire = text, wire
	return nil
}

// setPrevHash takes the header's byte order with each 4-byte word reversed.
func (n *Notify) setPrevHash(raw json.RawMessage) error {
	hash, err := hashOf(raw)
	if err != nil {
		return fmt.Errorf("previous hash: %w", err)
	}
	for i := 0; i < len(hash); i += 4 {
		hash[i], hash[i+1], hash[i+2], hash[i+3] = hash[i+3], hash[i+2], hash[i+1], hash[i]
	}
	n.PrevHash = hash
	return nil
}

func (n *Notify) setCoinbase(raw1, raw2 json.RawMessage, limit int) (err error) {
	if n.Coinb1, err = bytesOf(raw1); err != nil {
		return fmt.Errorf("first part of the coinbase: %w", err)
	}
	if n.Coinb2, err = bytesOf(raw2); err != nil {
		return fmt.Errorf("second part of the coinbase: %w", err)
	}
	if size := len(n.Coinb1) + len(n.Coinb2); size < minCoinbase || size > limit {
		return fmt.Errorf("coinbase of %d bytes, want %d to %d", size, minCoinbase, limit)
	}
	return nil
}

func (n *Notify) setBranches(raw json.RawMessage, limit int) error {
	items, ok := listOf(raw)
	if !ok {
		return errors.New("merkle branches are not a list")
	}
	if len(items) > limit {
		return fmt.Errorf("%d merkle branches, the limit is %d", len(items), limit)
	}
	n.Branches = make([]hashing.Hash, len(items))
	for i, item := range items {
		hash, err := hashOf(item)
		if err != nil {
			return fmt.Errorf("merkle branch %d: %w", i, err)
		}
		n.Branches[i] = hash
	}
	return nil
}

// shown is a pool's value for an error: whole or not at all, because the redactor
// does not recognize half an echoed secret.
func shown[T ~string | ~[]byte](value T) string {
	if len(value) > 40 {
		return fmt.Sprintf("of %d bytes", len(value))
	}
	return fmt.Sprintf("%q", value)
}

// paramList is a parameter array of at least so many items.
func paramList(params json.RawMessage, least int) ([]json.RawMessage, error) {
	items, ok := listOf(params)
	if !ok || !json.Valid(params) { // which costs 6 us for a job of 3 KB
		return nil, errors.New("params are not a list")
	}
	if len(items) < least {
		return nil, fmt.Errorf("%d params, want at least %d", len(items), least)
	}
	return items, nil
}

// bytesOf is a text of hex digits as bytes.
func bytesOf(raw json.RawMessage) ([]byte, error) {
	digits, err := digitsOf(raw)
	if err != nil {
		return nil, err
	}
	b := make([]byte, hex.DecodedLen(len(digits)))
	return b, decodeHex(b, digits)
}

func hashOf(raw json.RawMessage) (h hashing.Hash, err error) {
	digits, err := digitsOf(raw)
	if err != nil {
		return h, err
	}
	if len(digits) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("%d hex digits, want %d", len(digits), hex.EncodedLen(len(h)))
	}
	return h, decodeHex(h[:], digits)
}

// digitsOf is the content of a text, without the 0x that some pools begin it with.
func digitsOf(raw json.RawMessage) ([]byte, error) {
	if plain, ok := plainText(raw); ok {
		return withoutPrefix(plain), nil
	}
	text, ok := textOf(raw)
	if !ok {
		return nil, fmt.Errorf("%s is not a text", shown(raw))
	}
	return withoutPrefix([]byte(text)), nil
}

func withoutPrefix[T ~string | ~[]byte](digits T) T {
	if len(digits) > 2 && digits[0] == '0' && digits[1]|' ' == 'x' {
		return digits[2:]
	}
	return digits
}

func decodeHex(to, digits []byte) error {
	switch _, err := hex.Decode(to, digits); {
	case errors.Is(err, hex.ErrLength):
		return fmt.Errorf("%s has an odd number of hex digits", shown(digits))
	case err != nil:
		return fmt.Errorf("%s has characters that are not hex digits", shown(digits))
	}
	return nil
}

// setHex32 takes 1 to 8 hex digits: not every pool pads them with zeros.
func setHex32(field *uint32, name string, raw json.RawMessage) error {
	text, _ := textOf(raw)
	n, err := hex32(withoutPrefix(text))
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, shown(raw), err)
	}
	*field = n
	return nil
}

func hex32(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || len(text) > 8 {
		return 0, errors.New("want 1 to 8 hex digits")
	}
	return uint32(n), nil
}

// isTrue reads a flag: true, and the 1 and "true" of some pools and proxies.
func isTrue(raw json.RawMessage) bool {
	switch string(raw) {
	case "true", "1", `"true"`:
		return true
	}
	return false
}
