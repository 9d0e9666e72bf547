package config

import (
	"fmt"
	"time"

	"quarry/internal/typed"
)

// Strategy is the [strategy] table: how several pools are used.
type Strategy struct {
	Use         string        // "failover", "round-robin" or "balance"
	Failback    time.Duration // how long a preferred pool must stay healthy before mining returns to it
	Turn        time.Duration // how long each pool is mined, with round-robin
	SubmitStale bool          // submit shares of an old block too
}

// The only defaults: package stratum takes what it is given.
const (
	defaultFailback = 2 * time.Minute
	defaultTurn     = time.Minute
)

func (*Strategy) table() table {
	return table{name: "strategy", category: "Strategy", title: "How several pools are used.", settings: []Setting{
		{Key: "use", Kind: Enum, Default: "failover", Allowed: []string{"failover", "round-robin", "balance"}, Env: "QUARRY_STRATEGY", Flag: "strategy",
			Doc:     "how to choose among several pools",
			Long:    "failover mines the first that works; round-robin all that work, in turns of\nequal length; balance all that work, each for its quota of the time.",
			Example: "balance"},
		{Key: "failback", Kind: Duration, Default: typed.FormatDuration(defaultFailback), Min: int64(time.Second), Max: int64(24 * time.Hour), Env: "QUARRY_FAILBACK", Flag: "failback",
			Doc:     "how long a preferred pool must be healthy before mining returns to it",
			Long:    "It must stay connected and send jobs all that time. Only with the strategy\nfailover. 0s means " + typed.FormatDuration(defaultFailback) + ".",
			Example: "10m"},
		{Key: "turn", Kind: Duration, Default: typed.FormatDuration(defaultTurn), Min: int64(time.Second), Max: int64(24 * time.Hour), Env: "QUARRY_TURN", Flag: "turn",
			Doc:     "length of a pool's turn, with the strategy round-robin",
			Long:    "0s means " + typed.FormatDuration(defaultTurn) + ".",
			Example: "30m"},
		{Key: "submit_stale", Kind: Bool, Default: "false", Env: "QUARRY_SUBMIT_STALE", Flag: "submit-stale",
			Doc:  "also submit shares of an old block",
			Long: "Pools usually reject them. Those that are blocks are always submitted."},
	}}
}

func (s *Strategy) set(c checker, all values) {
	own := all.one("strategy").items
	*s = Strategy{
		Use:         own["use"].text,
		Failback:    own["failback"].orDefault(defaultFailback),
		Turn:        own["turn"].orDefault(defaultTurn),
		SubmitStale: own["submit_stale"].yes,
	}
	checkQuotas(c, all["pool"], own["use"])
}

// checkQuotas refuses quotas that do not add up, or that have no effect.
func checkQuotas(c checker, pools []*entry, use item) {
	sum, last := int64(0), item{}
	for _, pool := range pools {
		quota := pool.items["quota"]
		if quota.bad || use.bad {
			return
		}
		sum += quota.num
		if quota.num > 0 {
			last = quota
		}
	}
	switch balance := use.text == "balance"; {
	case balance && len(pools) > 0 && sum == 0:
		c.add(use.at.fault("strategy.use", "balance needs the pools' quotas, like quota = 60, which add up to 100"))
	case balance && sum != 100 && len(pools) > 0:
		c.add(last.at.fault("pool.quota", fmt.Sprintf("the quotas of the pools add up to %d, not 100", sum)))
	case !balance && sum > 0:
		c.add(last.at.fault("pool.quota", "has no effect with the strategy "+quote(use.text)+"; only balance uses it"))
	}
}
