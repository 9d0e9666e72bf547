// Package benchmarks measures what tests must not: how fast the whole miner
// is. It holds only benchmarks; results/ keeps what they printed, with the
// CPU, the command and the date.
//
//	go test ./benchmarks -run '^$' -bench . -count 5
package benchmarks
