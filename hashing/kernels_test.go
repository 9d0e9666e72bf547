package hashing

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// skipUnlessRunnable skips a kernel that this CPU cannot run, or fails when
// QUARRY_REQUIRE_KERNELS (comma-separated names) names it.
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

func TestRequiredKernelsAreCompiledIn(t *testing.T) {
	for _, name := range requiredKernels() {
		if _, err := Lookup(name); err != nil {
			t.Errorf("QUARRY_REQUIRE_KERNELS: %v", err)
		}
	}
}

// everyKernel runs a test for each kernel compiled in.
func everyKernel(t *testing.T, test func(t *testing.T, k Kernel)) {
	for _, k := range Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			skipUnlessRunnable(t, k)
			test(t, k)
		})
	}
}

// rolled returns n versions as BIP 320 rolls them.
func rolled(n int) []uint32 {
	versions := make([]uint32, n)
	for i := range versions {
		versions[i] = 0x20000000 | uint32(i)<<13
	}
	return versions
}

func randomVersions(r *rand.Rand, n int) []uint32 {
	versions := make([]uint32, n)
	for i := range versions {
		versions[i] = r.Uint32()
	}
	return versions
}

func TestKernelDescriptions(t *testing.T) {
	list := Kernels()
	for _, k := range list {
		if k.Name == "" || k.Name == Auto || k.Lanes < 1 || k.Versions < 1 || k.Versions > MaxVersions || k.Needs == "" || k.Scan == nil {
			t.Errorf("kernel %q is not described well: %+v", k.Name, k)
		}
		if k.Lanes*MaxVersions > MinHits {
			t.Errorf("kernel %q: MinHits is too small for %d lanes", k.Name, k.Lanes)
		}
	}
	if last := list[len(list)-1]; last.Name != "generic" || last.MissingHere() != "" {
		t.Errorf("the last kernel is %q, lacking %q; want generic, which runs everywhere", last.Name, last.MissingHere())
	}
}

func TestKernelSelfTest(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		if err := SelfTest(k); err != nil {
			t.Error(err)
		}
	})
}

// TestKernelCoverage makes every (nonce, version) of random ranges a hit, and wants
// each exactly once, for any range and remainder.
func TestKernelCoverage(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		r := random(4)
		rounds := 60
		if testing.Short() {
			rounds = 10
		}
		for range rounds {
			c := testRange{
				header: randomHeader(r), versions: randomVersions(r, 1+r.IntN(MaxVersions)),
				start: r.Uint32(), count: 1 + r.Uint32N(150), limit: math.MaxUint32,
			}
			if r.IntN(3) == 0 {
				c.start = -r.Uint32N(c.count) // past the last nonce
			}
			if err := c.check(k); err != nil {
				t.Fatal(err)
			}
		}
		for count := uint32(1); count <= uint32(2*k.Lanes+1); count++ {
			c := testRange{header: randomHeader(r), versions: randomVersions(r, 2), start: -count / 2, count: count, limit: math.MaxUint32}
			if err := c.check(k); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestKernelAgainstReference compares every hash of random and of extreme
// headers with the reference, for limits at which some, few or none hit.
func TestKernelAgainstReference(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		r := random(5)
		rounds := 10
		if testing.Short() {
			rounds = 1
		}
		for range rounds {
			for _, limit := range []uint32{0, 1, 0x7fffffff, 0x80000000, 0x00ffffff, r.Uint32(), math.MaxUint32 - 1} {
				for _, header := range []Header{randomHeader(r), {}, filled(0xff), filled(0x80)} {
					c := testRange{
						header: header, versions: randomVersions(r, 1+r.IntN(5)),
						start: r.Uint32(), count: 1 + r.Uint32N(200), limit: limit,
					}
					if err := c.check(k); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

func filled(b byte) (h Header) {
	for i := range h {
		h[i] = b
	}
	return h
}

// TestKernelLimitIsExact wants a hit at a limit that is the nonce's own top
// word, and none one below.
func TestKernelLimitIsExact(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		r := random(6)
		for range 40 {
			c := testRange{header: randomHeader(r), versions: randomVersions(r, 1)}
			for _, exact := range exactLimits(c) {
				if err := exact.check(k); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
