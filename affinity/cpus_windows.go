package affinity

import (
	"fmt"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/windows"
)

// UsableCPUs lists the CPUs in the process's affinity mask: those of its processor group, at most 64.
func UsableCPUs() (CPUSet, error) {
	var process, system uintptr
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("GetProcessAffinityMask")
	ok, _, err := call.Call(uintptr(windows.CurrentProcess()),
		uintptr(unsafe.Pointer(&process)), uintptr(unsafe.Pointer(&system)))
	if ok == 0 {
		return CPUSet{}, fmt.Errorf("reading the cpu affinity: %w", err)
	}
	set := CPUSet{CanPin: true}
	for cpu := range bits.UintSize {
		if process>>cpu&1 != 0 {
			set.CPUs = append(set.CPUs, cpu)
		}
	}
	return set, nil
}
