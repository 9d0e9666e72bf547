package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"quarry/hashing"
)

// examiner tests candidates: with the kernels' self-test, and then against the
// winners among many hashes, found by crypto/sha256.
type examiner struct {
	known  *hashing.Examiner
	proofs []proof
}

// proof is a search whose hits are known.
type proof struct {
	prehash hashing.Prehash
	nonces  uint32
	hits    []hashing.Hit
}

// provenLimit makes one hash in 256 a winner: wrong candidates fail soon, and the
// others rarely have more hits in a group than the buffer holds.
const provenLimit = 1<<24 - 1

func newExaminer(versions []int, hashes int) (*examiner, error) {
	e := &examiner{known: hashing.NewExaminer()}
	judge, err := hashing.Lookup("stdlib")
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		p := proof{nonces: uint32(hashes / v)}
		p.prehash.Set(someHeader(), someVersions(v), provenLimit)
		if p.hits, err = p.search(judge); err != nil {
			return nil, fmt.Errorf("kernel %q: %w", judge.Name, err)
		}
		e.proofs = append(e.proofs, p)
	}
	return e, nil
}

func (e *examiner) test(k hashing.Kernel) error {
	if err := e.known.Test(k); err != nil {
		return err
	}
	for _, p := range e.proofs {
		hits, err := p.search(k)
		if err != nil {
			return err
		}
		if !slices.Equal(hits, p.hits) {
			return fmt.Errorf("%d versions: finds %d winners among %d nonces, but there are others: %d", p.prehash.Versions, len(hits), p.nonces, len(p.hits))
		}
	}
	return nil
}

// provenStart makes the search go past the last nonce.
const provenStart = 0xffffff00

func (p *proof) search(k hashing.Kernel) (hits []hashing.Hit, err error) {
	buffer := make([]hashing.Hit, hashing.MinHits)
	for at := uint32(0); at < p.nonces; {
		found, done := k.Scan(&p.prehash, provenStart+at, p.nonces-at, buffer)
		if done == 0 || found > len(buffer) {
			return nil, errors.New("makes no progress")
		}
		hits = append(hits, buffer[:found]...)
		at += done
	}
	slices.SortFunc(hits, func(a, b hashing.Hit) int {
		return cmp.Or(cmp.Compare(a.Nonce-provenStart, b.Nonce-provenStart), cmp.Compare(a.Version, b.Version))
	})
	return hits, nil
}

// someHeader returns a fixed header.
func someHeader() *hashing.Header {
	r := rand.New(rand.NewPCG(2026, 11))
	h := new(hashing.Header)
	for i := range h {
		h[i] = byte(r.Uint32())
	}
	return h
}

func someVersions(n int) (list []uint32) {
	for i := range n {
		list = append(list, 0x20000000|uint32(i)<<13)
	}
	return list
}
