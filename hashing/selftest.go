package hashing

import (
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// knownHeaders are block headers of Bitcoin's chain whose hash has a top word
// of zero: the blocks 0, 1 and 125552. Their nonces are the known answers.
var knownHeaders = [...]string{
	"0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
	"010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299",
	"0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
}

// Examiner tests kernels against stored answers: those of known blocks, and the
// readable reference's for one made-up header under MaxVersions versions. It never changes and may test on many threads at once.
type Examiner struct {
	known []knownAnswer
	table answerTable
}

// knownAnswer is a block's header and its nonce.
type knownAnswer struct {
	prehash Prehash
	nonce   uint32
}

// answers are the top words of answerTable, lowest byte first, computed by the
// readable reference beforehand, which would take some milliseconds at every start.
// "go test -run AnswersAreTheReferences -update" rewrites the file.
//
//go:embed answers.bin
var answers string

// NewExaminer returns an Examiner; all are equal.
func NewExaminer() *Examiner {
	e := new(Examiner)
	for _, text := range knownHeaders {
		var header Header
		if _, err := hex.Decode(header[:], []byte(text)); err != nil {
			panic(err) // only if the constants above are wrong
		}
		answer := knownAnswer{nonce: bits.ReverseBytes32(header.word(19))}
		answer.prehash.Set(&header, []uint32{bits.ReverseBytes32(header.word(0))}, 0)
		e.known = append(e.known, answer)
	}
	e.table.fill(answers)
	return e
}

// SelfTest is [Examiner.Test] for a single kernel.
func SelfTest(k Kernel) error { return NewExaminer().Test(k) }

// Test checks a kernel that this CPU can run: known answers, then every hash
// of ranges around whole groups of its lanes and over the wrap of the nonce at
// 2^32, under one to many versions, with limits from none to all hits, limits
// that a hash meets exactly or misses by one, and a full hit buffer. It takes
// about a millisecond. The error describes the first fault; a kernel that panics
// has failed.
func (e *Examiner) Test(k Kernel) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
		if err != nil {
			err = fmt.Errorf("kernel %q failed its self-test: %w", k.Name, err)
		}
	}()
	hits := make([]Hit, MinHits)
	for _, answer := range e.known {
		if err := answer.check(k, hits); err != nil {
			return err
		}
	}
	for _, search := range e.table.searches(k) {
		if err := e.table.check(k, search, hits); err != nil {
			return err
		}
	}
	return nil
}

// check searches around the nonce of a block, which must be the only hit.
func (answer *knownAnswer) check(k Kernel, hits []Hit) error {
	var found []Hit
	err := scanAll(k, &answer.prehash, answer.nonce-101, 171, hits, func(h Hit) error {
		found = append(found, h)
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0] != (Hit{Nonce: answer.nonce}) {
		return fmt.Errorf("found %v around the known nonce %d", found, answer.nonce)
	}
	return nil
}

// answerNonces is how many nonces the table has: more than two groups of the
// widest kernel (64 lanes, by MinHits).
const (
	answerNonces = 150
	answerTurn   = answerNonces / 2 // index of nonce 0
)

// answerTable holds the top words of all hashes of a few nonces, some on
// either side of the wrap at 2^32, under MaxVersions versions.
type answerTable struct {
	prehash Prehash
	start   uint32
	top     [answerNonces][MaxVersions]uint32
}

// begin generates the header and its versions.
func (t *answerTable) begin() {
	r := rand.New(rand.NewPCG(2009, 1))
	var header Header
	for i := range header {
		header[i] = byte(r.Uint32())
	}
	var versions [MaxVersions]uint32
	for i := range versions {
		versions[i] = r.Uint32()
	}
	t.prehash.Set(&header, versions[:], 0)
	t.start = -answerTurn & math.MaxUint32
}

func (t *answerTable) fill(answers string) {
	t.begin()
	for i := range t.top {
		for v := range t.top[i] {
			t.top[i][v] = binary.LittleEndian.Uint32([]byte(answers[:4]))
			answers = answers[4:]
		}
	}
}

// tableSearch is a search within a table: count nonces from its first+offset
// on, under the first of its versions.
type tableSearch struct {
	offset, count, versions int
	limit                   uint32
}

// searches returns the searches that a kernel must pass.
func (t *answerTable) searches(k Kernel) (list []tableSearch) {
	const all = math.MaxUint32
	lanes := min(max(k.Lanes, 1), (answerNonces-1)/2)
	// Every other range goes over the wrap of the nonce, the rest are random.
	add := func(count, versions int, limit uint32) {
		offset := min(answerTurn-count/2, answerNonces-count)
		if len(list)%2 == 1 {
			offset = 41 * len(list) % (answerNonces - count + 1)
		}
		list = append(list, tableSearch{offset, count, versions, limit})
	}
	numbers := []int{1, 2, 3, min(max(k.Versions, 1), MaxVersions), MaxVersions}
	slices.Sort(numbers)
	for _, versions := range slices.Compact(numbers) {
		for _, count := range []int{1, lanes - 1, lanes, lanes + 1, 2*lanes + 1} {
			if count > 0 {
				add(count, versions, all)
			}
		}
		add(2*lanes+1, versions, all/2)
	}
	for _, limit := range []uint32{0, 1, all / 2, all/2 + 1, all - 1} {
		add(2*lanes+1, 1, limit)
		add(lanes, 3, limit)
	}
	// Limits that are a hash's own top word, and one less.
	for i := range 6 {
		exact := tableSearch{offset: 13 * i, count: lanes, versions: 1 + 2*(i%2)}
		exact.limit = t.top[exact.offset+i*lanes/6][i%exact.versions]
		list = append(list, exact)
		exact.limit--
		list = append(list, exact)
	}
	// More hits than MinHits.
	return append(list, tableSearch{offset: answerTurn / 2, count: MinHits/MaxVersions + 3, versions: MaxVersions, limit: all})
}

func (t *answerTable) check(k Kernel, s tableSearch, hits []Hit) error {
	p := t.prehash
	p.Versions, p.Limit = s.versions, s.limit
	return checkScan(k, &p, t.start+uint32(s.offset), uint32(s.count), hits, func(h Hit) uint32 {
		return t.top[h.Nonce-t.start][h.Version]
	})
}

// checkScan searches a range and compares hit by hit: each (nonce, version)
// whose top word is at or below the limit exactly once, and no other.
func checkScan(k Kernel, p *Prehash, start, count uint32, hits []Hit, top func(Hit) uint32) error {
	seen := make([]bool, int(count)*p.Versions)
	err := scanAll(k, p, start, count, hits, func(h Hit) error {
		offset := h.Nonce - start
		if offset >= count || h.Version >= uint32(p.Versions) {
			return fmt.Errorf("hit %v is outside of nonces %d+%d, %d versions", h, start, count, p.Versions)
		}
		place := &seen[int(offset)*p.Versions+int(h.Version)]
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
		h := Hit{start + uint32(i/p.Versions), uint32(i % p.Versions)}
		if want := top(h) <= p.Limit; got != want {
			return fmt.Errorf("nonce %d of version %d, limit %08x: hit is %v, want %v", h.Nonce, h.Version, p.Limit, got, want)
		}
	}
	return nil
}

var errStuck = errors.New("makes no progress with an empty hit buffer")

// scanAll scans a range to its end, continuing where the kernel stops early, and
// checks that Scan keeps its contract.
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
