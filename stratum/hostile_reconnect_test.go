package stratum

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/work"
)

// reconnectCases: connections that do not last, and names.
func reconnectCases() []hostileCase {
	return []hostileCase{
		{name: "closes-at-once", run: hostileHangUp, slow: true},
		{name: "resets-and-names", run: hostileResetsAndNames},
		{name: "payout-swapped", run: hostilePayout},
		{name: "session-id-of-another-pool", run: hostileSessionID},
	}
}

// doubling are the pauses of a pool that keeps failing.
func doubling(count int) []time.Duration {
	pauses, next := make([]time.Duration, count), time.Second
	for i := range pauses {
		pauses[i], next = next, min(2*next, time.Minute)
	}
	return pauses
}

// hostileHangUp: the pauses double, whether the pool hangs up at once or after
// every share: a connection that worked for less than a minute does not reset
// them.
func hostileHangUp(t *testing.T) {
	t.Run("after accept", func(t *testing.T) {
		server := stratumtest.Serve(t, func(*pc) {})
		r := run(t, pools(server.URL), func(r *running) { still(r); r.enough = 8 })
		r.end()
		r.paused(doubling(8)...)
		// The first attempt is made twice: the pool might mind mining.configure.
		if n := server.Connections(); n != 9 {
			t.Errorf("%d connections in 8 attempts", n)
		}
		r.logged("pool failed", "closed the connection")
		r.nothingMore()
	})
	t.Run("after accept, with a backup", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, func(*pc) {}), stratumtest.Serve(t, works)
		r := mineFailures(t, pools(server.URL, backup.URL))
		r.keeps(backup, r.givesWay(server, backup, 3), 1)
	})
	t.Run("after each submit", func(t *testing.T) {
		count := 0
		server := stratumtest.Serve(t, func(c *pc) {
			count++ // connections come one after another
			offer := stratumtest.Usual()
			offer.SessionID, offer.Extranonce1 = "", fmt.Sprintf("%08x", count)
			c.Welcome(offer)
			c.Notify(today("1").Params())
			c.Expect("mining.submit")
		})
		r := run(t, pools(server.URL), func(r *running) { still(r); r.enough = 7 })
		for nonce := range uint32(7) {
			job := r.jobOf(server)
			if v := r.submit(share(job, nonce)); !disconnected(v) {
				t.Errorf("verdict %v", v)
			}
			r.noWorkFor(job)
		}
		r.end()
		r.paused(doubling(7)...)
		r.logged("pool lost", "closed the connection")
	})
	t.Run("after each submit, and resumes", func(t *testing.T) {
		server := resumes(t, today("1"), func(c *pc) { c.Expect("mining.submit") })
		r := run(t, pools(server.URL), waitsBriefly)
		v := r.submit(share(r.jobOf(server), 1))
		if !disconnected(v) || !v.Sent {
			t.Errorf("verdict %v", v)
		}
		// 120 s with pauses of 1, 2, 4, 8, 16, 32 and 60 s
		if n := server.Connections(); n < 2 || n > 8 {
			t.Errorf("one share was tried over %d connections", n)
		}
	})
}

// hostileResetsAndNames: connections that are reset, and names that do not
// resolve.
func hostileResetsAndNames(t *testing.T) {
	reset := func(c *pc) { c.Raw().(*net.TCPConn).SetLinger(0) }
	t.Run("resets at once", func(t *testing.T) {
		r := run(t, pools(stratumtest.Serve(t, reset).URL), func(r *running) { still(r); r.enough = 8 })
		r.end()
		r.paused(doubling(8)...)
		if n := r.told("pool failed", "connection"); n != 8 {
			t.Errorf("%d of 8 failures are told: %v", n, r.lines())
		}
		r.nothingMore()
	})
	t.Run("resets while working", func(t *testing.T) {
		server, backup := stratumtest.Serve(t, func(c *pc) {
			offer := stratumtest.Usual()
			offer.SessionID, offer.Extranonce1 = "", "00000001"
			c.Welcome(offer)
			c.Notify(today("1").Params())
			c.Expect("mining.submit")
			reset(c)
		}, reset), stratumtest.Serve(t, works)
		r := mineFailures(t, pools(server.URL, backup.URL))
		job := r.jobOf(server)
		if v := r.submit(share(job, 1)); !disconnected(v) {
			t.Errorf("verdict %v", v)
		}
		r.stops()
		r.keeps(backup, r.givesWay(server, backup, 3), 2)
		r.logged("pool lost", "closed the connection")
	})
	t.Run("names", hostileNames)
}

// hostileNames: a name that is not known, or is blocked by being given the
// address of nothing, is left at once. One with a private address may be a pool
// at home: it is used, and logged.
func hostileNames(t *testing.T) {
	names := &stratumtest.Names{}
	server, backup := stratumtest.Serve(t, works), stratumtest.Serve(t, works)
	_, port, _ := net.SplitHostPort(server.Address)
	named := &stratumtest.Server{URL: "stratum+tcp://pool.example.org:" + port}
	for _, c := range []struct{ address, reason string }{{"", "no such host"}, {"0.0.0.0", "0.0.0.0"}, {"::", "is the name blocked by a DNS filter?"}} {
		if c.address != "" {
			names.Set("pool.example.org", c.address)
		}
		r := run(t, pools(named.URL), func(r *running) {
			still(r)
			r.enough, r.taps[0].pool().dialer.Resolver = 4, names.Resolver()
		})
		r.end()
		r.paused(doubling(4)...)
		r.drops(named, c.reason, time.Second)
		r.nothingMore()

		r = run(t, pools(named.URL, backup.URL), func(r *running) {
			onlyFailures(r)
			r.taps[0].pool().dialer.Resolver = names.Resolver()
		})
		if v := r.submit(share(r.givesWay(named, backup, 1), 1)); v.Kind != work.Accepted {
			t.Error(v)
		}
		r.stop()
	}
	names.Set("pool.example.org", "127.0.0.1")
	r := run(t, pools(named.URL), func(r *running) { r.taps[0].pool().dialer.Resolver = names.Resolver() })
	r.keeps(server, r.jobOf(named), 1)
	r.says("warn ", named.URL, "private address", "127.0.0.1")
	r.nothingMore()
}

// hostilePayout: where the user is an address and jobs paid to it, a job that
// does not is worth a warning. Most pools never pay so, hence no word about
// those. The jobs are mined as they are.
func hostilePayout(t *testing.T) {
	const address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" // of the sample job's output
	stranger := strings.Repeat("ab", 20)
	pays := today("pays")
	swapped := onBlock(2, today("swapped"))
	swapped.Coinb2 = strings.Replace(swapped.Coinb2, "751e76e8199196d454941c45d1b3a323f1433bd6", stranger, 1)
	both := onBlock(1, today("both")) // part of it goes to the pool
	both.Coinb2 = strings.Replace(both.Coinb2, "ffffffff0100f2052a01000000160014", "ffffffff020100000000000000160014"+stranger+"00f2052a01000000160014", 1)
	garbled := onBlock(3, today("garbled"))
	garbled.Coinb2 = "ffffffffff"
	const warning = "jobs no longer pay the user's own address"
	mining := func(t *testing.T, jobs ...stratumtest.Job) *running {
		server := stratumtest.Serve(t, func(c *pc) {
			c.Welcome(stratumtest.Usual())
			for _, job := range jobs {
				c.Notify(job.Params())
			}
			accepts(c)
		})
		options := pools(server.URL)
		options.Pools[0].User, options.Pools[0].Password = address+".rig", "x"
		r := run(t, options, nil)
		var last *work.Job
		for range jobs {
			last = r.jobOf(server)
		}
		r.keeps(server, last, 1)
		r.nothingMore()
		return r
	}
	t.Run("swapped", func(t *testing.T) {
		mining(t, pays, both, garbled, swapped).says("warn ", warning, "swapped")
	})
	for name, jobs := range map[string][]stratumtest.Job{"kept": {pays, both, pays}, "never": {swapped, garbled, swapped}} {
		t.Run(name, func(t *testing.T) {
			if r := mining(t, jobs...); r.told(warning) > 0 {
				t.Errorf("warned: %v", r.lines())
			}
		})
	}
}

// hostileSessionID: the id that resumes a session goes to the pool that gave
// it, whatever happened since.
func hostileSessionID(t *testing.T) {
	type asked struct {
		pool, params string
	}
	subscriptions := make(chan asked, 100)
	serve := func(name string) stratumtest.Script {
		return func(c *pc) {
			offer := stratumtest.Usual()
			offer.SessionID = "id-of-" + name
			params := c.Welcome(offer)["mining.subscribe"].Params
			subscriptions <- asked{name, fmt.Sprint(params)}
			c.Notify(today(name).Params())
			for {
				s := c.Expect("mining.submit")
				if s.Params[4] == "0000dead" {
					c.Result(s, "true")
					return
				}
				c.Result(s, "true")
			}
		}
	}
	down := func(c *pc) {
		for {
			m := c.Read()
			if m.Method == "mining.subscribe" {
				subscriptions <- asked{"a", fmt.Sprint(m.Params)}
				return
			}
			c.Result(m, "{}")
		}
	}
	redirects := func(c *pc) {
		offer := stratumtest.Usual()
		offer.SessionID = "id-of-b"
		subscriptions <- asked{"b", fmt.Sprint(c.Welcome(offer)["mining.subscribe"].Params)}
		c.Notify(today("b").Params())
		if s := c.Expect("mining.submit"); s.Params[4] == "00000001" {
			c.Result(s, "true")
		}
		c.Send(`{"id":null,"method":"client.reconnect","params":["127.0.0.1",1,0]}`)
		c.Hang()
	}
	a := stratumtest.Serve(t, serve("a"), down, down, down, serve("a"))
	b := stratumtest.Serve(t, redirects, serve("b"))
	options := pools(a.URL, b.URL)
	options.Failback = time.Hour // only once the other breaks
	r := run(t, options, nil)
	job := r.jobOf(a)
	r.submit(share(job, 0xdead))
	for job = r.job(); job == nil || job.Pool != b.URL; job = r.job() {
	}
	if v := r.submit(share(job, 1)); v.Kind != work.Accepted {
		t.Error(v)
	}
	seen := make(map[asked]int)
	for seen[asked{"b", "[quarry/test id-of-b]"}] == 0 || seen[asked{"a", "[quarry/test id-of-a]"}] < 4 {
		seen[await(t, subscriptions)]++
	}
	for s := range seen {
		if s.params != "[quarry/test]" && s.params != "[quarry/test id-of-"+s.pool+"]" {
			t.Errorf("pool %s was asked with %s", s.pool, s.params)
		}
	}
}
