// Package bench measures hashing: the kernels' rates ([Run], for "quarry bench"),
// and a machine under sustained load ([Stress]).
//
// The work is proven ([Proof]): a range of nonces whose winners crypto/sha256 found
// beforehand. All measurements are built on [Rate]. Run looks at the core between
// any two calls of a kernel, and does not count what neighbors disturbed (gate.go,
// tally.go).
package bench
