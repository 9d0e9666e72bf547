// Package telemetry counts what the miner does and measures the machine it runs on.
//
// The hot path only adds to its own cache line (Counters); share verdicts go through the Ledger; slow
// hardware sensors are read off the hot path with a deadline (Sensors). Telemetry joins them: its Run takes the
// samples, and its Snapshot is the immutable value that status line, summary and API read.
//
// The package imports nothing else of quarry and is the only one that imports gopsutil.
package telemetry
