//go:build !purego

package hashing

import (
	"strings"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go -C _asm run .

// archKernels are the assembly kernels for amd64, best first.
func archKernels() []Kernel { return []Kernel{shaniKernel()} }

// featureList is the features' names with commas between. SSE4 is what cpuid
// calls SSE4.1.
func featureList(features []cpuid.FeatureID) string {
	var names []string
	for _, f := range features {
		name := f.String()
		switch f {
		case cpuid.SHA:
			name = "SHA-NI"
		case cpuid.SSE4:
			name = "SSE4.1"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func missingFeatures(features []cpuid.FeatureID) string {
	var missing []cpuid.FeatureID
	for _, f := range features {
		if !cpuid.CPU.Supports(f) {
			missing = append(missing, f)
		}
	}
	return featureList(missing)
}
