package localpool

import "sync"

// maxRemembered is how many share hashes one generation holds; two generations
// are kept.
const maxRemembered = 1 << 15

// duplicates remembers the hashes of accepted shares, pool-wide (a resumed
// session may send a share again on its new connection). When a generation is
// full, the previous one is dropped, so memory stays bounded.
type duplicates struct {
	mu       sync.Mutex
	now, old map[[16]byte]struct{}
}

// seen records hash and reports whether it had been recorded already. The
// first 16 bytes of a hash are its least significant, hence random, ones.
func (d *duplicates) seen(hash [32]byte) bool {
	key := [16]byte(hash[:16])
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.now[key]; ok {
		return true
	}
	if _, ok := d.old[key]; ok {
		return true
	}
	if d.now == nil || len(d.now) >= maxRemembered {
		d.old, d.now = d.now, make(map[[16]byte]struct{})
	}
	d.now[key] = struct{}{}
	return false
}
