package work

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"quarry/hashing"
)

// coinbaseJob is a job whose content is fixed by seed.
func coinbaseJob(seed byte, extranonce2Size int, mask uint32) *Job {
	return &Job{
		ID:              fmt.Sprint(seed),
		PrevHash:        hashing.Hash{seed},
		Coinb1:          []byte{1, seed},
		Coinb2:          []byte{2},
		Extranonce1:     []byte{0xaa},
		Extranonce2Size: extranonce2Size,
		Version:         0x20000000,
		VersionMask:     mask,
		NTime:           1000,
		Difficulty:      hashing.DifficultyOne(),
	}
}

// searched collects headers (nonce zero) and fails on the second sight of one.
type searched map[hashing.Header]string

func (s searched) add(t *testing.T, w *Work, note string) {
	t.Helper()
	for i := range w.Versions {
		h := w.Job.Header(w.Extranonce2Bytes(), w.Version[i], w.NTime, 0)
		if before, twice := s[h]; twice {
			t.Fatalf("%s: header %x was searched before (%s)", note, h, before)
		}
		s[h] = note
	}
}

// TestRollerCoversExactly: with nothing interrupting, a small job is covered
// whole and once, in the order version, extranonce2, ntime.
func TestRollerCoversExactly(t *testing.T) {
	const mask = 0x0000e000 // 8 versions
	job := coinbaseJob(7, 1, mask)
	r := NewRoller(Start{Extranonce2: 250}) // the counter comes round
	seen := searched{}
	var w Work
	lastNTime := job.NTime
	for {
		if _, err := r.Next(&w, job, 3, 2*time.Second); err != nil {
			if !errors.Is(err, ErrExhausted) {
				t.Fatal(err)
			}
			break
		}
		if w.NTime < lastNTime || w.NTime > job.NTime+2 {
			t.Fatalf("ntime %d after %d, want 1000..1002 and never back", w.NTime, lastNTime)
		}
		lastNTime = w.NTime
		seen.add(t, &w, "cover")
	}
	if want := 8 * 256 * 3; len(seen) != want {
		t.Fatalf("searched %d headers, want %d: all versions, extranonce2 and ntimes", len(seen), want)
	}
	// Time passes: one more second is one more ntime.
	if _, err := r.Next(&w, job, 3, 3*time.Second); err != nil || w.NTime != 1003 {
		t.Fatalf("after another second: ntime %d, %v; want 1003", w.NTime, err)
	}
}

func TestRollerNeverRollsNTimeTooFar(t *testing.T) {
	job := coinbaseJob(1, 1, 0)
	r := NewRoller(Start{})
	var w Work
	n := 0
	for ; ; n++ {
		if _, err := r.Next(&w, job, 1, 1000*time.Hour); err != nil {
			break
		}
	}
	if want := 256 * (maxNTimeRoll + 1); n != want {
		t.Fatalf("%d works, want %d", n, want)
	}
	if w.NTime != job.NTime+maxNTimeRoll {
		t.Fatalf("last ntime %d, want %d", w.NTime, job.NTime+maxNTimeRoll)
	}
}

// TestRollerAsksNoFullNTimeTwice bounds the steps to the earliest ntime with
// room: one that was found full is not asked about again while the content
// stays, not even if a job of a later ntime follows.
func TestRollerAsksNoFullNTimeTwice(t *testing.T) {
	job := coinbaseJob(1, 1, 0)
	r := NewRoller(Start{})
	asked := make(map[uint32]int) // about each ntime
	take := func(count int) {
		for range count {
			if _, found := r.firstRoom(maxNTimeRoll, func(ntime uint32) bool {
				asked[ntime]++
				return r.opened.room(contentAt{r.content, ntime}, r.space, r.counter)
			}); found {
				r.counter++
			}
		}
	}
	expect := func(note string, from, to uint32) {
		t.Helper()
		for ntime, times := range asked {
			if times != 257 || ntime < from || ntime > to {
				t.Errorf("%s: asked %d times about ntime %d, want 256 and the refusal, of %d to %d", note, times, ntime, from, to)
			}
		}
		if len(asked) != int(to-from+1) {
			t.Errorf("%s: asked about %d ntimes, want %d", note, len(asked), to-from+1)
		}
		clear(asked)
	}
	last := job.NTime + maxNTimeRoll
	r.turnTo(job)
	take(256*(maxNTimeRoll+1) + 1000)
	expect("first job", job.NTime, last)

	later := *job
	later.NTime += 10
	r.turnTo(&later)
	take(256*10 + 1000)
	expect("ten seconds later", last+1, last+10)

	other := *coinbaseJob(2, 1, 0)
	other.NTime = later.NTime
	r.turnTo(&other)
	take(256*(maxNTimeRoll+1) + 1000)
	expect("other content", other.NTime, other.NTime+maxNTimeRoll)

	earlier := other
	earlier.NTime -= 10
	r.turnTo(&earlier)
	take(256 * 10)
	for ntime := earlier.NTime; ntime < other.NTime; ntime++ {
		if asked[ntime] < 256 {
			t.Errorf("asked %d times about ntime %d of an earlier job, want at least 256", asked[ntime], ntime)
		}
	}
}

// TestRollerNeverRepeats drives a Roller through random job changes: new
// blocks, refreshed ntimes, repeated job ids with the same and other content,
// changed masks and extranonce1, resumed sessions, difficulty changes.
func TestRollerNeverRepeats(t *testing.T) {
	masks := []uint32{0, 0x1fffe000, 0x00006000, 0x20002000}
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		size := 1 + rng.IntN(4)
		r := NewRoller(Start{Extranonce2: rng.Uint64()})
		seen := searched{}
		exhausted := 0
		for step := range 1500 {
			job := *coinbaseJob(byte(rng.IntN(6)), size, masks[rng.IntN(len(masks))])
			job.NTime += uint32(rng.IntN(3))
			job.Session = rng.Uint64()
			if rng.IntN(4) == 0 {
				job.Extranonce1 = []byte{0xbb}
			}
			for range 1 + rng.IntN(4) {
				var w Work
				_, err := r.Next(&w, &job, 1+rng.IntN(4), time.Duration(rng.IntN(3))*time.Second)
				if err != nil {
					exhausted++
					continue
				}
				if w.Job != &job {
					t.Fatal("the work is not of the job that was asked for")
				}
				seen.add(t, &w, fmt.Sprintf("seed %d step %d", seed, step))
			}
		}
		if len(seen) < 500 {
			t.Fatalf("seed %d: only %d headers searched (%d times exhausted)", seed, len(seen), exhausted)
		}
	}
}

// TestRollerNeverRepeatsAcrossBorders: the pool moves the border between
// extranonce1 and extranonce2, and version bits between job and mask, so that
// headers of jobs that look different may be the same.
func TestRollerNeverRepeatsAcrossBorders(t *testing.T) {
	masks := []uint32{0, 0x00006000, 0x0000e000}
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		r := NewRoller(Start{Extranonce2: rng.Uint64N(1 << 18)})
		seen := searched{}
		for step := range 2000 {
			job := *coinbaseJob(byte(rng.IntN(2)), 0, masks[rng.IntN(len(masks))])
			job.Version |= uint32(rng.IntN(4)) << 13
			job.NTime += uint32(rng.IntN(8))
			extranonce1 := []byte{0xaa, byte(rng.IntN(2)), byte(r.counter >> 8), byte(r.counter)}
			job.Extranonce1 = extranonce1[:1+rng.IntN(3)]
			job.Extranonce2Size = 4 - len(job.Extranonce1)
			for range 1 + rng.IntN(4) {
				var w Work
				if _, err := r.Next(&w, &job, 1+rng.IntN(4), 0); err == nil {
					seen.add(t, &w, fmt.Sprintf("seed %d step %d", seed, step))
				}
			}
		}
		if len(seen) < 1000 {
			t.Fatalf("seed %d: only %d headers searched", seed, len(seen))
		}
	}
}

// TestContentKnowsMovedBorders: jobs that differ in the border to extranonce2
// only are one content, and what the Roller keeps of a job stays small however
// long its coinbase is.
func TestContentKnowsMovedBorders(t *testing.T) {
	for _, long := range []int{0, 1, 15, 16, 128 << 10} {
		whole := append(make([]byte, long), "the extranonce's own part"...) // coinb1, extranonce1 and extranonce2
		var content hashing.Hash
		for size := 1; size <= MaxExtranonce2; size++ {
			fixed := whole[:len(whole)-size]
			border := len(fixed) / (1 + size%2) // between coinb1 and extranonce1
			job := &Job{Coinb1: fixed[:border], Extranonce1: fixed[border:], Extranonce2Size: size}
			if size == 1 {
				content = contentOf(job)
			}
			if contentOf(job) != content {
				t.Errorf("%d bytes, extranonce2 of %d: another content than with 1", long, size)
			}
			if prefix := spaceOf(job).prefix; prefix != string(whole[len(whole)-MaxExtranonce2:len(whole)-size]) {
				t.Errorf("%d bytes, extranonce2 of %d: keeps %q", long, size, prefix)
			}
			other := *job
			other.Coinb1 = append([]byte{9}, job.Coinb1[min(1, len(job.Coinb1)):]...)
			if long > 0 && contentOf(&other) == content {
				t.Errorf("%d bytes: another coinb1 is the same content", long)
			}
		}
	}
}

// TestRollerWorkersShare: many workers at once get disjoint works.
func TestRollerWorkersShare(t *testing.T) {
	r := NewRoller(Start{Extranonce2: 1 << 40})
	jobs := []*Job{coinbaseJob(1, 4, 0x1fffe000), coinbaseJob(2, 4, 0x1fffe000)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := searched{}
	for worker := range 4 {
		wg.Go(func() {
			for i := range 300 {
				var w Work
				if _, err := r.Next(&w, jobs[i/50%2], 4, 0); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen.add(t, &w, fmt.Sprint("worker ", worker))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 4*300*4 {
		t.Fatalf("%d headers, want %d", len(seen), 4*300*4)
	}
}

func TestRollerResumesSameContent(t *testing.T) {
	r := NewRoller(Start{Extranonce2: 5})
	var w Work
	next := func(job *Job) (en2 byte, version uint32) {
		t.Helper()
		if _, err := r.Next(&w, job, 1, 0); err != nil {
			t.Fatal(err)
		}
		return w.Extranonce2[0], w.Version[0]
	}
	job := coinbaseJob(1, 1, 0x6000)
	again := *job // re-announced: another pointer, the same content
	again.ID, again.Session = "other id", 9
	for i, j := range []*Job{job, &again, job, &again} {
		en2, version := next(j)
		if want := job.Version | uint32(i)<<13; en2 != 5 || version != want {
			t.Fatalf("call %d: extranonce2 %d version %08x, want 5 and %08x", i, en2, version, want)
		}
	}
	if en2, version := next(job); en2 != 6 || version != job.Version {
		t.Fatalf("after all versions: extranonce2 %d version %08x, want 6 and the job's own", en2, version)
	}
}

func TestRollerStart(t *testing.T) {
	r := NewRoller(Start{Extranonce2: 0xc7080000, Version: 1, Nonce: 99})
	job := coinbaseJob(1, 4, 0x1fffe000)
	var w Work
	nonce, err := r.Next(&w, job, 1, 0)
	if err != nil || nonce != 99 || w.Version[0] != 0x20002000 || fmt.Sprintf("%x", w.Extranonce2Bytes()) != "c7080000" {
		t.Fatalf("first work: nonce %d version %08x extranonce2 %x err %v", nonce, w.Version[0], w.Extranonce2Bytes(), err)
	}
	if nonce, _ = r.Next(&w, job, 1, 0); nonce != 0 || w.Version[0] != 0x20004000 {
		t.Fatalf("second work: nonce %d version %08x, want 0 and 20004000", nonce, w.Version[0])
	}
}

func TestExtranonce2Sizes(t *testing.T) {
	for _, c := range []struct {
		size int
		want string
	}{
		{1, "08"}, {2, "0708"}, {8, "0102030405060708"}, {9, "000102030405060708"},
		{16, "00000000000000000102030405060708"},
	} {
		w := Work{Job: &Job{Extranonce2Size: c.size}}
		w.setExtranonce2(0x0102030405060708)
		if got := fmt.Sprintf("%x", w.Extranonce2Bytes()); got != c.want {
			t.Errorf("size %d: %s, want %s", c.size, got, c.want)
		}
	}
}

func TestSpreadCountsThroughMask(t *testing.T) {
	for _, mask := range []uint32{0, 0x1fffe000, 0x80000001, 0x00ff00f0} {
		seen := map[uint32]bool{}
		for i := range uint64(1) << bits.OnesCount32(mask) {
			v := spread(i, mask)
			if v&^mask != 0 || seen[v] {
				t.Fatalf("spread(%d, %08x) = %08x: outside the mask or seen before", i, mask, v)
			}
			seen[v] = true
		}
	}
}

// TestWorksHaveManyVersions: the values of a mask are dealt out so that no work
// has one version where it could have more, whatever numbers the workers ask
// for, in turn, and none is left out.
func TestWorksHaveManyVersions(t *testing.T) {
	for _, c := range []struct {
		mask uint32
		asks []int
		want []int
	}{
		{0, []int{32}, []int{1, 1}},
		{0x00002000, []int{32}, []int{2, 2}},
		{0x00006000, []int{3}, []int{2, 2, 2, 2}},
		{0x0000e000, []int{32}, []int{8, 8}},
		{0x0000e000, []int{5, 3}, []int{4, 2, 2}},
		{0x0001e000, []int{5}, []int{4, 4, 4, 4, 4}},
		{0x0003e000, []int{31}, []int{16, 16, 16}},
		{0x1fffe000, []int{32, 8}, []int{32, 8, 32, 8}},
		{0x0000e000, []int{32, 99}, []int{8, 8}},
	} {
		job := coinbaseJob(1, 4, c.mask)
		r := NewRoller(Start{})
		var w Work
		for i, want := range c.want {
			if _, err := r.Next(&w, job, c.asks[i%len(c.asks)], 0); err != nil || w.Versions != want {
				t.Errorf("mask %08x, asked for %v: work %d has %d versions, %v; want %d", c.mask, c.asks, i, w.Versions, err, want)
			}
		}
	}
	for most := uint64(2); most <= hashing.MaxVersions; most++ {
		for all := uint64(2); all <= 1<<10; all *= 2 {
			for left := all; left > 0; {
				n := evenShare(left, most)
				if n < 2 || n > most {
					t.Fatalf("of %d, %d left, at most %d: a work of %d", all, left, most, n)
				}
				left -= n
			}
		}
	}
}
