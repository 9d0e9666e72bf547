//go:build !amd64 || purego

package bench

import "math/bits"

// vectorReference: throughput is a loop of vector instructions.
const vectorReference = false

// throughput keeps the integer pipes full for that many iterations: a program on the
// core's second thread makes it slower.
func throughput(turns uint64) {
	if bits.OnesCount64(independent(turns)) > 64 {
		panic("the result is used, so that the compiler keeps the loop")
	}
}

// independent has eight chains: more than any core has pipes for.
//
//go:noinline
func independent(k uint64) uint64 {
	var a, b, c, d, e, f, g, h uint64
	for range k {
		a += k
		b ^= k
		c += k
		d ^= k
		e += k
		f ^= k
		g += k
		h ^= k
		a ^= b
		c ^= d
		e ^= f
		g ^= h
		b += k
		d += k
		f += k
		h += k
	}
	return a ^ c ^ e ^ g
}
