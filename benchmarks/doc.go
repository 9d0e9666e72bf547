// Package benchmarks measures, in its tests, the whole miner: its rate, a
// flood of jobs, and latencies. results/ keeps what was printed, with the CPU,
// the command and the date; package bench measures kernels.
//
//	go test ./benchmarks -run '^$' -bench . -count 5
package benchmarks
