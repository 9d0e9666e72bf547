// Package watch notices what a session only learns over time: that a pool
// rejects everything, is stuck on an old block, no longer sends jobs or answers
// shares, pays someone else, or that this machine slept. It looks at jobs and
// verdicts, whatever protocol they came by.
//
// The observers (chain, interval, rejects, answers, payout, jobLogger) have no
// locks of their own: [Watch] has one for all of them. The reader of a session
// takes it once for a job and once for a verdict, and the session's tick once a
// second. The reader cannot do the tick itself by a deadline, because a WebSocket
// does not survive one that passed.
package watch
