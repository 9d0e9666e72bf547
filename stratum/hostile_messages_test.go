package stratum

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/work"
)

// messageCases: what arrives is no message, or none that was asked for, or is
// not from who it should be.
func messageCases() []hostileCase {
	return []hostileCase{
		{name: "plain-text-line", run: plainTextLine},
		{name: "tls-and-plain-mixed-up", run: tlsAndPlainMixedUp},
		{name: "bad-certificate", run: badCertificate},
		{name: "odd-bytes", run: oddBytes},
		{name: "batch-or-bare-value", run: batchOrBareValue},
		{name: "deep-nesting", run: deepNesting},
		{name: "duplicate-keys", run: duplicateKeys},
		{name: "odd-ids", run: oddIDs},
		{name: "stray-replies", run: strayReplies},
		{name: "replies-out-of-order", run: repliesOutOfOrder},
	}
}

// plainTextLine: ckpool says so before it hangs up. Until it does, it serves
// us.
func plainTextLine(t *testing.T) {
	server := stratumtest.Serve(t, acting(func(c *pc) {
		c.Send("Invalid JSON, \x1b[31mdisconnecting")
		c.Notify(stratumtest.Sample("2").Params())
		c.Result(c.Expect("mining.submit"), "true")
		c.Raw().Close()
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	two := r.next("2")
	r.says("ignored a line of text", "Invalid JSON, [31mdisconnecting")
	r.keeps(server, two, 2)
	r.drops(server, "the server closed the connection", time.Second)
	r.stops()
	r.jobOf(server)
}

// tlsAndPlainMixedUp: each side speaks what the other does not expect. The log
// names the other scheme; it is never taken by itself.
func tlsAndPlainMixedUp(t *testing.T) {
	certificate, _ := stratumtest.Certificate(t)
	inTheClear := func(act stratumtest.Script) stratumtest.Script { // of a TLS URL
		return func(c *pc) {
			var first [1]byte
			if n, _ := io.ReadFull(c.Raw(), first[:]); n > 0 && first[0] != 0x16 { // at the test's end it may connect and say nothing
				t.Errorf("the miner began with %x, want a TLS handshake", first)
			}
			act(c)
		}
	}
	for name, wrong := range map[string]struct {
		server *stratumtest.Server
		scheme string
		reason string
	}{
		"TLS alert": {stratumtest.Serve(t, func(c *pc) {
			c.Expect("mining.configure")
			c.Raw().Write([]byte{0x15, 0x03, 0x01, 0, 2, 2, 70})
			c.Hang()
		}), transport.SchemeTCP, "the server speaks TLS: use stratum+ssl:// for this port"},
		"TLS server": {stratumtest.ServeTLS(t, certificate, func(c *pc) { c.Hang() }), transport.SchemeTCP, "if this port is for TLS, use stratum+ssl://"},
		"plain server that answers": {stratumtest.Serve(t, inTheClear(func(c *pc) { c.Send("Invalid JSON, disconnecting"); c.Hang() })),
			transport.SchemeTLS, "the server does not speak TLS: use stratum+tcp:// if this port is meant to be plain"},
		"plain server that waits":    {stratumtest.Serve(t, inTheClear(func(c *pc) { c.Hang() })), transport.SchemeTLS, "if this port is plain, use stratum+tcp://"},
		"plain server that hangs up": {stratumtest.Serve(t, inTheClear(func(*pc) {})), transport.SchemeTLS, "if this port is plain, use stratum+tcp://"},
	} {
		t.Run(name, func(t *testing.T) {
			server := wrong.server
			server.URL = wrong.scheme + "://" + server.Address
			options := pools(server.URL)
			if name == "plain server that waits" {
				options.Limits.TLS = 100 * time.Millisecond
			}
			r := run(t, options, nil)
			r.drops(server, wrong.reason, time.Second)
			if !eventually(func() bool { return server.Connections() > 3 }) { // it goes on in the same way
				t.Errorf("%d connections", server.Connections())
			}
		})
	}
}

// badCertificate: no connection, no storm of attempts, another pool at once.
func badCertificate(t *testing.T) {
	good, ca := stratumtest.Certificate(t)
	otherHost, otherCA := stratumtest.Certificate(t, "pool.example")
	expired, expiredCA := expiredCertificate(t)
	for name, wrong := range map[string]struct {
		certificate tls.Certificate
		ca          string
		reason      string
	}{
		"unknown authority": {good, "", "is self-signed"},
		"expired":           {expired, expiredCA, " expired on "},
		"of another host":   {otherHost, otherCA, "not for the address 127.0.0.1"},
		"another one":       {good, otherCA, "another one than in"},
	} {
		t.Run(name, func(t *testing.T) {
			script := func(c *pc) { t.Errorf("the miner sent %s", c.Read().Line) }
			bad, other := stratumtest.ServeTLS(t, wrong.certificate, script), stratumtest.ServeTLS(t, good, works)
			options := pools(bad.URL, other.URL)
			options.Pools[0].TLS.CAFile, options.Pools[1].TLS.CAFile = wrong.ca, ca
			r := mineFailures(t, options)
			r.drops(bad, wrong.reason, time.Minute)
			r.says("pool failed", "the server's certificate", "--tls-pin sha256:")
			r.givesWay(bad, other, 1)
		})
	}
}

// expiredCertificate is one for 127.0.0.1 that was good until an hour ago, and
// a file that makes it an authority.
func expiredCertificate(t *testing.T) (certificate tls.Certificate, caFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caFile
}

// oddBytes: carriage returns, blank lines and a byte order mark are no fault;
// zero bytes and broken UTF-8 make a line unreadable.
func oddBytes(t *testing.T) {
	line := func(id string) string {
		return fmt.Sprintf(`{"id":null,"method":"mining.notify","params":%s}`, stratumtest.Sample(id).Params())
	}
	server := stratumtest.Serve(t, acting(func(c *pc) {
		for range 300 {
			c.Send("\n\r\n \t\r")
		}
		c.Send("%s\r", line("CRLF"))
		c.Send("\xef\xbb\xbf%s", line("BOM"))
		c.Send("%s", strings.Replace(line("zero"), "zero", "zero \x00", 1))
		c.Send("%s", strings.Replace(line("broken"), "broken", "broken \xff UTF-8", 1))
		c.Send("%s", line("2"))
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	for _, id := range []string{"CRLF", "BOM", "2"} { // and no other
		if job := r.jobOf(server); job.ID != id {
			t.Errorf("job %q, want %q", job.ID, id)
		} else if id == "2" {
			r.keeps(server, job, 2)
		}
	}
	r.says("ignored an unreadable message", "zero")
	if n := r.told("ignored an unreadable message"); n != 1 { // one a second
		t.Errorf("%d lines about two unreadable messages at once", n)
	}
}

// batchOrBareValue: nothing in an array is looked at.
func batchOrBareValue(t *testing.T) {
	batch := fmt.Sprintf(`[{"id":null,"method":"mining.notify","params":%s}]`, stratumtest.Sample("batch").Params())
	for name, text := range map[string]string{"array": batch, "number": "42", "text": `"mining.notify"`, "null": "null", "true": "true"} {
		t.Run(name, func(t *testing.T) {
			server := stratumtest.Serve(t, acting(func(c *pc) {
				c.Send("%s", text)
				c.Notify(stratumtest.Sample("2").Params())
				c.Result(c.Expect("mining.submit"), "true")
				c.Send("%s", text)
				c.Send("%s", text)
			}))
			r := mine(t, v1.Limits{}, server)
			r.provoke(server)
			two := r.jobOf(server)
			if two.ID != "2" {
				t.Errorf("job %q", two.ID)
			}
			r.says("ignored an unreadable message", "message is not a JSON object")
			r.keeps(server, two, 2)
			r.drops(server, "3 unreadable messages within a minute", time.Second)
		})
	}
}

// deepNesting: 100,000 brackets are read without a stack of that depth; what is
// nested less deeply than JSON's own limit is a message, though a useless one.
func deepNesting(t *testing.T) {
	nested := func(depth int) string {
		return `{"id":null,"method":"mining.set_difficulty","params":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}"
	}
	server := stratumtest.Serve(t, acting(func(c *pc) {
		c.Send("%s", nested(100_000))
		c.Send("%s", nested(9_000))
		c.Send("%s", strings.Repeat("[", 100_000))
		c.Notify(stratumtest.Sample("2").Params())
		c.Result(c.Expect("mining.submit"), "true")
		c.Send("%s", strings.Repeat(`{"id":`, 40_000))
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	two := r.next("2")
	r.says("ignored an unreadable message", "exceeded max depth")
	r.says("ignored a malformed message", "mining.set_difficulty")
	r.keeps(server, two, 2)
	r.drops(server, "3 unreadable messages within a minute", time.Second)
	r.stops()
	r.jobOf(server)
}

// duplicateKeys: the last one counts, in pushes and in replies.
func duplicateKeys(t *testing.T) {
	server := stratumtest.Serve(t, acting(func(c *pc) {
		c.Send(`{"id":null,"method":"client.reconnect","params":[],"method":"mining.notify","params":%s}`, stratumtest.Sample("2").Params())
		s := c.Expect("mining.submit")
		c.Send(`{"id":99999,"result":false,"error":[20,"no",null],"id":%s,"result":true,"error":null}`, s.ID)
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	two := r.next("2")
	r.keeps(server, two, 2)
	r.keeps(server, two, 3)
}

// oddIDs: an id is known as a text, or as a float. What can be none of ours is
// ignored, in the handshake too.
func oddIDs(t *testing.T) {
	server := stratumtest.Serve(t, func(c *pc) {
		offer := `[[],"0a0b0c0d",4]`
		r := c.Expect("mining.configure")
		c.Send(`{"id":"%s","result":{"version-rolling":true,"version-rolling.mask":"1fffe000"}}`, r.ID)
		r = c.Expect("mining.subscribe")
		for _, id := range []string{"123456789012345678901234567890", "1e999", "-2", "2.5", "[2]", `{"id":2}`, "null", "true", `"two"`, `""`} {
			c.Send(`{"id":%s,"result":[[],"ffffffff",8],"error":null}`, id)
		}
		c.Send(`{"result":[[],"ffffffff",8],"error":null}`) // absent
		c.Send(`{"id":%s.0,"result":%s,"error":null}`, r.ID, offer)
		r = c.Expect("mining.authorize")
		c.Send(`{"id":%se0,"result":true,"error":null}`, r.ID)
		c.Notify(stratumtest.Sample("1").Params())
		r = c.Expect("mining.submit")
		c.Send(`{"id":" %s","result":false,"error":null}`, r.ID)
		c.Send(`{"id":{"n":%s},"result":false,"error":null}`, r.ID)
		c.Send(`{"id":"%s","result":true,"error":null}`, r.ID)
		accepts(c)
	})
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	if one := fmt.Sprintf("%x", job.Extranonce1); one != "0a0b0c0d" || job.VersionMask == 0 {
		t.Errorf("extranonce1 %s, version mask %08x", one, job.VersionMask)
	}
	r.keeps(server, job, 1)
	r.keeps(server, job, 2)
}

// strayReplies to what was never asked, or was answered already, change
// nothing. A hundred within a minute are let pass, the next ends it.
func strayReplies(t *testing.T) {
	server := stratumtest.Serve(t, acting(func(c *pc) {
		for i := range 98 {
			c.Send(`{"id":%d,"result":false,"error":[23,"low difficulty",null]}`, 1+1000*(i%2)) // id 1 was mining.configure
		}
		c.Notify(stratumtest.Sample("2").Params())
		s := c.Expect("mining.submit")
		c.Result(s, "true")
		c.Error(s, `[21,"stale",null]`)
		c.Error(s, `[21,"stale",null]`)
		c.Result(c.Expect("mining.submit"), "true")
		c.Result(s, "true")
	}))
	r := mine(t, v1.Limits{}, server)
	r.provoke(server)
	two := r.next("2")
	r.keeps(server, two, 2)
	r.keeps(server, two, 3)
	r.drops(server, "100 unsolicited replies", time.Second)
	r.stops()
	r.jobOf(server)
}

// repliesOutOfOrder: each share gets its own verdict. In the handshake there is
// one question at a time, so a reply can only be too early; that is no harm.
func repliesOutOfOrder(t *testing.T) {
	const shares = 20
	server := stratumtest.Serve(t, func(c *pc) {
		r := c.Expect("mining.configure")
		c.Send(`{"id":2,"result":[[],"ffffffff",8],"error":null}`)
		c.Send(`{"id":3,"result":false,"error":null}`)
		c.Result(r, `{"version-rolling":false}`)
		c.Result(c.Expect("mining.subscribe"), `[[],"0a0b0c0d",4]`)
		c.Result(c.Expect("mining.authorize"), "true")
		c.Notify(stratumtest.Sample("1").Params())
		var requests []stratumtest.Request
		for range shares {
			requests = append(requests, c.Expect("mining.submit"))
		}
		for i := range requests {
			s := requests[shares-1-i]
			if nonce := fmt.Sprint(s.Params[4]); nonce[len(nonce)-1]%2 == 0 { // the digit, and its code
				c.Result(s, "true")
			} else {
				c.Error(s, fmt.Sprintf(`[20,"I refuse %s",null]`, nonce))
			}
		}
		c.Hang()
	})
	r := mine(t, v1.Limits{}, server)
	job := r.jobOf(server)
	var verdicts [shares]<-chan work.Verdict
	for nonce := range verdicts {
		verdicts[nonce] = r.later(share(job, uint32(nonce%10)+uint32(nonce/10)*0x10))
	}
	for nonce, of := range verdicts {
		v := r.verdict(of)
		switch {
		case nonce%2 == 0 && v.Kind != work.Accepted:
			t.Errorf("share %d: %v", nonce, v)
		case nonce%2 == 1 && (v.Kind != work.Rejected || v.Text != fmt.Sprintf("I refuse %08x", nonce%10+nonce/10*0x10)):
			t.Errorf("share %d: %v", nonce, v)
		}
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
