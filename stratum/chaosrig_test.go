package stratum

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/stratum/localpool"
	"quarry/stratum/stratumtest"
	"quarry/upstream"
	"quarry/work"
)

func hexText(b []byte) string { return hex.EncodeToString(b) }

// chaosPool is one pool behind its injector.
type chaosPool struct {
	*stratumtest.Injector
	t     *testing.T
	index int
	name  string // of its host
	book  *chaosBook

	pool  *localpool.Pool // nil while it is down
	stop  func()
	yes   uint64 // accepted by the pools that were stopped
	moved bool   // to the second address
}

// nowhere refuses connections.
const nowhere = "127.0.0.1:1"

func newChaosPool(t *testing.T, index int, book *chaosBook, certificate *tls.Certificate, names *stratumtest.Names, seed uint64) *chaosPool {
	p := &chaosPool{t: t, index: index, name: poolName(index), book: book}
	p.Injector = stratumtest.NewInjector(t, nowhere, certificate, seed+uint64(index), book.witness(index))
	names.Set(p.name, "127.0.0.1")
	p.start()
	return p
}

func poolName(index int) string { return fmt.Sprintf("pool%d.chaos.test", index) }

// start has a new pool take the place of the one that was stopped. It knows
// nothing of it.
func (p *chaosPool) start() {
	cfg := localpool.Config{
		Difficulty: chaosDifficulty, JobInterval: 300 * time.Millisecond, BlockInterval: 3 * time.Second,
		Judged: func(_ string, s localpool.Submission, v localpool.Verdict) { p.book.judged(p.index, s, v) },
	}
	if p.index > 0 { // the miner finds blocks of the first pool only
		cfg.NBits = "1d00ffff"
	}
	pool, err := localpool.New(cfg)
	if err == nil {
		err = pool.Listen()
	}
	if err != nil {
		p.t.Error(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { pool.Run(ctx) })
	p.pool = pool
	p.stop = func() {
		cancel()
		done.Wait()
		p.yes += pool.Stats().Accepted
		p.pool = nil
	}
	p.Redirect(pool.Addr())
}

// crash ends the pool, and with it all that it knew.
func (p *chaosPool) crash() {
	if p.pool == nil {
		return
	}
	p.book.restarted(p.index)
	p.Redirect(nowhere)
	p.End(stratumtest.Restarted)
	p.stop()
}

func (p *chaosPool) restart() {
	if p.pool == nil {
		p.start()
	}
}

// chaosDifficulty takes about 10,700 hashes a share.
const chaosDifficulty = "0.0000025"

// pacedKernel is the generic kernel at the given rate, all workers together,
// so that the machine is free for the rest and shares come at the same rate
// everywhere.
func pacedKernel(t *testing.T, hashesPerSecond float64) hashing.Kernel {
	kernel, _, err := hashing.ChooseFrom(hashing.Kernels(), "generic")
	if err != nil {
		t.Fatal(err)
	}
	scan := kernel.Scan
	var mu sync.Mutex
	due := time.Now() // when the hashes done so far should have been done
	kernel.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		found, done := scan(p, start, count, hits)
		mu.Lock()
		due = due.Add(time.Duration(float64(done) * float64(p.Versions) / hashesPerSecond * float64(time.Second)))
		if now := time.Now(); now.Sub(due) > 50*time.Millisecond { // it had nothing to do
			due = now
		} else if due.Sub(now) > 50*time.Millisecond { // self-tests scan much at once
			due = now.Add(50 * time.Millisecond)
		}
		pause := time.Until(due)
		mu.Unlock()
		time.Sleep(pause)
		return found, done
	}
	return kernel
}

// chaosSource is the client as the miner sees it, with the book listening.
type chaosSource struct {
	*upstream.Client
	book  *chaosBook
	index map[string]int // of pools by their URL

	mu      sync.Mutex
	quiet   bool
	publish func(*work.Job)
}

func (s *chaosSource) Run(ctx context.Context, publish func(*work.Job)) error {
	s.mu.Lock()
	s.publish = publish
	s.mu.Unlock()
	return s.Client.Run(ctx, func(job *work.Job) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if job != nil {
			s.book.published(s.index[job.Pool], job)
		}
		if !s.quiet {
			publish(job)
		}
	})
}

// hush ends the mining, while the client goes on.
func (s *chaosSource) hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = true
	if s.publish != nil {
		s.publish(nil)
	}
}

func (s *chaosSource) Submit(ctx context.Context, share *work.Share) work.Verdict {
	s.book.begun(s.index[share.Job.Pool], share)
	return s.Client.Submit(ctx, share)
}

// hurried is a clock that runs so many times faster: pauses of a minute are
// over in seconds.
func hurried(times float64, seed uint64) *upstream.Clock {
	begun := time.Now()
	random := rand.New(rand.NewPCG(seed, 7))
	var mu sync.Mutex
	return &upstream.Clock{
		Now: func() time.Time { return begun.Add(time.Duration(float64(time.Since(begun)) * times)) },
		Wait: func(ctx context.Context, d time.Duration) error {
			return upstream.RealClock().Wait(ctx, time.Duration(float64(d)/times))
		},
		After: func(d time.Duration) (<-chan time.Time, func() bool) {
			return upstream.RealClock().After(time.Duration(float64(d) / times))
		},
		Jitter: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return 2*random.Float64() - 1
		},
	}
}

// secondAddress is another loopback address, empty where there is none.
func secondAddress() string {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		return ""
	}
	l.Close()
	return "127.0.0.2"
}
