package work

import (
	"crypto/sha256"
	"errors"
	"time"

	"quarry/hashing"
)

// Job is one assignment of a pool, with all that is needed to search it and
// to submit from it. It never changes after it was published: a share is
// built and judged by the job it was found for, whatever the pool says later.
type Job struct {
	// ID is the pool's name for the job, for people to read.
	ID string
	// Pool is the unique name of the pool, for people to read: its address.
	Pool string
	// Session numbers the connection that the job came over; shares go back
	// over that one, or over a later one that the pool resumed it with.
	Session uint64
	// Ref is what the session's protocol needs besides to submit a share. Only the
	// session looks inside.
	Ref any

	// PrevHash is the previous block's hash, internal order, as in the header.
	PrevHash hashing.Hash
	// Coinb1 and Coinb2 are the coinbase transaction before and after the two
	// extranonces, in its serialization without witness.
	Coinb1, Coinb2 []byte
	// Branches are the merkle branches, leaf to root, internal order.
	Branches []hashing.Hash
	// Version is the header's version. VersionMask are the bits of it that may
	// be rolled (BIP 310); bits that Version has set are never among them, so
	// that OR, XOR and masked replacement of the submitted bits all agree.
	Version, VersionMask uint32
	NBits, NTime         uint32
	// Clean says that shares of all earlier jobs will be rejected.
	Clean bool

	// Extranonce1 is the pool's part of the extranonce; Extranonce2Size is the
	// length of ours in bytes, 1 to 16.
	Extranonce1     []byte
	Extranonce2Size int

	// Difficulty is the one in force when the job arrived.
	Difficulty hashing.Difficulty
	// NetworkTarget is the target that NBits encode; NetworkKnown is false when they
	// encode none (zero, negative, beyond 256 bits).
	NetworkTarget hashing.Target
	NetworkKnown  bool

	// Received is when the job's last byte arrived (with a monotonic reading).
	Received time.Time
}

// ErrNoWork ends a source of jobs that cannot expect any more.
var ErrNoWork = errors.New("no pool reachable")

// minNetworkDifficulty is where blocks are rare enough that each of them is
// submitted even if the share target is harder. Below it (regtest) any miner
// finds thousands a second: the share target limits their rate, and of the weaker
// ones package miner sends one for each job.
const minNetworkDifficulty = 1e-3

// IsShare reports whether the hash meets the share target.
func (j *Job) IsShare(h hashing.Hash) bool { return j.Difficulty.Target().MetBy(h) }

// IsWeakBlock reports whether the hash is a block, but too weak for a share.
func (j *Job) IsWeakBlock(h hashing.Hash) bool { return j.IsBlock(h) && !j.IsShare(h) }

// HidesBlocks reports whether devices, which search for hashes within Bound, pass
// over blocks: those of a network that is easier than the shares.
func (j *Job) HidesBlocks() bool {
	return j.NetworkKnown && j.NetworkTarget.Cmp(j.Bound()) > 0
}

// Bound is the target that a hash must meet to be worth submitting: the share
// target, or the network target where that is easier.
func (j *Job) Bound() hashing.Target {
	share := j.Difficulty.Target()
	if j.NetworkKnown && j.NetworkTarget.Cmp(share) > 0 && j.BlocksAreRare() {
		return j.NetworkTarget
	}
	return share
}

// BlocksAreRare reports whether the network is one where a block is worth
// submitting regardless of rate limits; false if it is not known.
func (j *Job) BlocksAreRare() bool {
	return j.NetworkKnown && j.NetworkTarget.Difficulty() >= minNetworkDifficulty
}

// IsBlock reports whether the hash meets the network target.
func (j *Job) IsBlock(h hashing.Hash) bool { return j.NetworkKnown && j.NetworkTarget.MetBy(h) }

// MustSend reports whether the hash is a block, on a network where blocks are
// submitted in any case.
func (j *Job) MustSend(h hashing.Hash) bool { return j.IsBlock(h) && j.BlocksAreRare() }

// Coinbase is the coinbase transaction with the given extranonce2.
func (j *Job) Coinbase(extranonce2 []byte) []byte {
	coinbase := make([]byte, 0, len(j.Coinb1)+len(j.Extranonce1)+len(extranonce2)+len(j.Coinb2))
	coinbase = append(coinbase, j.Coinb1...)
	coinbase = append(coinbase, j.Extranonce1...)
	coinbase = append(coinbase, extranonce2...)
	return append(coinbase, j.Coinb2...)
}

// MerkleRoot is the root for a coinbase with the given extranonce2.
func (j *Job) MerkleRoot(extranonce2 []byte) hashing.Hash {
	root := sum256d(j.Coinbase(extranonce2))
	var pair [2 * len(root)]byte
	for i := range j.Branches {
		copy(pair[:], root[:])
		copy(pair[len(root):], j.Branches[i][:])
		root = sum256d(pair[:])
	}
	return root
}

// sum256d is [hashing.Sum256d] by crypto/sha256: every worker waits for a root
// when a job comes, some 30 us for twelve branches by the reference.
func sum256d(data []byte) hashing.Hash {
	first := sha256.Sum256(data)
	return sha256.Sum256(first[:])
}

// Header is the job's header with all that a miner may choose.
func (j *Job) Header(extranonce2 []byte, version, ntime, nonce uint32) hashing.Header {
	return hashing.NewHeader(version, j.PrevHash, j.MerkleRoot(extranonce2), ntime, j.NBits, nonce)
}
