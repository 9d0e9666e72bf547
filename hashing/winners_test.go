package hashing

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// The winners of one header are all nonces, with the version's index, whose
// top word is at most winnersLimit. testdata/winners.txt has those of the
// first winnersHashes hashes from winnersStart on, under one version and under
// four: a line has the number of versions, the nonce and the version's index.
// They were found with crypto/sha256 alone:
//
//	QUARRY_WRITE_WINNERS=1 go test ./hashing -run TestWriteWinners
const (
	winnersLimit  = 0x00000fff
	winnersStart  = 0xffc00000 // the search goes past the last nonce
	winnersHashes = 1_000_000_000
	winnersFile   = "testdata/winners.txt"
)

func winnersHeader() (h Header) {
	for i := range h {
		h[i] = byte(7*i + 3)
	}
	return h
}

// readWinners are the winners under so many versions, in the order of nonces.
func readWinners(t *testing.T, versions int) (hits []Hit) {
	t.Helper()
	file, err := os.Open(winnersFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var of int
		var h Hit
		if _, err := fmt.Sscanf(lines.Text(), "%d %x %d", &of, &h.Nonce, &h.Version); err != nil {
			t.Fatalf("%s: line %q: %v", winnersFile, lines.Text(), err)
		}
		if of == versions {
			hits = append(hits, h)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return hits
}

func sortHits(hits []Hit) {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Nonce-winnersStart, b.Nonce-winnersStart), cmp.Compare(a.Version, b.Version))
	})
}

// TestKernelFindsPlantedWinners searches many nonces and wants the known
// winners and nothing else. QUARRY_WINNERS says how many hashes, for each
// kernel and both forms together.
func TestKernelFindsPlantedWinners(t *testing.T) {
	hashes := uint64(4_000_000)
	if text := os.Getenv("QUARRY_WINNERS"); text != "" {
		var err error
		if hashes, err = strconv.ParseUint(text, 10, 64); err != nil || hashes > 2*winnersHashes {
			t.Fatalf("QUARRY_WINNERS=%s: want at most %d", text, 2*winnersHashes)
		}
	}
	want := map[int][]Hit{1: readWinners(t, 1), 4: readWinners(t, 4)}
	everyKernel(t, func(t *testing.T, k Kernel) {
		header := winnersHeader()
		for _, versions := range []int{1, 4} {
			p := new(Prehash)
			p.Set(&header, rolled(versions), winnersLimit)
			count := uint32(hashes / 2 / uint64(versions))
			var found []Hit
			err := scanAll(k, p, winnersStart, count, make([]Hit, MinHits), func(h Hit) error {
				found = append(found, h)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			expected := slices.DeleteFunc(slices.Clone(want[versions]), func(h Hit) bool { return h.Nonce-winnersStart >= count })
			if len(expected) == 0 {
				t.Fatal("no winner in the range: the test would prove nothing")
			}
			sortHits(found)
			if !slices.Equal(found, expected) {
				t.Errorf("%d versions: found %x, want %x", versions, found, expected)
			}
			t.Logf("%d versions: %d hashes, %d winners", versions, hashes/2, len(found))
		}
	})
}

// TestWinnersAreWinners holds the file against crypto/sha256.
func TestWinnersAreWinners(t *testing.T) {
	for _, versions := range []int{1, 4} {
		hits := readWinners(t, versions)
		if len(hits) < 900 {
			t.Fatalf("%d versions: only %d winners in the file", versions, len(hits))
		}
		for _, h := range hits {
			if top := standardTopWord(rolled(versions)[h.Version], h.Nonce); top > winnersLimit {
				t.Errorf("%d versions: nonce %x of version %d has top word %08x", versions, h.Nonce, h.Version, top)
			}
		}
	}
}

// standardTopWord hashes the winners' header by crypto/sha256.
func standardTopWord(version, nonce uint32) uint32 {
	header := winnersHeader()
	header.SetVersion(version)
	header.SetNonce(nonce)
	first := sha256.Sum256(header[:])
	second := sha256.Sum256(first[:])
	return binary.LittleEndian.Uint32(second[28:])
}

// TestWriteWinners makes the file anew: some ten minutes.
func TestWriteWinners(t *testing.T) {
	if os.Getenv("QUARRY_WRITE_WINNERS") == "" {
		t.Skip("only with QUARRY_WRITE_WINNERS")
	}
	file, err := os.Create(winnersFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, versions := range []int{1, 4} {
		for _, h := range standardWinners(versions, winnersHashes) {
			if _, err := fmt.Fprintf(file, "%d %08x %d\n", versions, h.Nonce, h.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func standardWinners(versions, hashes int) (hits []Hit) {
	var mu sync.Mutex
	var running sync.WaitGroup
	workers := runtime.NumCPU()
	for worker := range workers {
		running.Go(func() {
			for offset := worker; offset < hashes/versions; offset += workers {
				nonce := uint32(winnersStart + uint64(offset))
				for v, version := range rolled(versions) {
					if standardTopWord(version, nonce) <= winnersLimit {
						mu.Lock()
						hits = append(hits, Hit{nonce, uint32(v)})
						mu.Unlock()
					}
				}
			}
		})
	}
	running.Wait()
	sortHits(hits)
	return hits
}
