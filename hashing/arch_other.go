//go:build (!amd64 && !arm64) || purego

package hashing

// archKernels: there is no assembly for this machine.
func archKernels() []Kernel { return nil }
