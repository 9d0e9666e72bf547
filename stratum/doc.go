// Package stratum is the miner's source of work: an ordered list of pools, the
// connection to one of them at a time, and what happens when it is lost.
//
// [Client.Run] tries the pools in order, with a pause for each that fails,
// and hands the jobs of the first that works to its publish function; after a
// loss it starts from the first again. [Client.Submit] sends a share to the
// session that its job came from, and to no other.
//
// Pools are named by URLs ([ParseURL]). The connection ([Dial]) is TCP, TLS or
// WebSocket; what is spoken over it is in package v1.
package stratum
