package tune

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"time"

	"quarry/affinity"
	"quarry/bench"
	"quarry/hashing"
)

const (
	// A kernel runs in short turns, plain and with rolled versions, spread over
	// the whole time, so that only a disturbance as long can spoil all of them. A
	// turn is shorter than a scheduler's time slice (3 ms on Linux), so that on a
	// busy machine some are not interrupted; with 5 ms hardly any was not.
	probeTurn   = time.Millisecond
	longestTurn = 10 * time.Millisecond // where the clock is coarse
	leastRounds = 8                     // of all kernels; then only the contenders continue

	// contending is the fraction of the fastest kernel's rate that a contender
	// needs. The strongest disturbances observed halve a kernel's rate, as a
	// hyperthread in the cache of decoded instructions does. A rate below half
	// of the fastest, with some margin, is the kernel's own.
	contending = 0.4

	probeHashes = 1 << 16 // in a proof
	probeProofs = 2       // of each number of versions

	// overtime is how much longer than asked for a measurement may take on a busy
	// machine, where a turn of a millisecond can take a second.
	overtime = 5 * time.Second

	// spareProcs is how many threads Go may run in addition to those that measure.
	spareProcs = 4
)

// subject is a kernel under measurement.
type subject struct {
	kernel        hashing.Kernel
	found         Finding
	plain, rolled series
}

// series are the rates of each thread, in hashes a second, round by round.
type series [][]float64

func (s *series) add(sample bench.Sample) {
	if *s == nil {
		*s = make(series, len(sample.Threads))
	}
	for i, t := range sample.Threads {
		(*s)[i] = append((*s)[i], float64(t.Hashes)/t.Elapsed.Seconds())
	}
}

// rate returns the sum of the threads' second best rates: other load only ever
// makes a thread slower, but the very best rate may be an outlier, after a rest or
// a jump of the clock.
func (s series) rate() (sum float64) {
	for _, rates := range s {
		slices.Sort(rates)
		sum += rates[max(len(rates)-2, 0)]
	}
	return sum
}

func (s *subject) fail(err error) {
	if err != nil && s.found.Fault == "" {
		s.found.Fault = cut(err.Error())
	}
}

// best returns the rate of the faster form.
func (s *subject) best() float64 { return max(s.plain.rate(), s.rolled.rate()) }

func (s *subject) result() *Finding {
	if s.found.Fault == "" {
		s.found.Plain, s.found.Rolled = s.plain.rate(), s.rolled.rate()
	}
	return &s.found
}

// turn is one kernel, plain or rolled.
type turn struct {
	*subject
	proofs []*bench.Proof
	rates  *series
}

// measure runs all kernels in turns on all the placements at once.
func measure(ctx context.Context, subjects []*subject, order *probeOrder, lines *json.Encoder) error {
	runtime.GOMAXPROCS(len(order.Placements) + spareProcs)
	proofs := map[int][]*bench.Proof{}
	proofsOf := func(versions int) []*bench.Proof {
		for seed := uint64(len(proofs[versions])); seed < probeProofs; seed++ {
			proofs[versions] = append(proofs[versions], bench.NewProof(seed, versions, probeHashes))
		}
		return proofs[versions]
	}
	var turns []turn
	for _, s := range subjects {
		turns = append(turns, turn{s, proofsOf(1), &s.plain}, turn{s, proofsOf(hashing.MaxVersions), &s.rolled})
	}
	length := turnLength(clockStep())
	return takeTurns(turns, order.Time, time.Now, func(t turn) error { return t.run(ctx, order.Placements, length, lines) })
}

// turnLength returns at least 20 steps of the clock, for an error of 5 % at most.
func turnLength(step time.Duration) time.Duration { return min(max(probeTurn, 20*step), longestTurn) }

// clockStep returns the smallest difference that the clock shows: some 500 us on
// Windows, below 1 us elsewhere.
func clockStep() time.Duration {
	step := time.Hour
	for range 5 {
		began := time.Now()
		for time.Since(began) == 0 {
		}
		step = min(step, time.Since(began))
	}
	return step
}

// takeTurns runs each turn in every round. The order alternates between rounds, so
// that drift affects all alike. After leastRounds only the contenders run. When
// overtime is used up, what was measured so far has to do.
func takeTurns(turns []turn, d time.Duration, now func() time.Time, run func(turn) error) error {
	began := now()
	for round := 0; round < leastRounds || now().Sub(began) < d; round++ {
		if round >= leastRounds {
			turns = contenders(turns)
		}
		ran := false
		for _, t := range turns {
			if t.found.Fault != "" {
				continue
			}
			if now().Sub(began) >= d+overtime {
				return nil
			}
			ran = true
			if err := run(t); err != nil {
				return err
			}
		}
		if !ran {
			break
		}
		slices.Reverse(turns)
	}
	return nil
}

// contenders returns the turns of the kernels that may still be the fastest.
func contenders(turns []turn) (near []turn) {
	fastest := 0.0
	for _, t := range turns {
		if t.found.Fault == "" {
			fastest = max(fastest, t.best())
		}
	}
	for _, t := range turns {
		if t.best() >= contending*fastest {
			near = append(near, t)
		}
	}
	return near
}

// run runs one turn. A kernel that does not find the planted winners is faulty; an
// error means that the measurement itself failed.
func (t turn) run(ctx context.Context, placements []affinity.Placement, d time.Duration, lines *json.Encoder) error {
	if err := lines.Encode(probeLine{Begin: t.kernel.Name}); err != nil {
		return err
	}
	sample, err := bench.Rate(ctx, t.kernel, t.proofs, placements, d)
	var wrong *bench.WrongKernel
	switch {
	case errors.As(err, &wrong):
		t.fail(err)
	case err != nil:
		return err
	default:
		t.rates.add(sample)
	}
	return nil
}
