//go:build !linux && !windows

package affinity

import "runtime"

// UsableCPUs counts the CPUs; this system reports neither their physical cores nor a quota.
func UsableCPUs() (CPUSet, error) {
	set := CPUSet{}
	for cpu := range runtime.NumCPU() {
		set.CPUs = append(set.CPUs, cpu)
	}
	return set, nil
}
