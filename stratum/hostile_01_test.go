package stratum

import (
	"testing"

	"quarry/stratum/stratumtest"
	"quarry/stratum/v1"
)

func hostile01() []hostileCase {
	return []hostileCase{
		{name: "01-truncated-line", run: truncatedLine},
	}
}

// truncatedLine: a line end in the middle of a message. Two halves are ignored,
// the third within a minute ends the connection.
func truncatedLine(t *testing.T) {
	server := stratumtest.Serve(t, acting(func(c *pc) {
		c.Send(`{"id":null,"method":"mining.set_diffi`)
		c.Send(`culty","params":[2]}`)
		c.Notify(stratumtest.Sample("2").Params())
		c.Result(c.Expect("mining.submit"), "true")
		c.Send(`{"id":null,"meth`)
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	r.says("ignored an unreadable message", "mining.set_diffi")
	two := r.next("2")
	r.keeps(server, two, 2)
	r.drops(server, "3 unreadable messages within a minute", 1e9)
	r.stops()
	r.jobOf(server)
}
