package localpool

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"
)

const (
	firstHeight   = 900000
	poolTag       = "/quarry practice/"
	extranonce1In = 4 // bytes of a generated extranonce1

	// The practice chain retargets at each block, by at most the factor that
	// Bitcoin allows, so that its miners find one block every foundEvery.
	foundEvery     = 2 * time.Minute
	maxRetarget    = 4
	startNetwork   = 1.0
	networkPerJob  = 4 // network difficulty over share difficulty, at least
	minimalNetwork = 0.0005
)

// chain makes synthetic block templates. Its owner does the locking.
type chain struct {
	base     uint32 // first half of the job ids, differs from run to run
	seq      uint64
	block    uint64
	height   uint32
	prev     [32]byte // header order
	nbits    uint32
	branches int // as Config.Branches
	gap      int // bytes of extranonce1 and extranonce2 together
}

func newChain(s settings) *chain {
	c := &chain{height: firstHeight, branches: s.Branches, gap: extranonce1In + s.Extranonce2Size}
	var base [4]byte
	fill(base[:])
	c.base = binary.BigEndian.Uint32(base[:])
	c.nbits = s.nbits
	if c.nbits == 0 {
		c.nbits = nbitsOf(max(startNetwork, networkPerJob*s.start.value))
	}
	c.nextBlock(foreignBlock())
	return c
}

// nextBlock puts prev (header order) at the tip.
func (c *chain) nextBlock(prev [32]byte) {
	c.prev = prev
	c.block++
	c.height++
}

// retarget sets the difficulty of the next block: hashrate is that of all
// miners in hashes per second, highest the highest share difficulty in use.
func (c *chain) retarget(hashrate, highest float64) {
	now := 0.0
	if target, ok := CompactTarget(c.nbits); ok {
		now = difficultyOf(target)
	}
	next := hashrate * foundEvery.Seconds() / hashesPerDifficulty
	next = min(max(next, now/maxRetarget), now*maxRetarget)
	c.nbits = nbitsOf(max(next, minimalNetwork, networkPerJob*highest))
}

// template returns a job on the tip. Transactions change all the time, so each
// job has its own commitment and branches.
func (c *chain) template(now time.Time) (*Job, error) {
	c.seq++
	random := make([]byte, 33+32*MaxBranches)
	fill(random)
	count := c.branches
	if count == 0 {
		count = int(random[32]) % 13
	}
	prev := swapWords(c.prev)
	n := Notify{
		JobID:    fmt.Sprintf("%08x%08x", c.base, uint32(c.seq)),
		PrevHash: hex.EncodeToString(prev[:]),
		Coinb1:   hex.EncodeToString(c.coinb1()),
		Coinb2:   hex.EncodeToString(coinb2(random[:32])),
		Version:  "20000000",
		NBits:    fmt.Sprintf("%08x", c.nbits),
		NTime:    fmt.Sprintf("%08x", uint32(now.Unix())),
	}
	for i := range count { // none for -1
		n.Branches = append(n.Branches, hex.EncodeToString(random[33+32*i:][:32]))
	}
	j, err := NewJob(n)
	if err != nil {
		return nil, fmt.Errorf("create a template: %w", err)
	}
	j.seq, j.block, j.height = c.seq, c.block, c.height
	return j, nil
}

// coinb1 returns the coinbase (without witness) up to the extranonce: the script
// starts with the height (BIP 34), then one push holds both extranonces.
func (c *chain) coinb1() []byte {
	height := binary.LittleEndian.AppendUint32(nil, c.height)[:3]
	if height[2]&0x80 != 0 {
		height = append(height, 0) // script numbers are signed
	}
	out := binary.LittleEndian.AppendUint32(nil, 2) // transaction version
	out = append(out, 1)                            // one input, the null outpoint
	out = append(out, make([]byte, 32)...)
	out = append(out, 0xff, 0xff, 0xff, 0xff)
	out = append(out, byte(1+len(height)+1+c.gap+1+len(poolTag))) // script length, at most 100
	out = append(out, byte(len(height)))
	out = append(out, height...)
	return append(out, byte(c.gap))
}

// coinb2 returns the rest: tag, sequence, a reward to a script that nobody owns, an
// output shaped like a witness commitment (BIP 141), lock time.
func coinb2(commitment []byte) []byte {
	out := append([]byte{byte(len(poolTag))}, poolTag...)
	out = append(out, 0xff, 0xff, 0xff, 0xff, 2)
	out = binary.LittleEndian.AppendUint64(out, 312500000) // satoshi
	out = append(out, 22, 0x00, 20)                        // P2WPKH of twenty zero bytes
	out = append(out, make([]byte, 20)...)
	out = binary.LittleEndian.AppendUint64(out, 0)
	out = append(out, 38, 0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed)
	out = append(out, commitment...)
	return append(out, 0, 0, 0, 0)
}

// foreignBlock returns the hash, in header order, of a block found elsewhere.
func foreignBlock() (hash [32]byte) {
	fill(hash[:23]) // the high end stays zero, as in real blocks
	return hash
}

func nbitsOf(difficulty float64) uint32 {
	d, err := roundDifficulty(difficulty)
	if err != nil {
		return 0x1d00ffff
	}
	easiest, _ := CompactTarget(0x207fffff) // regtest: bit 255 would read as a sign
	target := d.target
	if target.Cmp(easiest) > 0 {
		target = easiest
	}
	return compactFrom(new(big.Int).Set(target))
}

// fill reads random bytes; crypto/rand never fails.
func fill(b []byte) { _, _ = rand.Read(b) }
