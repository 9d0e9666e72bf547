package localpool

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
)

// MaxBranches is how many merkle branches a job may have: 2^32 transactions.
const MaxBranches = 32

const (
	maxCoinbase = 64 << 10 // bytes of either coinbase part
	maxJobID    = 256      // bytes
)

// Notify holds the nine parameters of mining.notify as texts, exactly as they
// are sent. In JSON it is the params array.
type Notify struct {
	JobID    string
	PrevHash string // 64 hex: header order with each 4-byte word reversed
	Coinb1   string
	Coinb2   string
	Branches []string // leaf to root, SHA-256 output order
	Version  string   // 8 hex, big-endian text, as NBits and NTime
	NBits    string
	NTime    string
	Clean    bool
}

// MarshalJSON writes the params array.
func (n Notify) MarshalJSON() ([]byte, error) {
	branches := n.Branches
	if branches == nil {
		branches = []string{}
	}
	return json.Marshal([]any{n.JobID, n.PrevHash, n.Coinb1, n.Coinb2, branches, n.Version, n.NBits, n.NTime, n.Clean})
}

// UnmarshalJSON reads a recorded params array of exactly nine items.
func (n *Notify) UnmarshalJSON(data []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return fmt.Errorf("notify params: %w", err)
	}
	fields := []any{&n.JobID, &n.PrevHash, &n.Coinb1, &n.Coinb2, &n.Branches, &n.Version, &n.NBits, &n.NTime, &n.Clean}
	if len(items) != len(fields) {
		return fmt.Errorf("notify has %d params, want %d", len(items), len(fields))
	}
	for i, field := range fields {
		if err := json.Unmarshal(items[i], field); err != nil {
			return fmt.Errorf("notify param %d: %w", i, err)
		}
	}
	return nil
}

// Job is a decoded Notify, immutable.
type Job struct {
	Notify
	coinb1, coinb2 []byte
	branches       [][32]byte
	prev           [32]byte // header order
	version        uint32
	nbits          uint32
	ntime          uint32
	network        *big.Int // nil when nbits is invalid
	height         uint32   // zero for scripted jobs

	seq   uint64 // order of creation, across the pool
	block uint64 // rises with each new previous hash; older jobs are stale
}

// NewJob decodes the texts of a notify strictly.
func NewJob(n Notify) (*Job, error) {
	j := &Job{Notify: n}
	if len(n.JobID) > maxJobID {
		return nil, fmt.Errorf("job id of %d bytes, at most %d", len(n.JobID), maxJobID)
	}
	if len(n.Branches) > MaxBranches {
		return nil, fmt.Errorf("job %q has %d merkle branches, at most %d", n.JobID, len(n.Branches), MaxBranches)
	}
	if len(n.Coinb1) > 2*maxCoinbase || len(n.Coinb2) > 2*maxCoinbase {
		return nil, fmt.Errorf("job %q has a coinbase part above %d bytes", n.JobID, maxCoinbase)
	}
	if err := j.decode(n); err != nil {
		return nil, fmt.Errorf("job %q: %w", n.JobID, err)
	}
	return j, nil
}

func (j *Job) decode(n Notify) (err error) {
	if j.coinb1, err = hex.DecodeString(n.Coinb1); err != nil {
		return fmt.Errorf("coinb1: %w", err)
	}
	if j.coinb2, err = hex.DecodeString(n.Coinb2); err != nil {
		return fmt.Errorf("coinb2: %w", err)
	}
	if j.prev, err = decode32(n.PrevHash); err != nil {
		return fmt.Errorf("previous hash: %w", err)
	}
	j.prev = swapWords(j.prev)
	for i, text := range n.Branches {
		branch, err := decode32(text)
		if err != nil {
			return fmt.Errorf("merkle branch %d: %w", i, err)
		}
		j.branches = append(j.branches, branch)
	}
	for _, field := range []struct {
		name string
		text string
		to   *uint32
	}{{"version", n.Version, &j.version}, {"nbits", n.NBits, &j.nbits}, {"ntime", n.NTime, &j.ntime}} {
		if *field.to, err = decodeUint32(field.text); err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
	}
	if target, ok := CompactTarget(j.nbits); ok {
		j.network = target
	}
	return nil
}

// networkDifficulty returns 0 when it is unknown.
func (j *Job) networkDifficulty() float64 {
	if j.network == nil {
		return 0
	}
	return difficultyOf(j.network)
}

// swapWords reverses each 4-byte word, which converts the previous hash of
// a notify to header order and back.
func swapWords(in [32]byte) (out [32]byte) {
	for i := 0; i < 32; i += 4 {
		binary.LittleEndian.PutUint32(out[i:], binary.BigEndian.Uint32(in[i:]))
	}
	return out
}

func decode32(text string) (out [32]byte, err error) {
	if len(text) != 64 {
		return out, fmt.Errorf("%d characters instead of 64", len(text))
	}
	_, err = hex.Decode(out[:], []byte(text))
	return out, err
}

// decodeUint32 reads exactly 8 hex digits, the big-endian text of a uint32.
func decodeUint32(text string) (uint32, error) {
	var b [4]byte
	if len(text) != 8 {
		return 0, fmt.Errorf("%d characters instead of 8", len(text))
	}
	if _, err := hex.Decode(b[:], []byte(text)); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b[:]), nil
}
