package affinity

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// SetThreadPriority sets the calling thread's priority within its process's class, by the values of
// THREAD_PRIORITY_IDLE (-15) and THREAD_PRIORITY_BELOW_NORMAL (-1).
func SetThreadPriority(p Priority) error {
	var level int32
	switch p {
	case PriorityNormal:
		return nil
	case PriorityLow:
		level = -1
	case PriorityIdle:
		level = -15
	default:
		return fmt.Errorf("unknown priority %v", p)
	}
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetThreadPriority")
	if ok, _, err := call.Call(uintptr(windows.CurrentThread()), uintptr(level)); ok == 0 {
		return fmt.Errorf("setting the thread's priority to %v: %w", p, err)
	}
	return nil
}
