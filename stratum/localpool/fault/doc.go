// Package fault makes the practice pool misbehave on request, for tests of
// miners: quarry pool --fault NAME[=VALUE].
//
// names.go lists the faults, with their forms and ranges; parse.go reads and
// checks what was asked for; plan.go is one pool's Plan, and its dice: each
// fault of each connection has its own, so that one seed gives one course of
// events, whatever other faults are on. connection.go, events.go and jobs.go do
// the misbehaving, through localpool.Faults and localpool.Miner.
package fault
