// Command _winners writes hashing/testdata/winners.txt, the winners of one
// header that all kernels are tested with: every nonce, with the version's
// index, whose hash has a top word at or below the limit. It uses crypto/sha256
// alone, and takes some minutes. Run it from the root of the repository:
//
//	go run ./hashing/_winners
//
// The first line has the header, the limit, the first nonce and the number of hashes
// searched, under one version and under four. A further line has
// the number of versions, the nonce and the version's index.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"sync"
)

const (
	output = "hashing/testdata/winners.txt"
	limit  = 0x00000fff
	start  = 0xffc00000 // the search wraps past the last nonce
	hashes = 1_000_000_000
)

type winner struct{ nonce, version uint32 }

func main() {
	log.SetFlags(0)
	var header [80]byte
	for i := range header {
		header[i] = byte(7*i + 3)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "header %x limit %08x start %08x hashes %d\n", header, limit, uint32(start), hashes)
	for _, versions := range []int{1, 4} {
		for _, w := range search(header, versions) {
			fmt.Fprintf(&text, "%d %08x %d\n", versions, w.nonce, w.version)
		}
	}
	if err := os.WriteFile(output, text.Bytes(), 0o644); err != nil {
		log.Fatalf("run me from the root of the repository: %v", err)
	}
}

// search finds the winners among the first hashes under so many versions, as
// BIP 320 rolls them.
func search(header [80]byte, versions int) (found []winner) {
	var mu sync.Mutex
	var running sync.WaitGroup
	workers := runtime.NumCPU()
	for worker := range workers {
		running.Go(func() {
			for offset := worker; offset < hashes/versions; offset += workers {
				nonce := uint32(start + uint64(offset))
				for v := range versions {
					if topWord(header, 0x20000000|uint32(v)<<13, nonce) <= limit {
						mu.Lock()
						found = append(found, winner{nonce, uint32(v)})
						mu.Unlock()
					}
				}
			}
		})
	}
	running.Wait()
	slices.SortFunc(found, func(a, b winner) int {
		return cmp.Or(cmp.Compare(a.nonce-start, b.nonce-start), cmp.Compare(a.version, b.version))
	})
	return found
}

// topWord returns the most significant word of the header's hash, as a number.
func topWord(header [80]byte, version, nonce uint32) uint32 {
	binary.LittleEndian.PutUint32(header[0:], version)
	binary.LittleEndian.PutUint32(header[76:], nonce)
	first := sha256.Sum256(header[:])
	second := sha256.Sum256(first[:])
	return binary.LittleEndian.Uint32(second[28:])
}
