package hashing

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// skipUnlessRunnable skips a kernel that this CPU cannot run, or fails when
// QUARRY_REQUIRE_KERNELS (names with commas between) names it.
func skipUnlessRunnable(t testing.TB, k Kernel) {
	t.Helper()
	missing := k.MissingHere()
	if missing == "" {
		return
	}
	if slices.Contains(requiredKernels(), k.Name) {
		t.Fatalf("QUARRY_REQUIRE_KERNELS names %s, but this CPU lacks %s", k.Name, missing)
	}
	t.Skipf("kernel %s: this CPU lacks %s", k.Name, missing)
}

func requiredKernels() []string {
	return strings.FieldsFunc(os.Getenv("QUARRY_REQUIRE_KERNELS"), func(r rune) bool { return r == ',' || r == ' ' })
}

// rolled are n versions as BIP 320 rolls them.
func rolled(n int) []uint32 {
	versions := make([]uint32, n)
	for i := range versions {
		versions[i] = 0x20000000 | uint32(i)<<13
	}
	return versions
}
