package cpu

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"quarry/hashing"
	"quarry/work"
)

// batch is one call of a kernel and what became of it. A worker keeps one, for
// its buffers.
type batch struct {
	hits   []hashing.Hit
	shares []*work.Share // verified
	done   uint32        // nonces searched
	took   time.Duration // in the kernel
	wrong  uint64        // hits that the reference does not confirm, or 1 if the call failed
	fault  error         // the first of them; nil: the batch can be trusted
}

var errNoProgress = errors.New("the kernel makes no progress")

// scan searches count nonces (1 at least) of the work from start on, and
// hashes each hit again. After a fault, shares are the hits that are right
// nevertheless, and done is 0 if it is unknown what the call searched.
func (b *batch) scan(kernel hashing.Kernel, w *work.Work, start, count uint32) {
	b.shares, b.done, b.wrong, b.fault = b.shares[:0], 0, 0, nil
	began := time.Now()
	found, done, fault := b.call(kernel, w.Prehash(), start, count)
	b.took = time.Since(began)
	if fault != nil {
		b.wrong, b.fault = 1, fault
		return
	}
	b.done = done
	b.judge(w, start, b.hits[:found])
}

// call calls the kernel and checks what it returns. A kernel that panics is wrong,
// but does not end the program.
func (b *batch) call(kernel hashing.Kernel, p *hashing.Prehash, start, count uint32) (found int, done uint32, fault error) {
	defer func() {
		if p := recover(); p != nil {
			fault = fmt.Errorf("the kernel panicked: %v", p)
		}
	}()
	found, done = kernel.Scan(p, start, count, b.hits)
	switch {
	case found < 0 || found > len(b.hits) || done > count:
		fault = fmt.Errorf("the kernel reports %d hits in %d nonces, with room for %d hits in %d nonces", found, done, len(b.hits), count)
	case done == 0 && (p.Stop == nil || atomic.LoadUint32(p.Stop) == 0):
		fault = errNoProgress
	}
	return found, done, fault
}

// judge sorts the hits and verifies each.
func (b *batch) judge(w *work.Work, start uint32, hits []hashing.Hit) {
	slices.SortFunc(hits, func(a, b hashing.Hit) int {
		return cmp.Or(cmp.Compare(a.Nonce-start, b.Nonce-start), cmp.Compare(a.Version, b.Version))
	})
	for i, hit := range hits {
		switch {
		case hit.Nonce-start >= b.done:
			b.addFault("nonce %08x under version %d is outside the nonces searched", hit)
		case i > 0 && hit == hits[i-1]:
			b.addFault("nonce %08x under version %d was reported twice", hit)
		default:
			share, kind := w.Verify(hit)
			switch kind {
			case work.Found:
				b.shares = append(b.shares, share)
			case work.Mismatch:
				b.addFault("the reference does not confirm nonce %08x under version %d", hit)
			}
		}
	}
}

// addFault counts a wrong hit.
func (b *batch) addFault(format string, hit hashing.Hit) {
	b.wrong++
	if b.fault == nil {
		b.fault = fmt.Errorf(format, hit.Nonce, hit.Version)
	}
}
