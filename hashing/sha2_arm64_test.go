//go:build !purego

package hashing

import (
	"testing"
	"unsafe"
)

// TestSHA2JobLayout holds the struct against the offsets in _asm/arm64/sha2.go.
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
		{"limit", unsafe.Offsetof(job.limit), 16},
		{"group3", unsafe.Offsetof(job.group3), 32},
		{"group4", unsafe.Offsetof(job.group4), 48},
		{"sigma0", unsafe.Offsetof(job.sigma0), 64},
		{"padded", unsafe.Offsetof(job.padded), 112},
		{"round0", unsafe.Offsetof(job.round0), 160},
		{"end", unsafe.Offsetof(job.end), 192},
		{"length", unsafe.Offsetof(job.length), 208},
		{"last", unsafe.Offsetof(job.last), 224},
		{"bits", unsafe.Offsetof(job.bits), 240},
		{"states", unsafe.Offsetof(job.states), 256},
		{"a version", unsafe.Sizeof(job.states[0]), 64},
		{"midstate", unsafe.Offsetof(job.states[0].midstate), 32},
	} {
		if field.got != field.want {
			t.Errorf("%s is at %d, the assembly has it at %d", field.name, field.got, field.want)
		}
	}
}
