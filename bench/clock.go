package bench

import (
	"math"
	"math/bits"
	"runtime"
	"time"

	"quarry/telemetry"
)

const (
	// clockSteps is how many iterations of the loop one look at the clock takes:
	// some 50 microseconds, short enough that a CPU which clocks down for wide
	// vectors has not clocked up again (Intel: 0.67 ms).
	clockSteps = 1 << 14
	clockLooks = 4
	// clockTolerance is how far two readings around a sample may differ.
	clockTolerance = 0.05
)

// clockKnown: what the loop compiles to on this architecture has been checked.
func clockKnown() bool { return runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" }

// clock measures the calling thread's clock in hertz. It is the best of a few
// looks, because a disturbance, by an interrupt or another tenant, only makes a look
// longer.
func clock() telemetry.Reading {
	if !clockKnown() {
		return telemetry.Reading{}
	}
	best := time.Duration(math.MaxInt64)
	for i := range clockLooks {
		began := time.Now()
		sink := dependent(uint64(i), uint64(began.Nanosecond())|1, clockSteps)
		took := time.Since(began)
		// The result is used, so that the compiler keeps the loop.
		if bits.OnesCount64(sink) <= 64 {
			best = min(best, took)
		}
	}
	if best <= 0 {
		return telemetry.Reading{} // the system's clock is too coarse
	}
	return telemetry.Known(clockSteps * cyclesPerStep / best.Seconds())
}

// agreed returns the mean of the clock readings before and after, if they agree.
func agreed(before, after telemetry.Reading) telemetry.Reading {
	if !before.OK || !after.OK {
		return telemetry.Reading{}
	}
	mean := (before.Value + after.Value) / 2
	if math.Abs(before.Value-after.Value) > clockTolerance*mean {
		return telemetry.Reading{}
	}
	return telemetry.Known(mean)
}

const cyclesPerStep = 16

// dependent runs a chain in which every operation waits for the one before it:
// cyclesPerStep operations of one cycle each per iteration. Additions and exclusive ors of
// registers take one cycle on every amd64 and arm64 CPU, and no CPU is known
// to shorten a chain of them (they do for additions of small constants, and
// multiplications take different times). The loop's own counter and branch run
// next to the chain. Go 1.26 compiles an iteration to: 8 ADDQ (or LEAQ of two registers)
// and 8 XORQ on amd64, 8 ADD and 8 EOR on arm64, all on the register of x;
// check again with "go tool objdump -s dependent" when the compiler changes.
//
//go:noinline
func dependent(x, k uint64, steps int) uint64 {
	for range steps {
		x += k
		x ^= k
		x += k
		x ^= k
		x += k
		x ^= k
		x += k
		x ^= k
		x += k
		x ^= k
		x += k
		x ^= k
		x += k
		x ^= k
		x += k
		x ^= k
	}
	return x
}
