package upstream

import (
	"fmt"
	"time"

	"quarry/internal/event"
)

// Strategy says how several members are used.
type Strategy string

// The strategies.
const (
	// StrategyFailover mines the first member that works and goes back to a better
	// one once that has been healthy for a while. It is the default.
	StrategyFailover Strategy = "failover"
	// StrategyRoundRobin mines all members that work, in turns of equal length.
	StrategyRoundRobin Strategy = "round-robin"
	// StrategyBalance mines all members that work, each for its quota of the time.
	// Those with a quota of 0 are used only when all others are down.
	StrategyBalance Strategy = "balance"
)

// turns reports whether the strategy uses all members.
func (s Strategy) turns() bool { return s == StrategyRoundRobin || s == StrategyBalance }

func (s Strategy) validate(members []Member) error {
	sum, given := 0, false
	for i, p := range members {
		if p.Quota < 0 || p.Quota > 100 {
			return fmt.Errorf("pool %d: quota %d is not a percentage", i+1, p.Quota)
		}
		sum += p.Quota
		given = given || p.Quota != 0
	}
	switch s {
	case "", StrategyFailover, StrategyRoundRobin:
		if given {
			return fmt.Errorf("quotas need the strategy %s", StrategyBalance)
		}
		return nil
	case StrategyBalance:
		if sum != 100 {
			return fmt.Errorf("the quotas of the pools add up to %d percent, the strategy %s wants 100", sum, s)
		}
		return nil
	}
	return fmt.Errorf("unknown strategy %.40q: use %s, %s or %s", s, StrategyFailover, StrategyRoundRobin, StrategyBalance)
}

// view is what a strategy knows of a member.
type view struct {
	works   time.Duration // for how long it has been able to take shares; 0: it is not
	givenUp bool          // it failed too often or gave no work for too long
	suspect bool          // it works, but is unhealthy
	trial   time.Duration // that it must be healthy to take over from one that works
	quota   int
	served  time.Duration // of hashing, so far
}

// itsTurn is the reason for a change that happens again and again: see turnLog.
const itsTurn = event.Phrase("it is its turn")

// Other reasons for a change.
const (
	betterFails   = event.Phrase("a better pool fails")
	lastUnhealthy = event.Phrase("the last one is unhealthy")
	lastFailed    = event.Phrase("the last one gives no work")
)

// choice is what a strategy decides.
type choice struct {
	active int          // index of the member to mine, -1: none
	wanted []bool       // members to keep a session with, or to try to
	why    event.Phrase // it was chosen
}

// choose decides which member to mine. The present one is active, -1 if there is
// none; it has been active for the time turn.
func (s Strategy) choose(r Rules, views []view, active int, turn time.Duration) choice {
	switch s {
	case StrategyRoundRobin:
		return takeTurns(r, views, active, turn, func(view) int { return 1 })
	case StrategyBalance:
		return takeTurns(r, views, active, turn, func(v view) int { return v.quota })
	}
	return failover(views, active)
}

// failover wants all members up to the first that is not given up. The first of
// them that works is active, except one that takes over from a member that
// works as well must have shown that it is healthy.
func failover(views []view, active int) choice {
	c := choice{active: -1, wanted: make([]bool, len(views))}
	for i, v := range views {
		c.wanted[i] = true
		if !v.suspect && (!v.givenUp || v.works > 0 && v.works >= v.trial) {
			break
		}
	}
	if active >= 0 {
		c.wanted[active] = true
	}
	c.active, c.why = firstWorking(views, active)
	return c
}

func firstWorking(views []view, active int) (int, event.Phrase) {
	working := func(i int) bool { return i >= 0 && views[i].works > 0 }
	for _, suspect := range []bool{false, true} {
		for i, v := range views {
			switch {
			case !working(i) || v.suspect != suspect:
			case i == active:
				return i, ""
			case !working(active):
				return i, "it works"
			case suspect: // no better than the active one
			case views[active].suspect:
				return i, "it works better"
			case i < active && v.works >= v.trial:
				return i, "it is preferred and healthy again"
			}
		}
	}
	return active, "" // none works; the last job may still be good
}

// takeTurns wants all members with a weight, and the others when none of them
// works. The active one is the one that has had the least of its share so far.
func takeTurns(r Rules, views []view, active int, turn time.Duration, weight func(view) int) choice {
	c := choice{active: -1, wanted: make([]bool, len(views))}
	spare := true
	for i, v := range views {
		c.wanted[i] = weight(v) > 0
		spare = spare && (weight(v) == 0 || v.givenUp && v.works == 0 || v.suspect)
	}
	eligible := func(v view) bool { return v.works > 0 && !v.suspect && weight(v) > 0 }
	share := func(v view) float64 { return float64(v.served) / float64(weight(v)) }
	best := -1
	for i, v := range views {
		c.wanted[i] = c.wanted[i] || spare || i == active
		if eligible(v) && (best < 0 || share(v) < share(views[best])) {
			best = i
		}
	}
	switch {
	case best < 0:
		c.active, c.why = firstWorking(views, active)
	case active >= 0 && eligible(views[active]) && (turn < r.Turn || best == active):
		c.active = active
	default:
		c.active, c.why = best, itsTurn
	}
	return c
}
