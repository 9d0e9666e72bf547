// Package localpool is the built-in practice pool: a Stratum V1 server that
// any miner can be pointed at. It pays nothing.
//
// It judges every share with the standard library's crypto/sha256 and its own
// implementation of the protocol. It imports neither quarry/hashing nor quarry/work
// nor quarry/stratum/v1: a mistake made there must not be repeated here, or the
// pool would accept it. A test enforces the rule.
//
// The path of a share, and the files in that order:
//
//  1. listen.go, conn.go: TCP, TLS, WebSocket and WSS listeners; one line or
//     one text message is one JSON object; sizes and deadlines are bounded.
//  2. message.go, params.go: decoding what miners send, tolerant of their
//     quirks; ids of any type are echoed byte for byte.
//  3. session.go, handlers.go: one connection: configure (BIP 310), subscribe,
//     authorize, the jobs it was given and the terms they were given under.
//  4. submit.go, judge.go, target.go, job.go: the verdict, a pure function of
//     the job, the terms and the submitted texts, with the usual codes 20 to 25.
//  5. duplicates.go, vardiff.go, rate.go: what the verdict updates.
//  6. template.go: synthetic block templates, and the practice chain's own
//     difficulty; jobs.go: current job, broadcast, block changes.
//
// In addition: config.go; server.go (Run, clock, shutdown); resume.go (session
// ids and what a resumed session inherits); stats.go (what tests and the command
// read from it); faults.go (what can be done to a connection, and hooks for what a
// pool does wrong on request, which is package fault).
//
// Goroutines: one per listener, one clock, and per connection a reader, a writer
// and, with faults, one for those that happen at times of their own; [Pool.Run] owns them all and returns when they are gone. Locks are
// taken in the order Pool.pushing, session.mu, Pool.mu, and none is held while
// a socket is read or written.
package localpool
