package localpool

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// Code is an error code of mining.submit, as pools commonly use them.
type Code int

// The verdicts. CodeAccepted is never sent.
const (
	CodeAccepted      Code = 0
	CodeOther         Code = 20
	CodeJobNotFound   Code = 21 // unknown or stale
	CodeDuplicate     Code = 22
	CodeLowDifficulty Code = 23
	CodeUnauthorized  Code = 24
	CodeNotSubscribed Code = 25
)

// maxRoll is how far, in seconds, a share's ntime may be ahead of its job's (same as ckpool).
const maxRoll = 7000

// Submission holds the texts of a mining.submit.
type Submission struct {
	Worker      string
	JobID       string
	Extranonce2 string
	NTime       string
	Nonce       string
	VersionBits string
	HasBits     bool // a sixth parameter was given
}

// Terms are the conditions a job was issued under. They stay as they were when it went
// out, except for the mask, which grows by later ones (a new mask applies at once
// to new work, while shares found under the old one remain valid).
type Terms struct {
	Job             *Job
	Extranonce1     []byte
	Extranonce2Size int    // bytes
	Mask            uint32 // bits a miner may roll (BIP 310)
	Rolling         bool   // version rolling was agreed: version bits are required
	Difficulty      Difficulty
}

// Verdict is the result of Judge and everything it was computed from. Beyond Code and
// Reason it is filled only as far as the share was well-formed.
type Verdict struct {
	Code       Code
	Reason     string // the text sent with the code
	Coinbase   []byte
	MerkleRoot [32]byte // SHA-256 output order, as in the header
	Header     [80]byte
	Hash       [32]byte // SHA-256 output order
	Asked      float64  // difficulty of the job's target
	Achieved   float64  // difficulty of the hash
	Block      bool     // not above the network target
}

// Accepted reports whether the share counts.
func (v Verdict) Accepted() bool { return v.Code == CodeAccepted }

func reject(code Code, reason string) Verdict { return Verdict{Code: code, Reason: reason} }

// Judge decides on one share of one job. It is pure: authorization, stale jobs
// and duplicates are handled by the session and the pool.
func Judge(t Terms, s Submission) Verdict {
	extranonce2, err := hex.DecodeString(s.Extranonce2)
	if err != nil || len(extranonce2) != t.Extranonce2Size {
		return reject(CodeOther, "Invalid extranonce2")
	}
	ntime, err := decodeUint32(s.NTime)
	if err != nil {
		return reject(CodeOther, "Invalid ntime")
	}
	nonce, err := decodeUint32(s.Nonce)
	if err != nil {
		return reject(CodeOther, "Invalid nonce")
	}
	if ntime < t.Job.ntime || uint64(ntime) > uint64(t.Job.ntime)+maxRoll {
		return reject(CodeOther, "Ntime out of range")
	}
	version, reason := rolledVersion(t, s)
	if reason != "" {
		return reject(CodeOther, reason)
	}
	v := Verdict{Asked: t.Difficulty.value, Coinbase: slices.Concat(t.Job.coinb1, t.Extranonce1, extranonce2, t.Job.coinb2)}
	v.MerkleRoot = merkleRoot(v.Coinbase, t.Job.branches)
	v.Header = header(t.Job, version, v.MerkleRoot, ntime, nonce)
	v.Hash = sha256d(v.Header[:])
	number := hashNumber(v.Hash)
	v.Achieved = difficultyOf(number)
	v.Block = t.Job.network != nil && number.Cmp(t.Job.network) <= 0
	if number.Cmp(t.Difficulty.target) > 0 {
		v.Code, v.Reason = CodeLowDifficulty, "Above target"
	}
	return v
}

// rolledVersion returns J | B and refuses a B outside the mask, as ckpool does. It
// equals (J &^ M) | B wherever the job's own version leaves the mask clear.
func rolledVersion(t Terms, s Submission) (version uint32, reason string) {
	if !s.HasBits {
		if t.Rolling {
			return 0, "Version bits missing"
		}
		return t.Job.version, ""
	}
	bits, err := decodeUint32(s.VersionBits)
	if err != nil {
		return 0, "Invalid version bits"
	}
	if bits&^t.Mask != 0 {
		return 0, "Invalid version mask"
	}
	return t.Job.version | bits, ""
}

func merkleRoot(coinbase []byte, branches [][32]byte) [32]byte {
	root := sha256d(coinbase)
	var pair [64]byte
	for _, branch := range branches {
		copy(pair[:32], root[:])
		copy(pair[32:], branch[:])
		root = sha256d(pair[:])
	}
	return root
}

// header returns the 80 header bytes: numbers little-endian, root unchanged.
func header(j *Job, version uint32, root [32]byte, ntime, nonce uint32) (h [80]byte) {
	binary.LittleEndian.PutUint32(h[0:], version)
	copy(h[4:36], j.prev[:])
	copy(h[36:68], root[:])
	binary.LittleEndian.PutUint32(h[68:], ntime)
	binary.LittleEndian.PutUint32(h[72:], j.nbits)
	binary.LittleEndian.PutUint32(h[76:], nonce)
	return h
}

func sha256d(data []byte) [32]byte {
	first := sha256.Sum256(data)
	return sha256.Sum256(first[:])
}
