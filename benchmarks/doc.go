// Package benchmarks measures, in its tests, the complete miner: its rate and its
// latencies. results/ holds the output, with CPU, command and date; package bench
// measures kernels.
//
//	go test ./benchmarks -run '^$' -bench . -count 5
package benchmarks
