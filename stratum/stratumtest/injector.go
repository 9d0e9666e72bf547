package stratumtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Direction is which way a line goes.
type Direction int

// The directions.
const (
	ToPool Direction = iota
	ToClient
)

func (d Direction) String() string { return [...]string{"to the pool", "to the client"}[d] }

// Fault is a kind of trouble.
type Fault string

// The faults. All but the last four are those of an [Injector].
const (
	Delayed     Fault = "delay"
	Cut         Fault = "connection closed (FIN)"
	Reset       Fault = "connection reset (RST)"
	HalfOpen    Fault = "half-open"
	Truncated   Fault = "line truncated"
	Flipped     Fault = "byte flipped"
	Reordered   Fault = "reply reordered"
	Stalled     Fault = "slow reader"
	Refused     Fault = "connections refused"
	Moved       Fault = "address changed"
	Recertified Fault = "certificate changed"

	Restarted  Fault = "pool restarted"
	ByClient   Fault = "closed by the client"
	ByPool     Fault = "closed by the pool"
	NoSuchName Fault = "name not found"
)

// Passage is one line on its way, and what became of it.
type Passage struct {
	Link      int // which connection, from 1 on
	At        time.Time
	Direction Direction
	Line      []byte // as it came, with its end
	Sent      []byte // what went on of it: nothing, a part, all, or other bytes
	Fault     Fault  // why it is not all of it; empty: it is
}

// Whole tells whether the line went on as it came.
func (p Passage) Whole() bool { return p.Fault == "" }

// Witness is told what happens. Its functions are called from several
// goroutines; nil ones are not.
type Witness struct {
	// Opened: a client is connected to the pool. The certificate is the one it
	// was shown, nil without TLS.
	Opened func(link int, shown *tls.Certificate)
	// Passed is called just before the line goes on.
	Passed func(Passage)
	// Closed: the connection ended, first of all for this cause. The passages
	// of lines that were still on their way may come later.
	Closed func(link int, cause Fault)
}

// Injector is a proxy on loopback between clients and a pool that speaks plain
// TCP. It does them all the harm that a network and a provider can do. Its
// methods act on the connections of the moment and return how many they are;
// what they arm happens with the next line.
type Injector struct {
	t       testing.TB
	witness Witness
	port    int
	workers sync.WaitGroup

	mu       sync.Mutex // guards the rest
	random   *rand.Rand
	ip       string
	upstream string
	listener net.Listener // nil while connections are refused
	shown    *tls.Certificate
	links    map[*link]struct{}
	count    int
	faults   map[Fault]int
	shut     bool
}

// NewInjector starts a proxy on 127.0.0.1 to the pool at upstream, host:port.
// With a certificate clients speak TLS to it. Equal seeds damage equal lines
// equally. The proxy ends with the test, or with Close.
func NewInjector(t testing.TB, upstream string, certificate *tls.Certificate, seed uint64, witness Witness) *Injector {
	i := &Injector{
		t: t, witness: witness, random: rand.New(rand.NewPCG(seed, 6)), ip: "127.0.0.1", upstream: upstream,
		shown: certificate, links: make(map[*link]struct{}), faults: make(map[Fault]int),
	}
	if i.witness.Opened == nil {
		i.witness.Opened = func(int, *tls.Certificate) {}
	}
	if i.witness.Passed == nil {
		i.witness.Passed = func(Passage) {}
	}
	if i.witness.Closed == nil {
		i.witness.Closed = func(int, Fault) {}
	}
	i.choosePort()
	t.Cleanup(i.Close)
	return i
}

// choosePort takes a port below those that systems give to outgoing
// connections, so that nobody takes it while the proxy does not listen.
func (i *Injector) choosePort() {
	for range 100 {
		i.port = 20000 + rand.IntN(12000)
		if i.Open() == nil {
			return
		}
	}
	i.t.Fatal("no free port for the injector")
}

// Port is where it listens.
func (i *Injector) Port() string { return strconv.Itoa(i.port) }

// Address is where it listens, host:port.
func (i *Injector) Address() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return net.JoinHostPort(i.ip, i.Port())
}

// Links is how many connections there are.
func (i *Injector) Links() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.links)
}

// Faults counts what was done to lines and connections so far.
func (i *Injector) Faults() map[Fault]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.faults)
}

func (i *Injector) add(f Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults[f]++
}

// intn is a random number below n, which is above zero.
func (i *Injector) intn(n int) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.random.IntN(n)
}

// Open listens, unless it does already.
func (i *Injector) Open() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.listener != nil || i.shut {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(i.ip, i.Port()))
	if err != nil {
		return fmt.Errorf("injector: %w", err)
	}
	i.listener = l
	i.workers.Go(func() { i.accept(l) })
	return nil
}

// Refuse stops listening until Open. Connections stay.
func (i *Injector) Refuse() {
	if i.unlisten() {
		i.add(Refused)
	}
}

func (i *Injector) unlisten() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.listener == nil {
		return false
	}
	i.listener.Close()
	i.listener = nil
	return true
}

// Move listens at another address of this machine instead, and drops the
// connections of the old one.
func (i *Injector) Move(ip string) error {
	i.unlisten()
	i.mu.Lock()
	i.ip = ip
	i.mu.Unlock()
	i.add(Moved)
	i.end(Moved)
	return i.Open()
}

// Redirect sends the connections to come to another pool.
func (i *Injector) Redirect(upstream string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.upstream = upstream
}

// Show has connections to come see another certificate.
func (i *Injector) Show(certificate *tls.Certificate) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shown = certificate
	i.faults[Recertified]++
}

// Shown is the certificate that connections to come will see.
func (i *Injector) Shown() *tls.Certificate {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.shown
}

// Close ends everything and waits for it.
func (i *Injector) Close() {
	i.unlisten()
	i.mu.Lock()
	i.shut = true
	i.mu.Unlock()
	i.each(func(l *link) bool { l.end(ByPool); return true })
	i.workers.Wait()
}

func (i *Injector) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		i.workers.Go(func() { i.serve(conn) })
	}
}

// serve is one connection from its first to its last byte.
func (i *Injector) serve(client net.Conn) {
	defer client.Close()
	i.mu.Lock()
	upstream, shown := i.upstream, i.shown
	i.mu.Unlock()
	raw := client
	if shown != nil {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
		defer cancel()
		secure := tls.Server(client, &tls.Config{Certificates: []tls.Certificate{*shown}})
		if secure.HandshakeContext(ctx) != nil {
			return
		}
		client = secure
	}
	pool, err := net.DialTimeout("tcp", upstream, handshakeTime)
	if err != nil {
		return // as a load balancer without its pool
	}
	defer pool.Close()
	l := &link{
		injector: i, raw: raw, ended: make(chan struct{}),
		sides: [2]*side{
			ToPool:   {direction: ToPool, from: client, to: pool, lines: make(chan line, queuedLines)},
			ToClient: {direction: ToClient, from: pool, to: client, lines: make(chan line, queuedLines)},
		},
	}
	if !i.admit(l) {
		return
	}
	i.witness.Opened(l.number, shown)
	l.run()
	i.mu.Lock()
	delete(i.links, l)
	i.mu.Unlock()
}

const (
	handshakeTime = 10 * time.Second
	queuedLines   = 4096 // on their way on one side of a link
)

func (i *Injector) admit(l *link) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.shut {
		return false
	}
	i.count++
	l.number = i.count
	i.links[l] = struct{}{}
	return true
}

// each calls f for every connection that has not ended, and counts those for
// which it is true.
func (i *Injector) each(f func(*link) bool) (n int) {
	i.mu.Lock()
	links := make([]*link, 0, len(i.links))
	for l := range i.links {
		links = append(links, l)
	}
	i.mu.Unlock()
	for _, l := range links {
		if l.cause() == "" && f(l) {
			n++
		}
	}
	return n
}

// newReader reads lines of any length that a test sends.
func newReader(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, 64<<10) }
