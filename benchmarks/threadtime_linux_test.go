package benchmarks

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration { return cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) }

// processTime is the CPU time of this process.
func processTime() time.Duration { return cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) }

func cpuTime(clock int32) time.Duration {
	var spent unix.Timespec
	if err := unix.ClockGettime(clock, &spent); err != nil {
		panic(err)
	}
	return time.Duration(spent.Nano())
}
