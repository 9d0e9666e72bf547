package hashing

import (
	"math"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestKernelStaysInItsBuffers puts the prehash and the hit buffer against
// inaccessible pages: at their end, then at their beginning. A kernel
// that reads or writes one byte beyond ends the test with a fault.
func TestKernelStaysInItsBuffers(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		for _, atEnd := range []bool{true, false} {
			p := (*Prehash)(guarded(t, unsafe.Sizeof(Prehash{}), atEnd))
			hits := unsafe.Slice((*Hit)(guarded(t, MinHits*unsafe.Sizeof(Hit{}), atEnd)), MinHits)
			for _, versions := range []int{1, 3, MaxVersions} {
				header := randomHeader(random(uint64(20 + versions)))
				p.Set(&header, rolled(versions), math.MaxUint32)
				found, done := k.Scan(p, math.MaxUint32-100, uint32(2*MinHits), hits)
				if found != int(done)*versions || done == 0 {
					t.Errorf("%d versions: %d hits for %d nonces, every hash is one", versions, found, done)
				}
			}
		}
	})
}

// guarded returns zeroed memory between two inaccessible pages, adjacent to the one
// behind it (as far as alignment to 8 bytes allows) or the one before it.
func guarded(t *testing.T, size uintptr, atEnd bool) unsafe.Pointer {
	t.Helper()
	page := uintptr(unix.Getpagesize())
	inside := (size + page - 1) / page * page
	memory, err := unix.Mmap(-1, 0, int(inside+2*page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{memory[:page], memory[page+inside:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	offset := page
	if atEnd {
		offset = page + inside - (size+7)/8*8
	}
	return unsafe.Pointer(&memory[offset])
}
