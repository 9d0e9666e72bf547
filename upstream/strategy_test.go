package upstream

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFailoverChoice(t *testing.T) {
	r := RulesFor(Options{Failback: 2 * time.Minute})
	works, healthy := view{works: time.Second, trial: r.Failback}, view{works: r.Failback, trial: r.Failback}
	backGivenUp := view{works: time.Second, trial: r.Failback, givenUp: true} // begins to work again
	down, fresh := view{givenUp: true}, view{}
	suspect := view{works: time.Hour, suspect: true}
	for name, c := range map[string]struct {
		views  []view
		active int
		want   int
		wanted string
	}{
		"start":                             {[]view{fresh, fresh, fresh}, -1, -1, "x--"},
		"the first works":                   {[]view{works, fresh, fresh}, -1, 0, "x--"},
		"it is lost":                        {[]view{fresh, fresh, fresh}, 0, 0, "x--"},
		"it is given up":                    {[]view{down, fresh, fresh}, 0, 0, "xx-"},
		"the second works":                  {[]view{down, works, fresh}, 0, 1, "xx-"},
		"the first comes back":              {[]view{backGivenUp, works, fresh}, 1, 1, "xx-"},
		"and is healthy":                    {[]view{healthy, works, fresh}, 1, 0, "xx-"},
		"then the second is of no more use": {[]view{healthy, works, fresh}, 0, 0, "x--"},
		"the second is lost meanwhile":      {[]view{backGivenUp, fresh, fresh}, 1, 0, "xx-"},
		"all are given up":                  {[]view{down, down, down}, -1, -1, "xxx"},
		"the last of three works":           {[]view{down, down, works}, -1, 2, "xxx"},
		"reason to leave, nowhere to go":    {[]view{suspect, down}, 0, 0, "xx"},
		"reason to leave, the next tries":   {[]view{suspect, fresh}, 0, 0, "xx"},
		"reason to leave, the next works":   {[]view{suspect, works}, 0, 1, "xx"},
		"reason to leave both":              {[]view{suspect, suspect}, 0, 0, "xx"},
		"a worse one works as well":         {[]view{works, healthy}, 0, 0, "x-"},
	} {
		got := StrategyFailover.choose(r, c.views, c.active, 0)
		if wanted := flags(got.wanted); got.active != c.want || wanted != c.wanted {
			t.Errorf("%s: active %d wanted %s, want %d and %s", name, got.active, wanted, c.want, c.wanted)
		}
	}
}

func flags(wanted []bool) string {
	var b strings.Builder
	for _, w := range wanted {
		if w {
			b.WriteByte('x')
		} else {
			b.WriteByte('-')
		}
	}
	return b.String()
}

// split plays a strategy for some hours, with decisions each second, and
// returns how the time was split, in percent.
func split(s Strategy, pools []Member, outage func(second, pool int) bool) []int {
	r := RulesFor(Options{Strategy: s, Failback: 2 * time.Minute, Turn: time.Minute})
	views := make([]view, len(pools))
	active, turn := -1, time.Duration(0)
	const seconds = 4 * 3600
	for second := range seconds {
		for i := range views {
			views[i].quota = pools[i].Quota
			if outage != nil && outage(second, i) {
				views[i].works = 0
			} else {
				views[i].works += time.Second
			}
			views[i].givenUp = views[i].works == 0
		}
		c := s.choose(r, views, active, turn)
		if c.active != active || turn >= r.Turn {
			active, turn = c.active, 0
		}
		turn += time.Second
		if active >= 0 && views[active].works > 0 {
			views[active].served += time.Second
		}
	}
	var shares []int
	for _, v := range views {
		shares = append(shares, int((v.served+seconds*time.Second/200)*100/(seconds*time.Second)))
	}
	return shares
}

func TestSplit(t *testing.T) {
	quotas := func(quotas ...int) (pools []Member) {
		for _, q := range quotas {
			pools = append(pools, Member{Quota: q})
		}
		return pools
	}
	for name, c := range map[string]struct {
		strategy Strategy
		pools    []Member
		outage   func(second, pool int) bool
		want     []int
	}{
		"failover":                {StrategyFailover, quotas(0, 0, 0), nil, []int{100, 0, 0}},
		"round robin":             {StrategyRoundRobin, quotas(0, 0, 0), nil, []int{33, 33, 33}},
		"round robin, one down":   {StrategyRoundRobin, quotas(0, 0, 0), func(_, p int) bool { return p == 1 }, []int{50, 0, 50}},
		"balance":                 {StrategyBalance, quotas(70, 25, 5), nil, []int{70, 25, 5}},
		"balance, one down":       {StrategyBalance, quotas(50, 30, 20), func(_, p int) bool { return p == 0 }, []int{0, 60, 40}},
		"balance, a spare":        {StrategyBalance, quotas(60, 40, 0), nil, []int{60, 40, 0}},
		"balance, only the spare": {StrategyBalance, quotas(60, 40, 0), func(s, p int) bool { return p < 2 && s < 7200 }, []int{30, 20, 50}},
	} {
		if got := split(c.strategy, c.pools, c.outage); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v percent, want %v", name, got, c.want)
		}
	}
}

func TestStrategyCheck(t *testing.T) {
	for want, c := range map[string]struct {
		strategy Strategy
		pools    []Member
	}{
		"":                  {"", []Member{{}, {}}},
		"need the strategy": {StrategyFailover, []Member{{Quota: 50}, {Quota: 50}}},
		"add up to 90":      {StrategyBalance, []Member{{Quota: 50}, {Quota: 40}}},
		"not a percentage":  {StrategyBalance, []Member{{Quota: 150}, {Quota: -50}}},
		"use failover":      {"best", []Member{{}}},
	} {
		err := c.strategy.validate(c.pools)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s %v: %v, want %q", c.strategy, c.pools, err, want)
		}
	}
}
