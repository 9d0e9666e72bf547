// Package v1 speaks Stratum V1, the line-based JSON protocol of Bitcoin mining
// pools, over one connection.
//
// A job's path, top to bottom: [transport.Conn] cuts the stream into
// messages, conn.read parses them ([ParseMessage]), Session.push sorts them by method,
// [ParseNotify] checks the parameters of mining.notify, Session.newJob freezes
// what was agreed so far into a [work.Job], and Config.Publish hands it on.
//
// A share's path: [Session.Submit] waits for the authorization, the gate
// lets only shares of live jobs through, of this session or of one that it
// resumed, send writes mining.submit, wait waits for the reply of the same id, and
// Message.Verdict turns that into a [work.Verdict].
//
// A session has one goroutine of its own, the reader; all messages of the pool
// are acted on there, in the order in which they came: jobs, and the verdicts
// on shares, from which the session learns the pool's [Quirks]. Everything else
// runs on the goroutines of the callers; that of [Session.Run] checks once a
// second for what only the absence of events shows (Session.stay), with package
// watch.
//
// # Locks
//
// There are six, each in the struct whose fields it guards: conn.writing,
// conn.calls, state, Quirks, watch.Watch, and Session.order, which keeps jobs in
// their order while one is made and published, by the reader or by the timer that
// ends the wait for a first difficulty (Session.park). What belongs to the reader
// alone (pushLimits, messageLimits) has none. They may be taken in this order only:
//
//	conn.writing -> conn.calls
//	Session.order -> watch.Watch -> whatever Config.Health takes -> state -> Quirks
//
// The structure keeps it so: watch knows no session, the methods of state know
// no conn and none of the functions in Config, and Quirks knows none of them. Publish and
// Working may be called with Session.order held, Subscribed is called without any lock.
//
// There is no standard for this protocol. The rules followed here come from
// reading pools and miners; version rolling is BIP 310.
package v1
