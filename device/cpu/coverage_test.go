package cpu

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/miner"
	"quarry/miner/minertest"
	"quarry/telemetry"
	"quarry/work"
)

// candidate is a header without its nonce, as kernels see it.
type candidate struct {
	midstate [8]uint32
	tail     [3]uint32
}

// candidatesOf are the headers of a job under all versions, for every
// extranonce2 of one byte and the job's own ntime.
func candidatesOf(job *work.Job) map[candidate]bool {
	all := map[candidate]bool{}
	for extranonce2 := range 256 {
		mask := job.VersionMask
		for bits := mask; ; bits = (bits - 1) & mask { // all subsets of the mask
			version := job.Version | bits
			header := job.Header([]byte{byte(extranonce2)}, version, job.NTime, 0)
			var p hashing.Prehash
			p.Set(&header, []uint32{version}, 0)
			all[candidate{p.Midstates[0], p.Tail}] = true
			if bits == 0 {
				break
			}
		}
	}
	return all
}

type scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32)

// recorder makes kernels that search nothing and remember what they were told
// to search. Calls that go wrong are not remembered: they do not count.
type recorder struct {
	mu     sync.Mutex
	rng    *rand.Rand
	spans  map[candidate][][2]uint64 // first nonce, behind the last; not modulo 2^32
	hashes uint64
	final  map[candidate]bool // headers of the last job
	ended  uint64             // hashes of those
	wrong  uint64             // errors that the miner should have counted,
	// stopped are calls without progress that were their worker's last ones of an
	// offer, which it knows by its stop word: no errors if that was set meanwhile.
	stopped map[*hashing.Prehash]*uint32
	calls   map[string]int
	stage   atomic.Pointer[Selector]
	late    int // calls of a kernel after it went out
	watch   func(hashes uint64)
}

// kernel stops early at times, and goes wrong in the given call, if that is
// not 0, by the fault.
func (r *recorder) kernel(name string, lanes, versions, wrongCall int, fault scan) hashing.Kernel {
	return hashing.Kernel{Name: name, Lanes: lanes, Versions: versions, Scan: func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls[name]++
		if r.stopped[p] == p.Stop {
			delete(r.stopped, p) // its worker went on
		}
		if s := r.stage.Load(); s != nil && !slices.ContainsFunc(s.Kernels(true), func(k hashing.Kernel) bool { return k.Name == name }) {
			r.late++
		}
		if r.calls[name] == wrongCall {
			r.wrong++
			found, done := fault(p, start, count, hits)
			if found == 0 && done == 0 {
				r.stopped[p] = p.Stop
			}
			return found, done
		}
		done := count
		if groups := count / uint32(lanes); groups > 1 && r.rng.IntN(4) == 0 { // as for a full buffer
			done = uint32(lanes) * (1 + r.rng.Uint32N(groups-1))
		}
		for _, midstate := range p.Midstates[:p.Versions] {
			c := candidate{midstate, p.Tail}
			r.spans[c] = append(r.spans[c], [2]uint64{uint64(start), uint64(start) + uint64(done)})
			if r.final[c] {
				r.ended += uint64(done)
			}
		}
		r.hashes += uint64(done) * uint64(p.Versions)
		r.watch(r.hashes)
		return 0, done
	}}
}

// faults are the ways in which a kernel is found wrong in one call.
func faults() map[string]scan {
	reports := func(hit func(start, count uint32) hashing.Hit) scan {
		return func(_ *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
			hits[0] = hit(start, count)
			return 1, count
		}
	}
	return map[string]scan{
		"a false hit":             reports(func(start, _ uint32) hashing.Hit { return hashing.Hit{Nonce: start} }),
		"a version there is none": reports(func(start, _ uint32) hashing.Hit { return hashing.Hit{Nonce: start, Version: 99} }),
		"a hit from elsewhere":    reports(func(start, count uint32) hashing.Hit { return hashing.Hit{Nonce: start + count} }),
		"too many hits": func(_ *hashing.Prehash, _, count uint32, hits []hashing.Hit) (int, uint32) {
			return len(hits) + 1, count
		},
		"fewer than no hits": func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) { return -1, count },
		"too many nonces":    func(_ *hashing.Prehash, _, count uint32, _ []hashing.Hit) (int, uint32) { return 0, count + 1 },
		"no progress":        func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) { return 0, 0 },
		"a panic":            func(*hashing.Prehash, uint32, uint32, []hashing.Hit) (int, uint32) { panic("out of order") },
	}
}

// TestExactCoverage follows every call of the kernels through random jobs,
// masks, widths and faults: what a job has to offer is searched once, none of
// it twice, and the counters say the same. A job that is replaced may leave
// each worker's last work unfinished, but without a gap. The last job is
// searched to its end, unless a worker may still have taken an extranonce2 for
// the job before when others were at it.
func TestExactCoverage(t *testing.T) {
	rounds := uint64(60)
	if testing.Short() {
		rounds = 15
	}
	kinds := faults()
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	masks := []uint32{0, 0x00002000, 0x1fffe000, 0x00406000, 0x10000001}
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(seed, 7))
		pick := func(list ...int) int { return list[rng.IntN(len(list))] }
		fault := names[seed%uint64(len(names))]
		var jobs []*work.Job
		for i := range 1 + rng.IntN(4) {
			job := minertest.Job(t, byte(i), "1")
			job.Extranonce2Size, job.VersionMask = 1, masks[rng.IntN(len(masks))]
			jobs = append(jobs, job)
		}
		last := jobs[len(jobs)-1]
		for last.VersionMask == masks[2] { // too large to be finished
			last.VersionMask = masks[rng.IntN(len(masks))]
		}
		for _, job := range jobs {
			job.Received = time.Now().Add(time.Hour) // no ntime is rolled
		}
		r := &recorder{rng: rng, spans: map[candidate][][2]uint64{}, calls: map[string]int{}, stopped: map[*hashing.Prehash]*uint32{}}
		workers := 1 + rng.IntN(3)
		nonces := uint64(1 + rng.IntN(400))
		kernels := []hashing.Kernel{
			r.kernel("first", pick(1, 5, 16, 32), pick(1, 4, 8, 32), 1+rng.IntN(300), kinds[fault]),
			r.kernel("second", pick(1, 5, 16, 32), pick(1, 3, 8, 32), 1+rng.IntN(300), kinds[names[rng.IntN(len(names))]]),
			r.kernel("last", 1, 1, 0, nil),
		}
		t.Run(fmt.Sprintf("%d %s", seed, fault), func(t *testing.T) {
			checkCoverage(t, r, jobs, kernels, workers, nonces, work.Start{Extranonce2: rng.Uint64(), Nonce: rng.Uint32()})
		})
	}
}

// checkCoverage mines the jobs, all but the last for some hashes only.
func checkCoverage(t *testing.T, r *recorder, jobs []*work.Job, kernels []hashing.Kernel, workers int, nonces uint64, start work.Start) {
	r.final = candidatesOf(jobs[len(jobs)-1])
	enough := nonces * uint64(len(r.final))
	whole := workers == 1 || len(jobs) == 1
	if !whole {
		enough /= 2
	}
	done, turn := make(chan struct{}), make(chan struct{}, len(jobs))
	quota := uint64(0)
	r.watch = func(hashes uint64) {
		if len(turn) == 0 && hashes >= quota {
			quota = hashes + nonces*uint64(r.rng.IntN(40))
			turn <- struct{}{}
		}
		if r.ended >= enough {
			select {
			case <-done:
			default:
				close(done)
			}
		}
	}
	source := minertest.Source{OnRun: func(ctx context.Context, publish func(*work.Job)) error {
		for _, job := range jobs[:len(jobs)-1] {
			publish(job)
			<-turn
		}
		publish(jobs[len(jobs)-1])
		select {
		case <-done:
		case <-ctx.Done():
		}
		return errors.New("all is searched")
	}}
	o := testMining(t, workers, source)
	o.cpu.Kernels, o.Start, o.cpu.nonces = kernels, start, nonces
	tune := switching(r.rng.Uint64())
	o.cpu.Tune = func(ctx context.Context, s *Selector) {
		r.stage.Store(s)
		tune(ctx, s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := miner.Run(ctx, o.Options); err == nil || err.Error() != "all is searched" {
		t.Fatalf("ended with %v", err)
	}

	finished := 0
	for c, spans := range r.spans {
		slices.SortFunc(spans, func(a, b [2]uint64) int { return int(int64(a[0]) - int64(b[0])) })
		var sum uint64
		gaps := 0
		for i, s := range spans {
			sum += s[1] - s[0]
			if i > 0 && s[0] < spans[i-1][1] {
				t.Fatalf("nonces %v and %v are searched twice", spans[i-1], s)
			}
			if i > 0 && s[0] > spans[i-1][1] && spans[i-1][1] != 1<<32 {
				gaps++
			}
		}
		if first, end := spans[0][0], spans[len(spans)-1][1]; gaps == 1 && first == 0 && end == 1<<32 {
			gaps = 0 // over the end of the nonces
		}
		if gaps > 0 || sum > nonces {
			t.Fatalf("%d gaps, %d of %d nonces: %v", gaps, sum, nonces, spans)
		}
		if sum == nonces {
			finished++
		} else if whole && r.final[c] {
			t.Fatalf("%d of %d nonces of a header of the last job are searched", sum, nonces)
		}
	}
	// Each job leaves one work unfinished with each worker at most.
	if left, most := len(r.spans)-finished, len(jobs)*workers*hashing.MaxVersions; left > most {
		t.Errorf("%d headers are not searched to the end, %d at most could be", left, most)
	}
	for c := range r.final {
		if whole && len(r.spans[c]) == 0 {
			t.Fatal("a header of the last job is not searched")
		}
	}
	s := o.Telemetry.Snapshot()
	if s.Hashes != r.hashes || s.HardwareErrors > r.wrong || s.HardwareErrors+uint64(len(r.stopped)) < r.wrong {
		t.Errorf("counted %d hashes and %d errors, were %d and %d", s.Hashes, s.HardwareErrors, r.hashes, r.wrong)
	}
	if r.late > 2*(workers-1) { // one call by each other worker may have begun, for each kernel
		t.Errorf("%d calls of a kernel after it went out", r.late)
	}
}

// switching has the workers change their kernel every few batches.
func switching(seed uint64) func(context.Context, *Selector) {
	return func(ctx context.Context, s *Selector) {
		rng := rand.New(rand.NewPCG(seed, 5))
		for ctx.Err() == nil {
			rolling := rng.IntN(2) == 0
			list := s.Kernels(rolling)
			name := list[rng.IntN(len(list))].Name
			if rng.IntN(8) == 0 {
				s.Prefer(rolling, name)
			}
			s.Try(ctx, name, rolling, time.Duration(rng.IntN(60))*time.Microsecond)
		}
	}
}

// sharePlace is what a miner chooses in a header.
type sharePlace struct {
	version, nonce uint32
	extranonce2    byte
}

// shareBook is a small job with all its shares, and how often each came up.
type shareBook struct {
	job  *work.Job
	want map[sharePlace]bool

	mu   sync.Mutex // guards seen
	seen map[sharePlace]int
	all  chan struct{} // closed once each has come up
}

// everyShare is a job in which every second hash is a share, with so many nonces
// in each work.
func everyShare(t *testing.T, mask, nonces uint32) *shareBook {
	job := minertest.Job(t, 1, "4.6e-10")
	job.Extranonce2Size, job.VersionMask = 1, mask
	job.Received = time.Now().Add(time.Hour) // no ntime is rolled
	return &shareBook{job: job, want: sharesOf(job, nonces), seen: map[sharePlace]int{}, all: make(chan struct{})}
}

var errAllFound = errors.New("all is found")

// source publishes the job, and ends once all its shares were booked.
func (b *shareBook) source() minertest.Source {
	return minertest.Source{
		OnRun: func(ctx context.Context, publish func(*work.Job)) error {
			publish(b.job)
			select {
			case <-b.all:
			case <-ctx.Done():
			}
			return errAllFound
		},
		OnSubmit: minertest.Accept,
	}
}

func (b *shareBook) booked(share *work.Share, _ time.Time, _ work.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[sharePlace{share.Version, share.Nonce, share.Extranonce2[0]}]++
	if len(b.seen) == len(b.want) {
		select {
		case <-b.all:
		default:
			close(b.all)
		}
	}
}

// mine mines the job: each of its shares must come up exactly once, and nothing else.
func (b *shareBook) mine(t *testing.T, o miner.Options) {
	t.Helper()
	o.Trace.Booked = b.booked
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := miner.Run(ctx, o); !errors.Is(err, errAllFound) {
		t.Fatalf("ended with %v; %d of %d shares", err, len(b.seen), len(b.want))
	}
	for place, n := range b.seen {
		if n != 1 || !b.want[place] {
			t.Fatalf("share %+v came up %d times; is one: %v", place, n, b.want[place])
		}
	}
}

// TestEveryShareOnce has the real kernel with every second hash a share, and
// before it one that fails while it has right hits too: every share there
// is comes up exactly once.
func TestEveryShareOnce(t *testing.T) {
	const nonces = 40
	for seed, mask := range []uint32{0, 0x00006000, 0x00004000} {
		for _, versions := range []int{1, 3, 32} {
			t.Run(fmt.Sprintf("mask %08x, %d versions", mask, versions), func(t *testing.T) {
				every := everyShare(t, mask, nonces)
				o := testMining(t, 2, every.source())
				good := o.cpu.Kernels[0]
				good.Versions = versions
				other := good
				other.Name, other.Lanes = "other", 7
				wrong, called := spoiled(good, uint64(seed))
				o.cpu.Kernels = []hashing.Kernel{wrong, good, other}
				o.cpu.nonces, o.cpu.Tune = nonces, func(ctx context.Context, s *Selector) {
					select {
					case <-called: // so that there is an error
						switching(uint64(seed))(ctx, s)
					case <-ctx.Done():
					}
				}
				every.mine(t, o.Options)
				s := o.Telemetry.Snapshot()
				if hashes := uint64(256 * nonces << bits.OnesCount32(mask)); s.Hashes != hashes || s.HardwareErrors == 0 || s.Kernel() == "spoiled" {
					t.Errorf("%d hashes, %d errors, kernel %s; want %d, some, another", s.Hashes, s.HardwareErrors, s.Kernel(), hashes)
				}
			})
		}
	}
}

// TestTwoDevicesShareAJob has the CPU and a device of another kind search the same
// jobs: each share there is comes up exactly once, and each hash is counted once.
func TestTwoDevicesShareAJob(t *testing.T) {
	const nonces, mask = 40, 0x00006000
	every := everyShare(t, mask, nonces)
	o := testMining(t, 2, every.source())
	o.cpu.nonces = nonces
	other := minertest.NewReference("other", 2)
	other.Nonces = nonces
	began := make(chan struct{})
	other.Batch = sync.OnceFunc(func() { close(began) })
	scan := o.cpu.Kernels[0].Scan
	o.cpu.Kernels[0].Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		<-began // so that each device has a part
		return scan(p, start, count, hits)
	}
	o.Devices = append(o.Devices, other)
	o.Telemetry = telemetry.New(nil, o.Devices[0].Counters(), other.Counters())
	every.mine(t, o.Options)
	s := o.Telemetry.Snapshot()
	if hashes := uint64(256 * nonces << bits.OnesCount32(mask)); s.Hashes != hashes || s.Devices[0].Hashes+s.Devices[1].Hashes != hashes {
		t.Errorf("%d hashes, want %d: %+v", s.Hashes, hashes, s.Devices)
	}
	if s.Devices[0].Hashes == 0 || s.Devices[1].Hashes == 0 || s.Devices[0].Kernel != "generic" || s.Devices[1].Kernel != "reference" {
		t.Errorf("each device should have a part: %+v", s.Devices)
	}
}

// sharesOf are the job's shares among the nonces from 0 on.
func sharesOf(job *work.Job, nonces uint32) map[sharePlace]bool {
	shares := map[sharePlace]bool{}
	for extranonce2 := range 256 {
		for rolled := job.VersionMask; ; rolled = (rolled - 1) & job.VersionMask {
			header := job.Header([]byte{byte(extranonce2)}, job.Version|rolled, job.NTime, 0)
			for nonce := range nonces {
				header.SetNonce(nonce)
				if job.Bound().MetBy(header.Hash()) {
					shares[sharePlace{job.Version | rolled, nonce, byte(extranonce2)}] = true
				}
			}
			if rolled == 0 {
				break
			}
		}
	}
	return shares
}

// spoiled is wrong in every call, next to right hits, and stops early. The
// channel is closed when it was called.
func spoiled(k hashing.Kernel, seed uint64) (hashing.Kernel, <-chan struct{}) {
	scan := k.Scan
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 3))
	called := make(chan struct{})
	var once sync.Once
	k.Name = "spoiled"
	k.Scan = func(p *hashing.Prehash, start, count uint32, hits []hashing.Hit) (int, uint32) {
		once.Do(func() { close(called) })
		mu.Lock()
		part := 1 + rng.Uint32N(count)
		mu.Unlock()
		found, done := scan(p, start, part, hits)
		hits[found] = hashing.Hit{Nonce: start + done} // which was not searched
		if found > 0 {
			hits[found] = hits[0]
		}
		return found + 1, done
	}
	return k, called
}
