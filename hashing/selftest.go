package hashing

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
)

// knownHeaders are block headers of Bitcoin's chain whose hash has a top word
// of zero: the blocks 0, 1 and 125552. Their nonces are the known answers.
var knownHeaders = [...]string{
	"0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
	"010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299",
	"0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
}

// SelfTest checks a kernel that this CPU can run: known answers, then random
// headers against the readable reference, with limits from none to all hits,
// odd ranges, many versions, a full hit buffer and the turn of the nonce at
// 2^32. It is the same test every time and takes a few milliseconds. The
// error says what went wrong first; a kernel that panics has failed.
func SelfTest(k Kernel) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
		if err != nil {
			err = fmt.Errorf("kernel %q failed its self-test: %w", k.Name, err)
		}
	}()
	for _, text := range knownHeaders {
		if err := checkKnown(k, text); err != nil {
			return err
		}
	}
	r := rand.New(rand.NewPCG(2009, 1))
	for _, c := range testRanges(r) {
		if err := c.check(k); err != nil {
			return err
		}
	}
	return nil
}

// checkKnown searches around the nonce of a block and wants it and no other.
func checkKnown(k Kernel, text string) error {
	var header Header
	if _, err := hex.Decode(header[:], []byte(text)); err != nil {
		return err
	}
	nonce := bits.ReverseBytes32(header.word(19))
	var p Prehash
	p.Set(&header, []uint32{bits.ReverseBytes32(header.word(0))}, 0)
	var found []Hit
	err := scanAll(k, &p, nonce-301, 511, make([]Hit, MinHits), func(h Hit) error {
		found = append(found, h)
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0] != (Hit{Nonce: nonce}) {
		return fmt.Errorf("found %v around the known nonce %d", found, nonce)
	}
	return nil
}

// testRange is a search whose every hash is compared with the reference.
type testRange struct {
	header   Header
	versions []uint32
	start    uint32 // first nonce
	count    uint32 // nonces
	limit    uint32
}

// testRanges are the random searches of the self-test.
func testRanges(r *rand.Rand) []testRange {
	const all = math.MaxUint32
	ranges := []testRange{
		{count: 97, limit: 0},
		{count: 65, limit: 1},
		{count: 64, limit: all / 2},
		{count: 33, limit: all / 2, versions: make([]uint32, 3)},
		{count: 1, limit: all},
		{count: 131, limit: all - 1},
		{count: 67, limit: all, start: all - 33},                       // past nonce 2^32-1
		{count: 67, limit: all, versions: make([]uint32, MaxVersions)}, // more hits than MinHits
	}
	for i := range ranges {
		c := &ranges[i]
		for j := range c.header {
			c.header[j] = byte(r.Uint32())
		}
		if c.versions == nil {
			c.versions = make([]uint32, 1)
		}
		for j := range c.versions {
			c.versions[j] = r.Uint32()
		}
		if c.start == 0 {
			c.start = r.Uint32()
		}
	}
	return append(ranges, exactLimits(ranges[0])...)
}

// exactLimits are searches of one nonce whose limit is its hash's own top
// word, and one less: a hit and none.
func exactLimits(c testRange) (ranges []testRange) {
	for range 8 {
		c.start += 1 << 28
		c.count = 1
		c.header.SetVersion(c.versions[0])
		c.header.SetNonce(c.start)
		c.limit = c.header.Hash().TopWord()
		ranges = append(ranges, c)
		c.limit--
		ranges = append(ranges, c)
	}
	return ranges
}

// check runs the search and compares hit by hit: each (nonce, version) at or
// below the limit exactly once, and no other.
func (c *testRange) check(k Kernel) error {
	var p Prehash
	p.Set(&c.header, c.versions, c.limit)
	seen := make([]bool, int(c.count)*len(c.versions))
	err := scanAll(k, &p, c.start, c.count, make([]Hit, MinHits), func(h Hit) error {
		offset := h.Nonce - c.start
		if offset >= c.count || h.Version >= uint32(len(c.versions)) {
			return fmt.Errorf("hit %v is outside of nonces %d+%d, %d versions", h, c.start, c.count, len(c.versions))
		}
		place := &seen[int(offset)*len(c.versions)+int(h.Version)]
		if *place {
			return fmt.Errorf("hit %v came twice", h)
		}
		*place = true
		return nil
	})
	if err != nil {
		return err
	}
	for i, got := range seen {
		h := Hit{c.start + uint32(i/len(c.versions)), uint32(i % len(c.versions))}
		if want := referenceTopWord(&p, h) <= c.limit; got != want {
			return fmt.Errorf("nonce %d of version %d, limit %08x: hit is %v, want %v", h.Nonce, h.Version, c.limit, got, want)
		}
	}
	return nil
}

// referenceTopWord hashes from the midstate, by the reference.
func referenceTopWord(p *Prehash, h Hit) uint32 {
	first := p.Midstates[h.Version]
	compress(&first, &[16]uint32{p.Tail[0], p.Tail[1], p.Tail[2], bits.ReverseBytes32(h.Nonce), 0x80000000, 15: 8 * HeaderSize})
	block := [16]uint32{8: 0x80000000, 15: 8 * 32}
	copy(block[:], first[:])
	second := initialState
	compress(&second, &block)
	return bits.ReverseBytes32(second[7])
}

var errStuck = errors.New("makes no headway with an empty hit buffer")

// scanAll scans a range to its end, going on wherever the kernel stops early,
// and checks that Scan keeps its promises on the way.
func scanAll(k Kernel, p *Prehash, start, count uint32, hits []Hit, visit func(Hit) error) error {
	for count > 0 {
		found, done := k.Scan(p, start, count, hits)
		switch {
		case found < 0 || found > len(hits) || done > count:
			return fmt.Errorf("returns %d hits, %d nonces for a buffer of %d, %d nonces", found, done, len(hits), count)
		case done < count && len(hits)-found >= MinHits/MaxVersions*p.Versions:
			return fmt.Errorf("stops after %d of %d nonces with room for %d hits", done, count, len(hits)-found)
		case done == 0:
			return errStuck
		}
		for _, h := range hits[:found] {
			if err := visit(h); err != nil {
				return err
			}
		}
		start += done
		count -= done
	}
	return nil
}
