//go:build !purego

package bench

// throughput keeps the vector pipes full for that many iterations, at least 1: a
// program on the core's second thread makes it slower.
//
//go:noescape
func throughput(turns uint64)

// vectorReference: throughput is a loop of vector instructions.
const vectorReference = true
