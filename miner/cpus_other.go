//go:build !linux && !windows

package miner

import "runtime"

// UsableCPUs counts the CPUs; this system tells neither which physical core they belong to nor a quota.
func UsableCPUs() (CPUSet, error) {
	set := CPUSet{}
	for cpu := range runtime.NumCPU() {
		set.CPUs = append(set.CPUs, cpu)
	}
	return set, nil
}
