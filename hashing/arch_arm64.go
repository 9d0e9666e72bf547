//go:build !purego

package hashing

// archKernels returns the assembly kernels for arm64, best first.
func archKernels() []Kernel { return []Kernel{sha2Kernel()} }
