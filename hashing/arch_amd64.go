//go:build !purego

package hashing

import (
	"strings"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go -C _asm run .

// archKernels returns the assembly kernels for amd64, best first as far as the
// CPU's name and features show.
func archKernels() []Kernel {
	list := []Kernel{
		amd64Kernel("avx512", 48, asmAVX512, cpuid.AVX512F, cpuid.AVX512BW),
		amd64Kernel("shani-avx512", 8, asmSHANIAVX512, cpuid.SHA, cpuid.AVX512F, cpuid.AVX512VL),
		amd64Kernel("shani-avx512-ternary", 8, asmSHANIAVX512Ternary, cpuid.SHA, cpuid.AVX512F, cpuid.AVX512VL),
		amd64Kernel("shani-avx2", 8, asmSHANIAVX2, cpuid.SHA, cpuid.AVX2),
		amd64Kernel("shani", 4, asmSHANI, cpuid.SHA, cpuid.SSSE3, cpuid.SSE4),
		amd64Kernel("avx2", 8, asmAVX2, cpuid.AVX2),
		amd64Kernel("sse2", 4, asmSSE2, cpuid.SSE2),
	}
	if cpuid.CPU.VendorID == cpuid.AMD && cpuid.CPU.Family == zen4Family {
		list[0], list[1] = list[1], list[0]
	}
	return list
}

// zen4Family is AMD's family of Zen 3 and Zen 4, of which only Zen 4 has AVX-512, with units of 256 bits: there shani-avx512 is 1.45 times as fast as
// avx512. On Zen 5 and Intel's servers avx512 is faster.
const zen4Family = 25

// amd64Kernel returns the description of a kernel; its lanes are those of _asm. All of them
// share the schedule of the second block between versions.
func amd64Kernel(name string, lanes int, a assembly, needs ...cpuid.FeatureID) Kernel {
	return Kernel{
		Name: name, Lanes: lanes, Versions: MaxVersions,
		Needs:   featureList(needs),
		Missing: func() string { return missingFeatures(needs) },
		Scan: func(p *Prehash, start, count uint32, hits []Hit) (found int, done uint32) {
			return a.scan(uint64(lanes), p, start, count, hits)
		},
	}
}

// featureList returns the features' names with commas between. SSE4 is what cpuid
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

// assembly selects the function that scans groups.
type assembly int

const (
	asmSHANI assembly = iota
	asmAVX512
	asmAVX2
	asmSSE2
	asmSHANIAVX512
	asmSHANIAVX512Ternary
	asmSHANIAVX2
)

// scanGroups continues the job, see groupScan. It is a switch instead of a
// function value because the job must not escape.
func (a assembly) scanGroups(job *job) {
	switch a {
	case asmSHANI:
		scanGroupsSHANI(&job.nonce)
	case asmAVX512:
		scanGroupsAVX512(&job.nonce)
	case asmAVX2:
		scanGroupsAVX2(&job.nonce)
	case asmSSE2:
		scanGroupsSSE2(&job.nonce)
	case asmSHANIAVX512:
		if job.versions > 1 {
			scanGroupsSHANIAVX512Rolled(&job.nonce)
		} else {
			scanGroupsSHANIAVX512(&job.nonce)
		}
	case asmSHANIAVX512Ternary:
		if job.versions > 1 {
			scanGroupsSHANIAVX512TernaryRolled(&job.nonce)
		} else {
			scanGroupsSHANIAVX512Ternary(&job.nonce)
		}
	case asmSHANIAVX2:
		if job.versions > 1 {
			scanGroupsSHANIAVX2Rolled(&job.nonce)
		} else {
			scanGroupsSHANIAVX2(&job.nonce)
		}
	default:
		panic("hashing: unknown assembly")
	}
}
