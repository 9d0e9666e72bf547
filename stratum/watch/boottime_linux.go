package watch

import (
	"time"

	"golang.org/x/sys/unix"
)

// RealTime returns the time since some fixed moment, the time that the machine
// slept included, which Go's monotonic clock leaves out.
func RealTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return wallTime()
	}
	return time.Duration(ts.Nano())
}
