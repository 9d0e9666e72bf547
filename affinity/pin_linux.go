package affinity

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// PinThread ties the calling thread to one CPU of [CPUSet]. The caller has locked its goroutine to the thread and never unlocks
// it, so that no other goroutine inherits the pinning.
func PinThread(cpu int) error {
	if cpu < 0 || cpu >= maxCPUs {
		return fmt.Errorf("pinning to cpu %d: no such cpu", cpu)
	}
	set := unix.NewCPUSet(maxCPUs)
	set.Set(cpu)
	if err := unix.SchedSetaffinityDynamic(0, set); err != nil {
		return fmt.Errorf("pinning to cpu %d: %w", cpu, err)
	}
	return nil
}
