//go:build !purego

package hashing

import (
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// TestSHA2JobLayout compares the struct with the offsets in _asm/arm64/sha2.go.
func TestSHA2JobLayout(t *testing.T) {
	var job sha2Job
	for _, field := range []struct {
		name      string
		got, want uintptr
	}{
		{"nonce", unsafe.Offsetof(job.nonce), 0},
		{"groups", unsafe.Offsetof(job.groups), 4},
		{"version", unsafe.Offsetof(job.version), 8},
		{"versions", unsafe.Offsetof(job.versions), 12},
		{"stop", unsafe.Offsetof(job.stop), 16},
		{"room", unsafe.Offsetof(job.room), 24},
		{"found", unsafe.Offsetof(job.found), 28},
		{"limit", unsafe.Offsetof(job.limit), 32},
		{"group3", unsafe.Offsetof(job.group3), 48},
		{"group4", unsafe.Offsetof(job.group4), 64},
		{"sigma0", unsafe.Offsetof(job.sigma0), 80},
		{"padded", unsafe.Offsetof(job.padded), 128},
		{"round0", unsafe.Offsetof(job.round0), 176},
		{"end", unsafe.Offsetof(job.end), 208},
		{"length", unsafe.Offsetof(job.length), 224},
		{"last", unsafe.Offsetof(job.last), 240},
		{"bits", unsafe.Offsetof(job.bits), 256},
		{"states", unsafe.Offsetof(job.states), 272},
		{"hits", unsafe.Offsetof(job.hits), 272 + 32*64},
		{"hits of a group", unsafe.Sizeof(job.hits[0]), 16},
		{"their version", unsafe.Offsetof(job.hits[0].version), 4},
		{"their mask", unsafe.Offsetof(job.hits[0].mask), 8},
		{"a version", unsafe.Sizeof(job.states[0]), 64},
		{"midstate", unsafe.Offsetof(job.states[0].midstate), 32},
	} {
		if field.got != field.want {
			t.Errorf("%s is at %d, the assembly has it at %d", field.name, field.got, field.want)
		}
	}
}

// TestSHA2IsLeftAloneWithoutSHA2 takes the feature away from the CPU: the
// kernel must not be run then, not even for its self-test, because an
// illegal instruction would end the program.
func TestSHA2IsLeftAloneWithoutSHA2(t *testing.T) {
	has := cpu.ARM64.HasSHA2
	t.Cleanup(func() { cpu.ARM64.HasSHA2 = has })
	cpu.ARM64.HasSHA2 = false
	list := Kernels()
	at := slices.IndexFunc(list, func(k Kernel) bool { return k.Name == "sha2" })
	list[at].Scan = func(*Prehash, uint32, uint32, []Hit) (int, uint32) {
		t.Error("the kernel was run")
		return 0, 0
	}
	k, reports, err := ChooseFrom(list, Auto)
	if err != nil || k.Name == "sha2" || reports[0].Missing != "SHA2" {
		t.Errorf("kernel %q, reports %+v, %v; want another than sha2, and SHA2 missing", k.Name, reports, err)
	}
	if _, _, err := ChooseFrom(list, "sha2"); err == nil {
		t.Error("--kernel sha2 is accepted")
	}
}
