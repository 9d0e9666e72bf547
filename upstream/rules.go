package upstream

import "time"

// Rules are the numbers behind the choice among members.
type Rules struct {
	Failures      int           // in a row, until the next member is wanted too
	NoWork        time.Duration // without work, the same
	Failback      time.Duration // that a better member must stay healthy to take over
	Turn          time.Duration // of a member in a strategy with turns
	Resubmit      time.Duration // that a share waits for its session to be resumed
	Queued        int           // such shares, for each member
	ResubmitPause time.Duration // between attempts at most, while shares wait
	DrainMin      time.Duration // that a member which we leave stays connected, for shares just found
	Drain         time.Duration // and at most, for verdicts
	Rest          time.Duration // that a member which works badly is left alone
	Tick          time.Duration // between decisions when nothing happens
}

// balanceTurn is short, so that the split is soon as configured. A change of members costs
// each worker one batch at most.
const balanceTurn = 10 * time.Second

// RulesFor returns the rules that follow from the options.
func RulesFor(o Options) Rules {
	r := Rules{
		Failures: 3, NoWork: 30 * time.Second, Failback: o.Failback, Turn: o.Turn,
		Resubmit: 120 * time.Second, Queued: 64, ResubmitPause: 10 * time.Second,
		DrainMin: time.Second, Drain: 5 * time.Second, Rest: 10 * time.Minute, Tick: time.Second,
	}
	if o.Strategy == StrategyBalance {
		r.Turn = balanceTurn
	}
	if o.NoRetry {
		r.Failures = 1
	}
	return r
}
