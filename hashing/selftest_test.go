package hashing

import (
	"encoding/binary"
	"flag"
	"math"
	"math/bits"
	"os"
	"slices"
	"testing"
)

// testRange is a search whose every hash is compared with the reference.
type testRange struct {
	header   Header
	versions []uint32
	start    uint32 // first nonce
	count    uint32 // nonces
	limit    uint32
}

// exactLimits returns searches of one nonce whose limit is its hash's own top word,
// and one less: a hit and no hit.
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

func (c *testRange) check(k Kernel) error {
	var p Prehash
	p.Set(&c.header, c.versions, c.limit)
	return checkScan(k, &p, c.start, c.count, make([]Hit, MinHits), func(h Hit) uint32 { return referenceTopWord(&p, h) })
}

// TestExaminerCoversAllCases: the searches for kernels of any width cover what a
// kernel may get wrong.
func TestExaminerCoversAllCases(t *testing.T) {
	e := NewExaminer()
	for _, k := range []Kernel{{Lanes: 1, Versions: 1}, {Lanes: 5, Versions: 32}, {Lanes: 21, Versions: 4}, {Lanes: 64, Versions: 8}, {Lanes: 1000, Versions: 1000}, {}} {
		lanes := min(max(k.Lanes, 1), answerNonces/2-1)
		counts, versions, limits := map[int]bool{}, map[int]bool{}, map[uint32]bool{}
		turns, hits := 0, 0
		for _, s := range e.table.searches(k) {
			if s.offset < 0 || s.count < 1 || s.offset+s.count > answerNonces || s.versions < 1 || s.versions > MaxVersions {
				t.Fatalf("%d lanes: search %+v is not within the table", k.Lanes, s)
			}
			counts[s.count], versions[s.versions], limits[s.limit] = true, true, true
			if start := e.table.start + uint32(s.offset); start+uint32(s.count-1) < start {
				turns++
			}
			if s.limit == math.MaxUint32 {
				hits = max(hits, s.count*s.versions)
			}
		}
		for _, count := range []int{1, lanes, lanes + 1, 2*lanes + 1, max(lanes-1, 1)} {
			if !counts[count] {
				t.Errorf("%d lanes: no search of %d nonces", k.Lanes, count)
			}
		}
		for _, n := range []int{1, 2, 3, min(max(k.Versions, 1), MaxVersions), MaxVersions} {
			if !versions[n] {
				t.Errorf("%d lanes: no search under %d versions", k.Lanes, n)
			}
		}
		for _, limit := range []uint32{0, 1, math.MaxUint32 / 2, math.MaxUint32 - 1, math.MaxUint32} {
			if !limits[limit] {
				t.Errorf("%d lanes: no search with the limit %08x", k.Lanes, limit)
			}
		}
		if turns < 3 || hits <= MinHits {
			t.Errorf("%d lanes: %d searches over the turn of the nonce, %d hits at most", k.Lanes, turns, hits)
		}
	}
}

// TestExaminerKnowsTheAnswers compares its table with hashes of whole headers.
func TestExaminerKnowsTheAnswers(t *testing.T) {
	e, again := NewExaminer(), NewExaminer()
	if e.table != again.table || !slices.Equal(e.known, again.known) {
		t.Error("two examiners have different answers")
	}
	c := testRange{header: readWinners(t).header, versions: rolled(3)}
	var p Prehash
	p.Set(&c.header, c.versions, 0)
	for nonce := range uint32(100) {
		for v, version := range c.versions {
			c.header.SetVersion(version)
			c.header.SetNonce(nonce)
			if got, want := referenceTopWord(&p, Hit{nonce, uint32(v)}), c.header.Hash().TopWord(); got != want {
				t.Fatalf("nonce %d, version %d: %08x, want %08x", nonce, v, got, want)
			}
		}
	}
}

var updateAnswers = flag.Bool("update", false, "rewrite answers.bin")

// TestAnswersAreTheReferences compares the file of self-tests with the reference.
func TestAnswersAreTheReferences(t *testing.T) {
	var table answerTable
	table.begin()
	var want []byte
	for i := range table.top {
		for v := range table.top[i] {
			want = binary.LittleEndian.AppendUint32(want, referenceTopWord(&table.prehash, Hit{table.start + uint32(i), uint32(v)}))
		}
	}
	if *updateAnswers {
		if err := os.WriteFile("answers.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if answers != string(want) {
		t.Error("answers.bin is not what the reference says")
	}
}

// referenceTopWord hashes from the midstate, with the reference.
func referenceTopWord(p *Prehash, h Hit) uint32 {
	first := p.Midstates[h.Version]
	compress(&first, &[16]uint32{p.Tail[0], p.Tail[1], p.Tail[2], bits.ReverseBytes32(h.Nonce), 0x80000000, 15: 8 * HeaderSize})
	block := [16]uint32{8: 0x80000000, 15: 8 * 32}
	copy(block[:], first[:])
	second := initialState
	compress(&second, &block)
	return bits.ReverseBytes32(second[7])
}
