// Package bench measures how fast hashing is: the kernels ([Run], behind
// "quarry bench"), and a machine under load for long ([Stress]).
//
// What it hashes is proven ([Proof]): a range of nonces whose winners
// crypto/sha256 found beforehand. [Rate] is the measurement that all others
// are made of. Run takes a look at the core between any two calls of a kernel,
// and what neighbors disturbed does not count (gate.go, tally.go).
package bench
