package stratum

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// framingCases: connections that break or fall silent, and lines that do not
// end.
func framingCases() []hostileCase {
	return []hostileCase{
		{name: "truncated-line", run: truncatedLine},
		{name: "eof-in-mid-line", run: eofInMidLine},
		{name: "line-without-end", run: lineWithoutEnd},
		{name: "slowloris", run: slowloris},
		{name: "silent-after-connect", run: silentAfterConnect, slow: true},
		{name: "never-a-job", run: neverAJob},
		{name: "silent-after-working", run: silentAfterWorking},
		{name: "half-open", run: halfOpen, slow: true},
		{name: "peer-never-reads", run: peerNeverReads, slow: true},
		{name: "not-a-stratum-server", run: notAStratumServer},
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
	two := r.next("2")
	if two.Difficulty.Float64() != 1 {
		t.Errorf("difficulty %v, of a broken message", two.Difficulty)
	}
	r.says("ignored an unreadable message", "mining.set_diffi")
	r.keeps(server, two, 2)
	r.drops(server, "3 unreadable messages within a minute", time.Second)
	r.stops()
	r.jobOf(server)
}

// eofInMidLine: the end of a message is the end of its line, not of the
// connection.
func eofInMidLine(t *testing.T) {
	server := stratumtest.Serve(t, acting(func(c *pc) {
		fmt.Fprintf(c.Raw(), `{"id":null,"method":"mining.notify","params":%s}`, stratumtest.Sample("partial").Params())
		c.Raw().Close()
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	r.drops(server, "the server closed the connection in the middle of a line", time.Second)
	r.stops()
	if job := r.jobOf(server); job.ID != "1" {
		t.Errorf("job %q", job.ID)
	}
}

// lineWithoutEnd: a line of the limit is taken, one byte more ends the
// connection before the line does. The reader never holds more than the limit
// and one read.
func lineWithoutEnd(t *testing.T) {
	limit := v1.Limits{}.WithDefaults().Line
	script, gone := hungUp(acting(func(c *pc) {
		line := fmt.Sprintf(`{"id":null,"method":"mining.notify","params":%s}`, stratumtest.Sample("long").Params())
		c.Send("%s", line[:1]+strings.Repeat(" ", limit-len(line))+line[1:])
		c.Result(c.Expect("mining.submit"), "true")
		c.Raw().Write(bytes.Repeat([]byte("x"), limit+1))
	}))
	server := stratumtest.Serve(t, script)
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	r.keeps(server, r.next("long"), 2)
	r.drops(server, "line longer than 262144 bytes", time.Second)
	await(t, gone)
	r.stops()
	r.jobOf(server)

	readerHolds(t, limit)
}

// readerHolds measures how much the reader reads and holds of a text without
// end.
func readerHolds(t *testing.T, limit int) {
	server := stratumtest.Serve(t, func(c *pc) {
		for {
			if _, err := io.WriteString(c.Raw(), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"); err != nil {
				return
			}
		}
	})
	raw, err := net.Dial("tcp", server.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	counted := &countingConn{Conn: raw}
	lines := transport.NewLines(counted, transport.Limits{})
	if line, err := lines.ReadMessage(); err == nil {
		t.Errorf("took a line of %d bytes", len(line))
	}
	if most := limit + 4<<10; counted.read > most {
		t.Errorf("read %d bytes, want at most %d", counted.read, most)
	} else if held := reflect.ValueOf(lines).Elem().FieldByName("buf").Cap(); held > most {
		t.Errorf("holds %d bytes, want at most %d", held, most)
	}
}

type countingConn struct {
	net.Conn
	read int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}

// slowloris: bytes keep coming, but the line does not end.
func slowloris(t *testing.T) {
	script, gone := hungUp(acting(func(c *pc) {
		for {
			if _, err := io.WriteString(c.Raw(), "{"); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}))
	server := stratumtest.Serve(t, script)
	r := mine(t, v1.Limits{Limits: transport.Limits{LineTime: 150 * time.Millisecond}}, server)
	r.provoke(server)
	r.drops(server, "a line was not complete after 150ms", time.Second)
	await(t, gone)
	r.stops()
	r.jobOf(server)
}

// silentAfterConnect: no answer comes. Each step of the handshake has its limit.
// That of mining.configure is shorter, since there are pools which never answer
// it: it costs 5 s and one connection more, then it is left out. What is
// answered has time enough here, what never comes has not.
func silentAfterConnect(t *testing.T) {
	for name, step := range map[string]struct {
		limits   v1.Limits
		script   stratumtest.Script
		reason   string
		failures int // until the next pool; refusing the user fails over at once
	}{
		"at all": {v1.Limits{Configure: 50 * time.Millisecond, Handshake: 60 * time.Millisecond},
			func(c *pc) { c.Hang() }, "no answer to mining.subscribe within 60ms", 3},
		"subscribe": {v1.Limits{Handshake: 60 * time.Millisecond},
			func(c *pc) { c.Result(c.Expect("mining.configure"), "{}"); c.Hang() }, "no answer to mining.subscribe within 60ms", 3},
		"authorize": {v1.Limits{Handshake: time.Second}, func(c *pc) {
			c.Result(c.Expect("mining.configure"), "{}")
			c.Result(c.Expect("mining.subscribe"), `[[],"0a",4]`)
			c.Expect("mining.authorize")
			c.Hang()
		}, "no answer to mining.authorize within 1s", 1},
	} {
		t.Run(name, func(t *testing.T) {
			script, gone := hungUp(step.script)
			silent, other := stratumtest.Serve(t, script), stratumtest.Serve(t, works)
			options := pools(silent.URL, other.URL)
			options.Limits = step.limits
			r := mineFailures(t, options)
			r.drops(silent, step.reason, time.Second)
			await(t, gone)
			r.givesWay(silent, other, step.failures)
		})
	}
}

// neverAJob: all is well but there is nothing to do. That is a reason to try
// another pool at once.
func neverAJob(t *testing.T) {
	idle := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(stratumtest.Usual())
		for { // not silent
			c.Difficulty("2")
			time.Sleep(10 * time.Millisecond)
		}
	})
	other := stratumtest.Serve(t, works)
	options := pools(idle.URL, other.URL)
	options.Limits.FirstJob = 100 * time.Millisecond
	r := mineFailures(t, options)
	r.drops(idle, "the pool sends no job: none within 100ms of the authorization", time.Second)
	r.givesWay(idle, other, 1)
}

// silentAfterWorking: mining goes on until the silence is taken for the end, and
// no longer.
func silentAfterWorking(t *testing.T) {
	silence := 300 * time.Millisecond
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(stratumtest.Sample("1").Params())
		c.Hang()
	})
	r := mine(t, v1.Limits{Limits: transport.Limits{Silence: silence}}, server)
	job := r.jobOf(server)
	r.stops()
	if after := time.Since(job.Received); after < silence-10*time.Millisecond {
		t.Errorf("hashing stopped after %v of silence", after)
	}
	r.drops(server, "the server is silent for 300ms", time.Second)
	r.jobOf(server)
}

// halfOpen: the pool vanishes. To us that is silence, but shares
// are under way: they get their verdict when the connection is given up. The
// system's own probes are on, so that a dead peer is found while we have
// nothing to send.
func halfOpen(t *testing.T) {
	deaf := make(chan struct{})
	defer close(deaf)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(stratumtest.Sample("1").Params())
		<-deaf // neither reads nor writes nor closes
	}, acting(accepts))
	r := mine(t, v1.Limits{Limits: transport.Limits{Silence: 2 * time.Second}}, server) // in which the check is made
	job := r.jobOf(server)
	checkKeepAlive(t, server)
	verdict := r.later(share(job, 1))
	r.drops(server, "the server is silent for 2s", time.Second)
	if v := r.verdict(verdict); !disconnected(v) {
		t.Errorf("the share under way: %v", v)
	}
	r.stops()
	r.jobOf(server)
}

// checkKeepAlive looks up, in what Linux reports, the timer of the miner's end of
// the connection: kind 2 is that of keepalive, in hundredths of a second.
func checkKeepAlive(t *testing.T, s *stratumtest.Server) {
	if runtime.GOOS != "linux" {
		t.Log("the keepalive timer is seen on Linux only")
		return
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	var port int
	fmt.Sscanf(s.Address, "127.0.0.1:%d", &port)
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[2] != fmt.Sprintf("0100007F:%04X", port) || fields[3] != "01" {
			continue
		}
		var kind, hundredths int
		fmt.Sscanf(fields[5], "%x:%x", &kind, &hundredths)
		if kind != 2 || hundredths > 3100 {
			t.Errorf("no keepalive timer of 30 s: %s", line)
		}
		return
	}
	t.Errorf("the connection to port %d is not in %s", port, table)
}

// peerNeverReads: the pool's window closes, so writing stands still. The
// deadline ends it. Hashing and the reader go on meanwhile, and every share
// gets its verdict. 64 shares fit into any buffer, so it takes many whose
// sender does not wait for the verdict to come that far. Shares beyond the 64
// are not lost at once: they wait for a place.
func peerNeverReads(t *testing.T) {
	stuck, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(stratumtest.Sample(strings.Repeat("j", 240)).Params())
		select {
		case <-stuck:
		case <-end:
			return
		}
		c.Notify(stratumtest.Sample("meanwhile").Params())
		<-end
	}, acting(accepts))
	options := pools(server.URL)
	options.Pools[0].User, options.Pools[0].Password = strings.Repeat("u", 550), "x"
	options.Limits = v1.Limits{Limits: transport.Limits{Write: 5 * time.Second}, ShareRate: 1 << 30, ShareBurst: 1 << 30}
	var written atomic.Uint32
	var senders sync.Map // the share to the function that takes its sender away
	options.Trace.SubmitWritten = func(s *work.Share, _ time.Time) {
		written.Add(1)
		leave, _ := senders.LoadAndDelete(s)
		leave.(context.CancelFunc)()
	}
	r := run(t, options, nil)
	job := r.jobOf(server)
	verdicts := make(chan work.Verdict, 8)
	for first := range uint32(cap(verdicts)) {
		go func() {
			for nonce := first; ; nonce += uint32(cap(verdicts)) {
				s := share(job, nonce)
				ctx, leave := context.WithTimeout(context.Background(), patience)
				senders.Store(s, leave)
				if v := r.Submit(ctx, s); v.Kind == work.Accepted || ctx.Err() != context.Canceled {
					verdicts <- v
					leave()
					return
				}
			}
		}()
	}
	for before := uint32(0); before == 0 || before != written.Load(); time.Sleep(100 * time.Millisecond) {
		before = written.Load()
	}
	close(stuck)
	r.next("meanwhile")
	r.drops(server, "write to the server", time.Second)
	for range cap(verdicts) {
		if v := r.verdict(verdicts); !disconnected(v) {
			t.Errorf("verdict %v", v)
		}
	}
	r.stops()
	r.jobOf(server)
	t.Run("bounded", neverAnswers)
}

// neverAnswers: no more than 64 shares are under way.
func neverAnswers(t *testing.T) {
	bound := v1.Limits{}.WithDefaults().Shares
	full := make(chan struct{})
	server := stratumtest.Serve(t, func(c *pc) {
		c.Welcome(newOffer())
		c.Notify(stratumtest.Sample("1").Params())
		var requests []stratumtest.Request
		for range bound {
			requests = append(requests, c.Expect("mining.submit"))
		}
		c.Send(`{"id":7,"method":"mining.ping","params":[]}`)
		if r := c.Read(); r.Method != "" {
			t.Errorf("beyond %d unanswered shares the miner sent %s", bound, r.Line)
		}
		close(full)
		for _, r := range requests {
			c.Result(r, "true")
		}
		accepts(c)
	})
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	verdicts := make(chan work.Verdict, 3*bound)
	for nonce := range uint32(3 * bound) {
		go func() { verdicts <- r.submit(share(job, nonce)) }()
	}
	await(t, full)
	for range 3 * bound {
		if v := r.verdict(verdicts); v.Kind != work.Accepted {
			t.Errorf("verdict %v", v)
		}
	}
}

// notAStratumServer: the first words are of another protocol.
func notAStratumServer(t *testing.T) {
	for name, banner := range map[string]string{
		"HTTP": "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>",
		"SSH":  "SSH-2.0-OpenSSH_9.9\r",
		"HTML": "<!DOCTYPE html><title>It works!</title>",
	} {
		t.Run(name, func(t *testing.T) {
			script, gone := hungUp(func(c *pc) { c.Send("%s", banner) })
			web, other := stratumtest.Serve(t, script), stratumtest.Serve(t, works)
			r := mineFailures(t, pools(web.URL, other.URL))
			r.drops(web, fmt.Sprintf("not a Stratum server: it says %q", strings.TrimSpace(strings.Split(banner, "\r")[0])), time.Second)
			await(t, gone)
			r.givesWay(web, other, 3)
		})
	}
}
