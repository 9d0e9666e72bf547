package stratum

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"quarry/stratum/stratumtest"
	"quarry/upstream/upstreamtest"
	"quarry/work"
)

// TestConformance: sessions of Stratum V1 are as an upstream client needs them.
func TestConformance(t *testing.T) {
	upstreamtest.Run(t, func(t testing.TB) upstreamtest.Fixture {
		peer := &obedient{}
		peer.kind.Store(uint32(work.Accepted))
		peer.server = stratumtest.Serve(t, peer.serve)
		options := pools(peer.server.URL).withDefaults()
		options.Pools[0].User = "user"
		members, err := Members(options)
		if err != nil {
			t.Fatal(err)
		}
		return upstreamtest.Fixture{Protocol: members[0].Protocol, Peer: peer, Resumes: true}
	})
}

// obedient is a pool that judges shares as it is told.
type obedient struct {
	server  *stratumtest.Server
	kind    atomic.Uint32 // work.VerdictKind
	submits atomic.Int32

	mu   sync.Mutex // guards the rest, and writing to conn
	conn *pc
	jobs int
}

func (p *obedient) serve(c *pc) {
	c.Welcome(stratumtest.Usual())
	p.mu.Lock()
	p.conn = c
	p.mu.Unlock()
	p.Job(0)
	for {
		p.judge(c, c.Expect("mining.submit"))
	}
}

func (p *obedient) judge(c *pc, r stratumtest.Request) {
	p.submits.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch work.VerdictKind(p.kind.Load()) {
	case work.Accepted:
		c.Result(r, "true")
	case work.Rejected:
		c.Send(`{"id":%s,"result":null,"error":[20,"not like this",null]}`, r.ID)
	}
}

func (p *obedient) Job(block byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs++
	job := stratumtest.Sample(fmt.Sprint(p.jobs))
	job.PrevHash = fmt.Sprintf("%02x", block) + job.PrevHash[2:]
	fmt.Fprintf(p.conn.Raw(), `{"id":null,"method":"mining.notify","params":%s}`+"\n", job.Params()) // it may be closed
}

func (p *obedient) Judge(kind work.VerdictKind) { p.kind.Store(uint32(kind)) }

func (p *obedient) Submits() int { return int(p.submits.Load()) }

func (p *obedient) HangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn.Raw().Close()
}
