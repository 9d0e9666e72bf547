//go:build !purego

package hashing

import (
	"testing"
	"unsafe"
)

// TestJobLayout holds the struct against the offsets in _asm/job.go.
func TestJobLayout(t *testing.T) {
	var job job
	for _, field := range []struct {
		name      string
		got, want uintptr
	}{
		{"nonce", unsafe.Offsetof(job.nonce), 0},
		{"groups", unsafe.Offsetof(job.groups), 4},
		{"version", unsafe.Offsetof(job.version), 8},
		{"versions", unsafe.Offsetof(job.versions), 12},
		{"limit", unsafe.Offsetof(job.limit), 16},
		{"head", unsafe.Offsetof(job.head), 32},
		{"group4", unsafe.Offsetof(job.group4), 48},
		{"group5", unsafe.Offsetof(job.group5), 64},
		{"group7", unsafe.Offsetof(job.group7), 80},
		{"known", unsafe.Offsetof(job.known), 96},
		{"knownK", unsafe.Offsetof(job.knownK), 176},
		{"states", unsafe.Offsetof(job.states), 192},
		{"a version", unsafe.Sizeof(job.states[0]), 80},
		{"h", unsafe.Offsetof(job.states[0].h), 64},
		{"midstate", unsafe.Offsetof(job.states[0].midstate), 32},
	} {
		if field.got != field.want {
			t.Errorf("%s is at %d, the assembly has it at %d", field.name, field.got, field.want)
		}
	}
}
