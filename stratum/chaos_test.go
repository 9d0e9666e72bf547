package stratum

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"quarry/affinity"
	"quarry/device/cpu"
	"quarry/hashing"
	"quarry/miner"
	"quarry/stratum/localpool/selfsigned"
	"quarry/stratum/stratumtest"
	"quarry/stratum/transport"
	v1 "quarry/stratum/v1"
	"quarry/telemetry"
	"quarry/upstream"
	"quarry/work"
)

// chaosSpeed is how much faster than usual the client's pauses are: they are
// of 1 to 120 s, and the whole run is of 12 s, of 4 s with -short.
const chaosSpeed = 20

// chaosLimits are short, but longer than the delays of the plan.
var chaosLimits = v1.Limits{Limits: transport.Limits{Connect: time.Second, TLS: 2 * time.Second, LineTime: 2 * time.Second, Write: 2 * time.Second, Silence: 2500 * time.Millisecond}, Configure: 2 * time.Second, Handshake: 2 * time.Second, FirstJob: 3 * time.Second, Submit: 3 * time.Second, Authorize: 2 * time.Second}

// TestChaos mines at three pools, each behind an injector of faults, and has
// everything go wrong that can. At the end all books have to agree, each lost
// share has to have its fault, and nothing may be left behind.
//
// QUARRY_CHAOS_SEED and QUARRY_CHAOS_TIME change the run, QUARRY_CHAOS_LOG
// names a file for the log.
func TestChaos(t *testing.T) {
	seed, lasting := chaosSettings(t)
	t.Logf("QUARRY_CHAOS_SEED=%d QUARRY_CHAOS_TIME=%v", seed, lasting)
	warmUp(t)
	goroutines, files := runtime.NumGoroutine(), openFiles()
	var r *chaosRun
	t.Run("run", func(t *testing.T) { // ends the injectors before leaks are looked for
		r = newChaosRun(t, seed)
		r.mine(lasting)
	})
	if r == nil {
		return
	}
	r.report(t)
	leaks(t, goroutines, files)
}

func chaosSettings(t *testing.T) (seed uint64, lasting time.Duration) {
	seed, lasting = 4, 12*time.Second
	if testing.Short() {
		lasting = 4 * time.Second
	}
	var err error
	if text := os.Getenv("QUARRY_CHAOS_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("QUARRY_CHAOS_TIME"); text != "" {
		if lasting, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	return seed, lasting
}

// chaosRun is one run of the chaos test.
type chaosRun struct {
	t      *testing.T
	book   *chaosBook
	plan   *chaosPlan
	source *chaosSource
	ledger *telemetry.Telemetry
	miner  miner.Options

	heap [2]uint64 // in use after a third, and at the end of the faults
}

func newChaosRun(t *testing.T, seed uint64) *chaosRun {
	names := new(stratumtest.Names)
	usual := net.DefaultResolver
	net.DefaultResolver = names.Resolver()
	t.Cleanup(func() { net.DefaultResolver = usual })

	log := chaosLog(t)
	r := &chaosRun{t: t, book: newChaosBook(log, 3, 110*time.Second/chaosSpeed)}
	authority := stratumtest.NewAuthority(t)
	r.plan = &chaosPlan{
		random: rand.New(rand.NewPCG(seed, 5)), names: names, authority: authority, second: secondAddress(), done: make(map[string]int),
	}
	pinned := authority.Issue(poolName(2))
	r.plan.pools = []*chaosPool{
		newChaosPool(t, 0, r.book, nil, names, seed),
		newChaosPool(t, 1, r.book, authority.Issue(poolName(1)), names, seed),
		newChaosPool(t, 2, r.book, pinned, names, seed),
	}
	r.plan.strange = stratumtest.NewAuthority(t).Issue(poolName(1), poolName(2))
	r.book.forge(1, r.plan.strange)
	r.book.forge(2, r.plan.strange)
	pools := make([]Pool, 3)
	for i, p := range r.plan.pools {
		scheme := transport.SchemeTCP
		if i > 0 {
			scheme = transport.SchemeTLS
		}
		pools[i] = Pool{URL: fmt.Sprintf("%s://%s:%s", scheme, p.name, p.Port()), User: "user.rig", Password: "x"}
	}
	pools[1].TLS = transport.TLSOptions{CAFile: authority.File}
	pools[2].TLS = transport.TLSOptions{Pin: selfsigned.Pin(*pinned)}

	index := make(map[string]int)
	rules := upstream.RulesFor(upstream.Options{Failback: 2 * time.Minute})
	rules.DrainMin, rules.Drain = time.Second*chaosSpeed, 5*time.Second*chaosSpeed // as the delays are no shorter
	client, err := New(Options{
		Pools: pools, Limits: chaosLimits, Log: log, Rules: &rules, Clock: hurried(chaosSpeed, seed),
		Trace: v1.Trace{Ended: func(pool string, at time.Time) { r.book.ended(index[pool], at) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.source = &chaosSource{Client: client, book: r.book, index: index}
	for i, p := range client.Status() {
		index[p.URL] = i
	}
	device, err := cpu.New(cpu.Options{Kernels: []hashing.Kernel{pacedKernel(t, 500_000)}, Placements: make([]affinity.Placement, 2)})
	if err != nil {
		t.Fatal(err)
	}
	r.ledger = telemetry.New(nil, device.Counters())
	r.miner = miner.Options{
		Source: r.source, Devices: []miner.Device{device}, Start: work.Start{Extranonce2: seed}, Telemetry: r.ledger, Log: log,
		Trace: miner.Trace{Booked: func(s *work.Share, found time.Time, verdict work.Verdict) {
			r.book.settled(r.source.index[s.Job.Pool], s, found, verdict)
		}},
	}
	return r
}

func chaosLog(t *testing.T) *zap.Logger {
	file := os.Getenv("QUARRY_CHAOS_LOG")
	if file == "" {
		return zap.NewNop()
	}
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(out), zap.DebugLevel))
}

// mine runs the miner under fire for so long, and has everything settle.
func (r *chaosRun) mine(lasting time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- miner.Run(ctx, r.miner) }()

	fire, cease := context.WithTimeout(ctx, lasting)
	defer cease()
	planned := make(chan struct{})
	go func() {
		defer close(planned)
		r.plan.run(fire, 300*time.Millisecond)
	}()
	third := time.After(lasting / 3)
	audits := time.NewTicker(5 * time.Second)
	defer audits.Stop()
	for firing := true; firing; {
		select {
		case err := <-ended:
			r.t.Fatalf("the miner ended: %v", err)
		case <-third:
			r.heap[0] = heapInUse()
		case <-audits.C:
			r.book.audit(time.Now().Add(-30 * time.Second))
		case <-planned:
			firing = false
		}
	}
	r.heap[1] = heapInUse()
	r.settle()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			r.t.Errorf("the miner ended: %v", err)
		}
	case <-time.After(patience):
		r.t.Errorf("the miner does not end")
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
	for _, p := range r.plan.pools {
		p.Close()
		p.stop()
	}
}

// settle waits, with all faults gone, until the client works at its first pool
// as if nothing had happened, and until every share has its verdict.
func (r *chaosRun) settle() {
	healed := time.Now()
	for _, p := range r.plan.pools {
		p.Heal()
	}
	r.await("all half-open connections left", func() bool {
		n := 0
		for _, p := range r.plan.pools {
			n += p.Swallowing()
		}
		return n == 0
	})
	r.await("work for the first pool again", func() bool { return r.book.acceptedSince(0, healed) })
	r.t.Logf("recovered %v after the last fault", time.Since(healed).Round(time.Millisecond))
	r.source.hush()
	r.await("a verdict on every share", func() bool { return r.ledger.Ledger.Snapshot().Pending == 0 })
}

// await waits until something is so.
func (r *chaosRun) await(what string, is func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !is(); {
		select {
		case <-tick.C:
		case <-late:
			r.t.Errorf("not within %v: %s", patience, what)
			return
		}
	}
}

// report compares and prints.
func (r *chaosRun) report(t *testing.T) {
	r.book.audit(time.Now().Add(time.Hour))
	s := r.ledger.Ledger.Snapshot()
	b := r.book
	t.Logf("faults and events: %s", table(r.plan.sum()))
	t.Logf("connections ended: %s", table(b.ends))
	t.Logf("shares: found %d, accepted %d, rejected %d %v, stale %d, lost %d %v; sent again %d, of these accepted %d; at pools but damaged on the way %d",
		s.Found, s.Accepted, s.Rejected, s.RejectedBy, s.Stale, s.Lost, s.LostBy, b.resent, b.resentYes, b.strange)
	t.Logf("after flipped bytes: %s", table(b.excused))
	for _, c := range slices.SortedFunc(maps.Keys(b.lost), func(x, y lostCase) int { return int(b.lost[y]) - int(b.lost[x]) }) {
		mark := "explained"
		if !c.explained {
			mark = "NOT EXPLAINED"
		}
		t.Logf("lost %5d: %s: %s: %s", b.lost[c], c.reason, mark, c.explanation)
	}
	for _, text := range b.violations {
		t.Error(text)
	}
	if more := b.broken - len(b.violations); more > 0 {
		t.Errorf("and %d more of these", more)
	}
	if s.Found != s.Accepted+s.Rejected+s.Stale+s.Lost || s.Pending != 0 || s.Bugs != 0 {
		t.Errorf("the ledger does not balance: %+v", s)
	}
	for what, n := range map[string]uint64{"accepted": s.Accepted, "rejected": s.Rejected, "stale": s.Stale, "lost": s.Lost} {
		if b.verdicts[what] != n {
			t.Errorf("%s: %d in the ledger, %d were told", what, n, b.verdicts[what])
		}
	}
	for i, p := range r.plan.pools {
		if p.yes != b.pools[i].accepted {
			t.Errorf("pool %d counts %d accepted shares, and told of %d", i, p.yes, b.pools[i].accepted)
		}
	}
	if s.Accepted < 20 {
		t.Errorf("only %d shares were accepted", s.Accepted)
	}
	t.Logf("heap in use: %d KiB after a third, %d KiB at the end", r.heap[0]>>10, r.heap[1]>>10)
	if r.heap[1] > r.heap[0]+r.heap[0]/2+8<<20 {
		t.Errorf("memory grows: %d bytes in use after a third, %d at the end", r.heap[0], r.heap[1])
	}
}

// acceptedSince reports whether a pool took a share that was found since then.
func (b *chaosBook) acceptedSince(pool int, since time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, s := range b.shares {
		if key.pool == pool && s.found.After(since) && s.verdict.Kind == work.Accepted {
			return true
		}
	}
	return false
}

func table[K ~string, N int | uint64](m map[K]N) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", key, m[key]))
	}
	return strings.Join(parts, ", ")
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// warmUp has the runtime open what it keeps open.
func warmUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// openFiles is how many files this process has open, -1 where that is not
// known.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// leaks waits until no more goroutines and files are there than before.
func leaks(t *testing.T, goroutines, files int) {
	var nowRun, nowOpen int
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		nowRun, nowOpen = runtime.NumGoroutine(), openFiles()
		if nowRun <= goroutines && nowOpen <= files {
			t.Logf("goroutines %d before, %d after; open files %d before, %d after", goroutines, nowRun, files, nowOpen)
			return
		}
	}
	t.Errorf("goroutines: %d before, %d after; open files: %d before, %d after", goroutines, nowRun, files, nowOpen)
	pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
}
