package affinity

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/windows"
)

// PinThread ties the calling thread, which its goroutine has locked for good, to one CPU of the process's processor
// group: Windows masks cover 64 CPUs, and Go runs in one group, too.
func PinThread(cpu int) error {
	if cpu < 0 || cpu >= bits.UintSize {
		return fmt.Errorf("pinning to cpu %d: windows pins within the first %d cpus only", cpu, bits.UintSize)
	}
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetThreadAffinityMask")
	if before, _, err := call.Call(uintptr(windows.CurrentThread()), uintptr(1)<<cpu); before == 0 {
		return fmt.Errorf("pinning to cpu %d: %w", cpu, err)
	}
	return nil
}
