package stratumtest

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
)

// Offer is what a pool offers in its handshake.
type Offer struct {
	Mask        string // of version rolling; empty: refused in the reply
	SessionID   string
	Extranonce1 string
	Size        int    // of extranonce2
	Difficulty  string // JSON text, sent after the subscription; empty: not sent
}

// Usual returns an ordinary offer.
func Usual() Offer {
	return Offer{Mask: "1fffe000", SessionID: "deadbeef", Extranonce1: "0a0b0c0d", Size: 4, Difficulty: "1"}
}

// Welcome completes the handshake: configure (which the miner may leave
// out), subscribe, authorize. It returns the requests by their method.
func (c *Conn) Welcome(o Offer) map[string]Request {
	requests := make(map[string]Request)
	r := c.Read()
	if r.Method == "mining.configure" {
		requests[r.Method] = r
		c.Result(r, o.configured())
		r = c.Expect("mining.subscribe")
	}
	requests[r.Method] = r
	c.Result(r, fmt.Sprintf(`[[["mining.notify",%q]],%q,%d]`, o.SessionID, o.Extranonce1, o.Size))
	if o.Difficulty != "" {
		c.Difficulty(o.Difficulty)
	}
	if r = c.Read(); r.Method == "mining.suggest_difficulty" {
		requests[r.Method] = r
		r = c.Read()
	}
	if r.Method != "mining.authorize" {
		c.t.Errorf("the miner sent %s, want mining.authorize", r.Line)
		runtime.Goexit()
	}
	requests[r.Method] = r
	c.Result(r, "true")
	return requests
}

func (o Offer) configured() string {
	if o.Mask == "" {
		return `{"version-rolling":false}`
	}
	return fmt.Sprintf(`{"version-rolling":true,"version-rolling.mask":%q}`, o.Mask)
}

// Difficulty sends mining.set_difficulty with a JSON text.
func (c *Conn) Difficulty(d string) {
	c.Send(`{"id":null,"method":"mining.set_difficulty","params":[%s]}`, d)
}

// Notify sends mining.notify with the parameters, given as JSON text, which
// may contain line breaks.
func (c *Conn) Notify(params string) {
	c.Send(`{"id":null,"method":"mining.notify","params":%s}`, strings.ReplaceAll(params, "\n", " "))
}

// Job is a job with the parameters of mining.notify.
type Job struct {
	ID, PrevHash, Coinb1, Coinb2 string
	Branches                     []string
	Version, NBits, NTime        string
	Clean                        bool
}

// Sample returns an ordinary job.
func Sample(id string) Job {
	return Job{
		ID:       id,
		PrevHash: "171592f223740e92d223f6e68bff25279af7ac4f2246451e0000000200000000",
		Coinb1:   "0200000001" + zeros + "ffffffff1903c94325" + "5c7075626c69632d706f6f6c5c",
		Coinb2:   "ffffffff0100f2052a010000001600147" + "51e76e8199196d454941c45d1b3a323f1433bd600000000",
		Version:  "20000000", NBits: "192495f8", NTime: "64b3f3ec", Clean: true,
	}
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// Params returns the parameters of mining.notify as JSON text.
func (j Job) Params() string {
	if j.Branches == nil {
		j.Branches = []string{}
	}
	b, err := json.Marshal([]any{j.ID, j.PrevHash, j.Coinb1, j.Coinb2, j.Branches, j.Version, j.NBits, j.NTime, j.Clean})
	if err != nil {
		panic(err)
	}
	return string(b)
}
