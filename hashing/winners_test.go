package hashing

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
)

// plantedWinners is testdata/winners.txt, described in _winners/main.go: all
// hits of one header among many hashes, found by crypto/sha256 alone.
type plantedWinners struct {
	header       Header
	limit, start uint32
	hashes       uint64        // searched under each number of versions
	hits         map[int][]Hit // by the number of versions, in the order of nonces
}

func readWinners(t *testing.T) *plantedWinners {
	t.Helper()
	file, err := os.Open("testdata/winners.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Scan()
	w := &plantedWinners{hits: map[int][]Hit{}}
	var header string
	if _, err := fmt.Sscanf(lines.Text(), "header %s limit %x start %x hashes %d", &header, &w.limit, &w.start, &w.hashes); err != nil {
		t.Fatalf("winners.txt: line %q: %v", lines.Text(), err)
	}
	if n, err := hex.Decode(w.header[:], []byte(header)); err != nil || n != HeaderSize {
		t.Fatalf("winners.txt: header of %d bytes: %v", n, err)
	}
	for lines.Scan() {
		var versions int
		var h Hit
		if _, err := fmt.Sscanf(lines.Text(), "%d %x %d", &versions, &h.Nonce, &h.Version); err != nil {
			t.Fatalf("winners.txt: line %q: %v", lines.Text(), err)
		}
		w.hits[versions] = append(w.hits[versions], h)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return w
}

// among returns the winners under so many versions in the first count nonces.
func (w *plantedWinners) among(versions int, count uint32) []Hit {
	return slices.DeleteFunc(slices.Clone(w.hits[versions]), func(h Hit) bool { return h.Nonce-w.start >= count })
}

// TestKernelFindsPlantedWinners searches many nonces and wants the known
// winners and nothing else. QUARRY_WINNERS is the number of hashes for
// each kernel, both forms together.
func TestKernelFindsPlantedWinners(t *testing.T) {
	planted := readWinners(t)
	hashes := uint64(2_000_000) // .ci/run has 10^8
	if text := os.Getenv("QUARRY_WINNERS"); text != "" {
		var err error
		if hashes, err = strconv.ParseUint(text, 10, 64); err != nil || hashes > 2*planted.hashes {
			t.Fatalf("QUARRY_WINNERS=%s: want at most %d", text, 2*planted.hashes)
		}
	}
	everyKernel(t, func(t *testing.T, k Kernel) {
		for _, versions := range []int{1, 4} {
			p := new(Prehash)
			p.Set(&planted.header, rolled(versions), planted.limit)
			count := uint32(hashes / 2 / uint64(versions))
			var found []Hit
			err := scanAll(k, p, planted.start, count, make([]Hit, MinHits), func(h Hit) error {
				found = append(found, h)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := planted.among(versions, count)
			if len(want) == 0 {
				t.Fatal("no winner in the range: the test would prove nothing")
			}
			slices.SortFunc(found, func(a, b Hit) int {
				return cmp.Or(cmp.Compare(a.Nonce-planted.start, b.Nonce-planted.start), cmp.Compare(a.Version, b.Version))
			})
			if !slices.Equal(found, want) {
				t.Errorf("%d versions: found %x, want %x", versions, found, want)
			}
			t.Logf("%d versions: %d hashes, %d winners", versions, hashes/2, len(found))
		}
	})
}

// TestWinnersAreWinners compares the file with crypto/sha256.
func TestWinnersAreWinners(t *testing.T) {
	planted := readWinners(t)
	for _, versions := range []int{1, 4} {
		// 10^9 hashes have 953.7 on average, with a standard deviation of 31.
		hits := planted.hits[versions]
		if len(hits) < 900 || len(hits) > 1110 {
			t.Fatalf("%d versions: %d winners in the file", versions, len(hits))
		}
		for _, h := range hits {
			header := planted.header
			header.SetVersion(rolled(versions)[h.Version])
			header.SetNonce(h.Nonce)
			first := sha256.Sum256(header[:])
			second := sha256.Sum256(first[:])
			if top := binary.LittleEndian.Uint32(second[28:]); top > planted.limit {
				t.Errorf("%d versions: nonce %x of version %d has top word %08x", versions, h.Nonce, h.Version, top)
			}
		}
	}
}
