package stratum

import (
	"testing"

	"quarry/stratum/stratumtest"
)

// TestPoolsThatDislikeSuggestions: a pool that hangs up when it is asked for a
// difficulty before the authorization is asked after it, one that hangs up then,
// too, is not asked, and both are mined at once.
func TestPoolsThatDislikeSuggestions(t *testing.T) {
	early := func(c *pc) { // hangs up at the request, before the authorization
		c.Result(c.Expect("mining.configure"), `{}`)
		c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
		c.Expect("mining.suggest_difficulty")
	}
	late := func(c *pc) {
		if w := c.Welcome(stratumtest.Usual()); w["mining.suggest_difficulty"].Line != "" {
			t.Error("asked before the authorization again")
		}
		c.Expect("mining.suggest_difficulty")
	}
	after := func(c *pc) { // hangs up at the request although it gave a job
		c.Welcome(stratumtest.Usual())
		c.Notify(stratumtest.Sample("0").Params())
		c.Expect("mining.suggest_difficulty")
	}
	for name, scripts := range map[string][]stratumtest.Script{
		"with a job": {early, after, after, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(stratumtest.Sample("1").Params())
			c.Hang()
		}},
		"before": {early, func(c *pc) {
			late(c)
			c.Notify(stratumtest.Sample("1").Params())
			c.Hang()
		}},
		"at all": {early, late, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			c.Notify(stratumtest.Sample("1").Params())
			c.Hang() // another request fails the test
		}},
	} {
		t.Run(name, func(t *testing.T) {
			server := stratumtest.Serve(t, scripts...)
			options := pools(server.URL)
			options.Pools[0].Rate = func() float64 { return 5e6 }
			r := run(t, options, nil)
			r.jobOf(server)
			r.says("connecting again", "suggesting a difficulty only after the authorization", server.URL)
			if name != "before" {
				r.says("connecting again", "without suggesting a difficulty", server.URL)
			}
		})
	}
}

// TestSuggestAtPublicPool: a pool that listens only before the authorization gives its
// first job at the difficulty that fits this machine.
func TestSuggestAtPublicPool(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		difficulty := "16384"
		c.Result(c.Expect("mining.configure"), `{}`)
		c.Result(c.Expect("mining.subscribe"), `[[],"00",4]`)
		if params := c.Expect("mining.suggest_difficulty").Params; len(params) == 1 && params[0] == 0.01 {
			difficulty = "0.01"
		}
		c.Result(c.Expect("mining.authorize"), "true")
		c.Difficulty(difficulty)
		c.Notify(stratumtest.Sample("1").Params())
		c.Expect("mining.suggest_difficulty")
		c.Hang()
	})
	options := pools(server.URL)
	options.Pools[0].Rate = func() float64 { return 5e6 }
	if job := run(t, options, nil).jobOf(server); job.Difficulty.Float64() != 0.01 {
		t.Errorf("difficulty %v", job.Difficulty)
	}
}
