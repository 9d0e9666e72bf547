//go:build !purego

package bench

// throughput keeps the vector pipes full for so many turns, 1 at least: whoever
// shares the core, another program on its second thread, makes it slower.
//
//go:noescape
func throughput(turns uint64)

// vectorReference: throughput is a loop of vector instructions.
const vectorReference = true
