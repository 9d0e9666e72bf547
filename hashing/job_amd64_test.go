//go:build !purego

package hashing

import (
	"testing"
	"unsafe"
)

// TestJobLayout compares the struct with the offsets in _asm/job.go.
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
		{"stop", unsafe.Offsetof(job.stop), 16},
		{"room", unsafe.Offsetof(job.room), 24},
		{"found", unsafe.Offsetof(job.found), 28},
		{"limit", unsafe.Offsetof(job.limit), 32},
		{"head", unsafe.Offsetof(job.head), 48},
		{"group4", unsafe.Offsetof(job.group4), 64},
		{"group5", unsafe.Offsetof(job.group5), 80},
		{"group7", unsafe.Offsetof(job.group7), 96},
		{"known", unsafe.Offsetof(job.known), 112},
		{"knownK", unsafe.Offsetof(job.knownK), 192},
		{"states", unsafe.Offsetof(job.states), 208},
		{"hits", unsafe.Offsetof(job.hits), 208 + 32*80},
		{"a version", unsafe.Sizeof(job.states[0]), 80},
		{"h", unsafe.Offsetof(job.states[0].h), 64},
		{"midstate", unsafe.Offsetof(job.states[0].midstate), 32},
		{"hits of a group", unsafe.Sizeof(job.hits[0]), 16},
		{"their version", unsafe.Offsetof(job.hits[0].version), 4},
		{"their mask", unsafe.Offsetof(job.hits[0].mask), 8},
	} {
		if field.got != field.want {
			t.Errorf("%s is at %d, the assembly has it at %d", field.name, field.got, field.want)
		}
	}
}
