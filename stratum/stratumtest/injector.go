package stratumtest

import (
	"crypto/tls"
	"maps"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Injector is a proxy on loopback between clients and a pool that speaks plain
// TCP. It causes all the trouble that a network or a provider can cause. Its
// methods act on the current connections and return their number; what they arm
// happens with the next line.
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
// With a certificate clients speak TLS to it. The same seed damages the same
// lines in the same way. The proxy ends with the test, or with Close.
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

// choosePort takes a port below those that systems use for outgoing connections,
// so that nobody takes it while the proxy does not listen.
func (i *Injector) choosePort() {
	for range 100 {
		i.port = 20000 + rand.IntN(12000)
		if i.Open() == nil {
			return
		}
	}
	i.t.Fatal("no free port for the injector")
}

// Port returns the port it listens on.
func (i *Injector) Port() string { return strconv.Itoa(i.port) }

// Address returns the address it listens on, host:port.
func (i *Injector) Address() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return net.JoinHostPort(i.ip, i.Port())
}

// Links returns the number of connections.
func (i *Injector) Links() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.links)
}

// Faults returns the number of faults so far, by kind.
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

// intn returns a random number below n, which must be above zero.
func (i *Injector) intn(n int) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.random.IntN(n)
}

// Redirect sends new connections to another pool.
func (i *Injector) Redirect(upstream string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.upstream = upstream
}

// Show presents another certificate to new connections.
func (i *Injector) Show(certificate *tls.Certificate) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shown = certificate
	i.faults[Recertified]++
}

// Shown returns the certificate that new connections get.
func (i *Injector) Shown() *tls.Certificate {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.shown
}

// Close ends all connections and waits for them.
func (i *Injector) Close() {
	i.unlisten()
	i.mu.Lock()
	i.shut = true
	i.mu.Unlock()
	i.each(func(l *link) bool { l.end(ByPool); return true })
	i.workers.Wait()
}

// each calls f for every connection that has not ended, and counts those for
// which it returns true.
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
