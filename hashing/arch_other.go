//go:build (!amd64 && !arm64) || purego

package hashing

// archKernels returns none: there is no assembly for this architecture.
func archKernels() []Kernel { return nil }
