// Package benchmarks measures how fast hashing is: the kernels ([Run], behind
// "quarry bench"), a machine under load for long ([Stress]), and, in its
// tests, the whole miner. results/ keeps what was printed, with the CPU, the
// command and the date.
//
// What it hashes is proven ([Proof]): a range of nonces whose winners
// crypto/sha256 found beforehand. [Rate] is the measurement that all others
// are made of. Run takes a look at the core between any two calls of a kernel,
// and what neighbours disturbed does not count (gate.go, tally.go).
//
//	go test ./benchmarks -run '^$' -bench . -count 5     # the whole miner
package benchmarks
