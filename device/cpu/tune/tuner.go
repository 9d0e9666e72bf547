package tune

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/affinity"
	"quarry/device/cpu"
	"quarry/hashing"
)

// Options configures a Tuner.
type Options struct {
	Set        affinity.CPUSet
	Placements []affinity.Placement // of the set
	Version    string               // of quarry
	Child      *Child               // started early; nil: none
	Log        *zap.Logger
}

// Tuner finds the fastest kernel for one machine and number of threads.
type Tuner struct {
	kernels    []hashing.Kernel // that this CPU can run by CPUID, best first on most CPUs
	placements []affinity.Placement
	crowded    bool    // threads share CPUs: windows of milliseconds show who had the CPU
	cpus       int     // that there are
	granted    float64 // part of the rates that the cgroup's quota leaves; they are saved without it
	key        Key
	log        *zap.Logger
	path       string    // of the cache file; empty: there is none
	known      []Finding // from that file, and found since
	guess      []Finding // while nothing is known: from runs on another number of CPUs
	child      prober
	now        func() time.Time
	grace      time.Duration
	budget     budget
	window     time.Duration

	warnedUnsaved bool

	named   string       // the one kernel to use; empty: the best
	results chan Finding // of the child process
	failed  error        // why there are no more; read only once results is closed
	stop    context.CancelFunc
}

const (
	// patience is how long the child may be silent. Its longest silence is when it
	// makes proofs, some tens of milliseconds; with a load of 14 on two CPUs, ten
	// seconds were not always enough, and right kernels went out as faulty.
	patience = 30 * time.Second
	// grace is how long the miner waits for the child's first kernel before it
	// begins with one that runs everywhere.
	grace = 100 * time.Millisecond
	// firstWindow fits about five whole batches between kernel changes; where
	// batches are interrupted, windows get longer, up to longestWindow.
	firstWindow   = 3 * time.Millisecond
	longestWindow = 12 * time.Millisecond
	manyVoids     = 8 // before a pause, because the machine is too busy
	longestPause  = 8 * time.Second
)

// New returns a Tuner with the results of earlier runs.
func New(o Options) *Tuner {
	own := thisProgram()
	if o.Child != nil {
		own = o.Child.program // as it was earlier
	}
	t := &Tuner{
		placements: o.Placements, key: newKey(o.Set, o.Placements, own, o.Version), log: o.Log,
		now: time.Now, grace: grace, window: firstWindow, budget: budget{atOnce: firstAllowance},
	}
	for _, k := range hashing.Kernels() {
		if k.MissingHere() == "" {
			t.kernels = append(t.kernels, k)
		}
	}
	t.crowded = len(o.Placements) > o.Set.Room(nil)
	t.cpus, t.granted = max(len(o.Set.CPUs), 1), 1
	if at := float64(min(len(o.Placements), t.cpus)); o.Set.Quota > 0 && o.Set.Quota < at {
		t.granted = o.Set.Quota / at
	}
	t.child = prober{command: own.command, ready: o.Child, patience: patience, cpu: t.key.CPU}
	var err error
	if t.path, err = Path(); err != nil {
		t.log.Debug("kernel rates cannot be saved", zap.Error(err))
		return t
	}
	if t.known, t.guess, err = load(t.path, t.key); err != nil {
		t.log.Warn("saved kernel rates cannot be used", zap.String("file", t.path), zap.Error(err))
	}
	return t
}

// Kernels returns the kernels that this CPU can run by CPUID, fastest known first.
func (t *Tuner) Kernels(rolling bool) []hashing.Kernel {
	return Order(t.kernels, t.expected(), rolling)
}

// expected returns the known rates, else what to expect by runs on other CPUs.
func (t *Tuner) expected() []Finding {
	if len(t.known) == 0 {
		return t.guess
	}
	return t.known
}

// Start begins to test the kernels in a child process, the likely best first.
// named is the one kernel to use, which needs no test; empty means the best. Stop
// must follow.
func (t *Tuner) Start(ctx context.Context, named string) {
	ctx, t.stop = context.WithCancel(ctx)
	t.named = named
	order := slices.DeleteFunc(t.Kernels(true), func(k hashing.Kernel) bool { return k.Name == named })
	t.results = make(chan Finding, len(order)) // so that the child never waits
	go func() {
		defer close(t.results)
		t.failed = t.child.probe(ctx, order, nil, 0, func(f Finding) { t.results <- f })
	}()
}

// Stop ends the child process and waits for it.
func (t *Tuner) Stop() {
	t.stop()
	for range t.results {
	}
}

// selector is implemented by [cpu.Selector].
type selector interface {
	Join(hashing.Kernel)
	Prefer(rolling bool, names ...string)
	Kernels(rolling bool) []hashing.Kernel
	Job(context.Context) (rolling bool, err error)
	Rest(context.Context, time.Duration)
	Try(ctx context.Context, name string, rolling bool, d time.Duration) []float64
}

// Run hands the workers the kernels as they pass their tests, and finds the fastest
// one while they mine. It ends with ctx.
func (t *Tuner) Run(ctx context.Context, s *cpu.Selector) { t.run(ctx, s) }

func (t *Tuner) run(ctx context.Context, s selector) {
	t.admit(ctx, s)
	if t.named != "" || t.crowded && slices.ContainsFunc(t.expected(), measured) {
		return
	}
	t.budget.began = t.now()
	contests := map[bool]*contest{}
	for {
		rolling, err := s.Job(ctx)
		if err != nil {
			return
		}
		if contests[rolling] == nil {
			kernels := names(s.Kernels(rolling))
			if len(kernels) == 0 {
				return // admit has logged it
			}
			contests[rolling] = newContest(rolling, kernels)
		}
		if wait := t.step(ctx, s, contests[rolling]); wait > 0 {
			contests[rolling].before = nil
			s.Rest(ctx, wait)
		}
	}
}

// step runs one window of the contest. It returns how long to wait before the next.
func (t *Tuner) step(ctx context.Context, s selector, c *contest) (wait time.Duration) {
	c.keepOnly(names(s.Kernels(c.rolling)))
	now := t.now()
	switch {
	case len(c.rivals) < 2:
		return laterHeats
	case !c.open && now.Before(c.due):
		return c.due.Sub(now)
	case !c.open:
		c.begin()
	}
	r := c.next()
	switch {
	case r == nil && (c.changed || len(c.sums) > 0) && len(c.sums) < someRatios: // its rate is to be logged; this costs nothing
		rate := sum(s.Try(ctx, c.best.name, c.rolling, t.window))
		if rate == 0 {
			return time.Second
		}
		c.sums = append(c.sums, rate)
		return 0
	case r == nil:
		t.finish(c)
		return 0
	}
	if wait := t.budget.wait(t.window, r.level, now); wait > 0 {
		return wait
	}
	best := c.best
	if c.before == nil {
		c.before = s.Try(ctx, best.name, c.rolling, t.window)
	}
	tried := s.Try(ctx, r.name, c.rolling, t.window)
	after := s.Try(ctx, best.name, c.rolling, t.window)
	if ctx.Err() != nil {
		return 0
	}
	ratio, ok := ratioOf(c.before, tried, after)
	if !ok {
		return t.void(c, r, tried)
	}
	t.budget.spend(t.window, tried, ratio)
	t.window = max(t.window/2, firstWindow)
	c.voids, c.before = 0, after
	c.sums = append(c.sums, sum(after))
	if c.note(r, ratio); c.best != best {
		s.Prefer(c.rolling, c.names()...)
	}
	return 0
}

// void handles a window without a result: the job went away, or the workers were
// interrupted. It makes the next one longer, and pauses after several.
func (t *Tuner) void(c *contest, r *rival, tried []float64) (wait time.Duration) {
	t.budget.spend(t.window, tried, cmp.Or(r.level, 0.5))
	t.window = min(2*t.window, longestWindow)
	c.before = nil
	if c.voids++; c.voids%manyVoids > 0 {
		return 0
	}
	return min(time.Second<<min(c.voids/manyVoids, 10), longestPause)
}
