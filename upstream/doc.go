// Package upstream chooses among pools and nodes, and keeps sessions with those
// that are wanted. It knows a session by what it does ([Session]) and a member by
// how it is spoken to ([Protocol]); upstreamtest says what both must do.
//
// A [Client] runs a link for each wanted member: connect, session, pause,
// again (link.go, pauses.go). Sessions tell it of jobs and of their health
// (events.go). From that, the strategy decides which members are wanted and which
// one is active, in pure functions (strategy.go, selection.go), at every change
// and every second. Shares whose session has ended wait for it to be resumed
// (resubmit.go, resumption.go).
//
// Locks, in the order in which they may be taken: the publisher's, which is held
// while a job is handed on; Client.mu, which guards the client and the states of
// all members; those of a session. A session reports its events without the lock
// that its Status needs, so that it may be asked for that under Client.mu.
package upstream
