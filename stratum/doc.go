// Package stratum is the miner's source of work: an ordered list of pools,
// the connections to them, and what happens when one is lost.
//
// The way of a job: a link (link.go) keeps a session with each pool that is
// wanted; jobs of the pool that is hashed for are published by that session's
// reader itself. Which pools are wanted and which one is hashed for is decided
// by a strategy (strategy.go, pure functions) from how the pools stand
// (steer.go); rules.go has its numbers, pool.go the pauses between attempts.
//
// The way of a share: [Client.Submit] takes it to the session that its job
// came from, and to no other pool ever. When the connection is gone the share
// waits (resubmit.go): a pool that gives the same extranonces again takes it
// still.
//
// Pools are named by URLs, and package transport connects to them; what is
// spoken over the connection is in package v1. [Check] goes the whole way to a first job, and tells.
package stratum
