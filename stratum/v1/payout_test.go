package v1

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"quarry/stratum/stratumtest"
)

// TestPayout: the warning comes when jobs paid to the user's address and do so
// no longer, and only then.
func TestPayout(t *testing.T) {
	const mine20, other20 = "751e76e8199196d454941c45d1b3a323f1433bd6", "0000000000000000000000000000000000000001"
	pay := func(to, value string) func(*stratumtest.Job) {
		return func(j *stratumtest.Job) {
			j.Coinb2 = "ffffffff02" + "0000000000000000036a0141" + value + "160014" + to + "00000000"
		}
	}
	ours, others := pay(mine20, "00f2052a01000000"), pay(other20, "00f2052a01000000")
	const address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	for _, c := range []struct {
		name, user string
		jobs       []func(*stratumtest.Job)
		warnings   int
	}{
		{"always", address + ".rig", []func(*stratumtest.Job){ours, ours}, 0},
		{"never", address, []func(*stratumtest.Job){others, others}, 0},
		{"only later", address, []func(*stratumtest.Job){others, ours}, 0},
		{"no longer", address + ".rig", []func(*stratumtest.Job){ours, others, ours, others}, 1},
		{"nothing", address, []func(*stratumtest.Job){ours, pay(mine20, "0000000000000000")}, 1},
		{"no address", "user", []func(*stratumtest.Job){ours, others}, 0},
		{"unreadable", address, []func(*stratumtest.Job){ours, func(j *stratumtest.Job) { j.Coinb2 += "00ff" }, func(j *stratumtest.Job) { j.Coinb2 = "ffffffff7f" }}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			core, logs := observer.New(zap.InfoLevel)
			server := stratumtest.Serve(t, func(p *pc) {
				p.Welcome(stratumtest.Usual())
				for _, change := range c.jobs {
					p.Notify(sampleWith("1", func(j *stratumtest.Job) {
						j.Coinb1 = "0200000001" + strings.Repeat("00", 32) + "ffffffff" + "0e03c943255c" + "61"
						change(j)
					}))
				}
			})
			m := mine(t, server, Config{User: c.user, Password: "x", Log: zap.New(core)})
			m.end() // the pool hangs up
			if n := logs.FilterMessageSnippet("no longer pay").Len(); n != c.warnings {
				t.Errorf("%d warnings, want %d: %v", n, c.warnings, logs.All())
			}
		})
	}
}
