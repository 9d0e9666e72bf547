// Package stratum makes Stratum pools members of an upstream client's list.
//
// A pool (pool.go) is named by a URL, which package transport connects to; what is
// spoken over the connection is in package v1, what is only learned over time in
// package watch. A pool that does not cope with the full handshake gets a simpler
// one. [New] makes a client of pools, which chooses among them: package upstream.
// [Check] goes the whole way to a pool's first job, and reports each step.
package stratum
