package stratum

import "time"

// rules are the numbers of the pool strategy; see also v1.Limits.
type rules struct {
	failures      int           // in a row, until the next pool is wanted
	noWork        time.Duration // likewise
	failback      time.Duration // that a better pool must stay healthy
	turn          time.Duration // of a pool in a strategy with turns
	resubmit      time.Duration // that a share waits for its session to be resumed
	queued        int           // such shares, for each pool
	resubmitPause time.Duration // between attempts at most, while shares wait
	drainMin      time.Duration // that a pool we leave stays connected, for shares just found
	drain         time.Duration // and at most, for verdicts
	complaint     time.Duration // that a pool is left alone which we had reason to leave
	tick          time.Duration // between decisions when nothing happens
}

// balanceTurn is short, so that the split shows soon. A change of pools costs
// each worker one batch at most.
const balanceTurn = 10 * time.Second

func rulesFor(o Options) rules {
	r := rules{
		failures: 3, noWork: 30 * time.Second, failback: o.Failback, turn: o.Turn,
		resubmit: 120 * time.Second, queued: 64, resubmitPause: 10 * time.Second, drainMin: time.Second, drain: 5 * time.Second,
		complaint: 10 * time.Minute, tick: time.Second,
	}
	if o.Strategy == StrategyBalance {
		r.turn = balanceTurn
	}
	if o.NoRetry {
		r.failures = 1
	}
	return r
}
