package affinity

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SetThreadPriority lowers the calling thread, which its goroutine has locked for good: without privilege there is
// no way back. On Linux nice values belong to threads (setpriority(2), "C library/kernel differences").
func SetThreadPriority(p Priority) error {
	switch p {
	case PriorityNormal:
		return nil
	case PriorityLow:
		return raiseNice(10)
	case PriorityIdle:
		// Some container profiles forbid sched_setattr; nice 19 is the next best.
		niceErr := raiseNice(19)
		err := unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_IDLE, Nice: 19}, 0)
		if err != nil && niceErr != nil {
			return fmt.Errorf("setting SCHED_IDLE: %w; %w", err, niceErr)
		}
		return nil
	}
	return fmt.Errorf("unknown priority %v", p)
}

// raiseNice raises the calling thread's nice value to at least nice.
func raiseNice(nice int) error {
	thread := unix.Gettid()
	// The raw system call returns 20 - nice, so that it is never negative.
	if now, err := unix.Getpriority(unix.PRIO_PROCESS, thread); err == nil && 20-now >= nice {
		return nil
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, thread, nice); err != nil {
		return fmt.Errorf("setting nice %d: %w", nice, err)
	}
	return nil
}
