package hashing

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// broken wraps the generic kernel's Scan with a fault.
func broken(name string, fault func(scan func(*Prehash, uint32, uint32, []Hit) (int, uint32)) func(*Prehash, uint32, uint32, []Hit) (int, uint32)) Kernel {
	k := genericKernel()
	k.Name = name
	k.Scan = fault(k.Scan)
	return k
}

// wide declares the kernel to have eight lanes and to prefer four versions.
func wide(k Kernel) Kernel {
	k.Lanes, k.Versions = 8, 4
	return k
}

// brokenKernels are faults that a self-test must detect.
func brokenKernels() []Kernel {
	type scan = func(*Prehash, uint32, uint32, []Hit) (int, uint32)
	return []Kernel{
		broken("finds-nothing", func(scan) scan {
			return func(_ *Prehash, _, count uint32, _ []Hit) (int, uint32) { return 0, count }
		}),
		broken("never-moves", func(scan) scan {
			return func(*Prehash, uint32, uint32, []Hit) (int, uint32) { return 0, 0 }
		}),
		broken("panics", func(scan) scan {
			return func(*Prehash, uint32, uint32, []Hit) (int, uint32) { panic("illegal") }
		}),
		broken("one-nonce-off", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				found, done := good(p, start, count, hits)
				for i := range hits[:found] {
					hits[i].Nonce++
				}
				return found, done
			}
		}),
		broken("skips-the-last-nonce", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				found, done := good(p, start, count-1, hits)
				return found, done + 1
			}
		}),
		broken("hits-twice", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				found, done := good(p, start, count, hits)
				if found > 0 && found < len(hits) {
					hits[found] = hits[0]
					found++
				}
				return found, done
			}
		}),
		broken("compares-signed", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				if p.Limit > math.MaxInt32 && p.Limit < math.MaxUint32-1 {
					return 0, count
				}
				return good(p, start, count, hits)
			}
		}),
		broken("below-instead-of-at-most", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				q := *p
				if q.Limit > 0 {
					q.Limit--
				}
				return good(&q, start, count, hits)
			}
		}),
		broken("first-version-only", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				q := *p
				q.Versions = 1
				return good(&q, start, count, hits)
			}
		}),
		broken("stops-at-the-last-nonce", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				if end := uint64(start) + uint64(count); end > 1<<32 {
					found, _ := good(p, start, -start, hits)
					return found, count
				}
				return good(p, start, count, hits)
			}
		}),
		wide(broken("skips-a-lone-rest", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				if count > 8 && count%8 == 1 {
					found, done := good(p, start, count-1, hits)
					return found, done + 1
				}
				return good(p, start, count, hits)
			}
		})),
		wide(broken("one-lane-too-many", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				if count%8 == 7 && len(hits) > int(count+1)*p.Versions {
					found, _ := good(p, start, count+1, hits)
					return found, count
				}
				return good(p, start, count, hits)
			}
		})),
		wide(broken("wrong-in-the-last-of-its-versions", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				q := *p
				if q.Versions == 4 {
					q.Midstates[3] = q.Midstates[2]
				}
				return good(&q, start, count, hits)
			}
		})),
		wide(broken("wrong-beyond-its-versions", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				q := *p
				q.Midstates[MaxVersions-1][0] ^= 1
				return good(&q, start, count, hits)
			}
		})),
		wide(broken("loses-the-second-of-two-hits", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				found, done := good(p, start, count, hits)
				if found == 2 {
					found = 1
				}
				return found, done
			}
		})),
		broken("overruns-a-full-buffer", func(good scan) scan {
			return func(p *Prehash, start, count uint32, hits []Hit) (int, uint32) {
				found, _ := good(p, start, count, hits)
				return found, count // does not report that it stopped
			}
		}),
	}
}

func TestSelfTestSeesEveryFault(t *testing.T) {
	for _, k := range brokenKernels() {
		t.Run(k.Name, func(t *testing.T) {
			err := SelfTest(k)
			if err == nil {
				t.Fatal("the self-test passes it")
			}
			if !strings.Contains(err.Error(), k.Name) {
				t.Errorf("error %q does not name the kernel", err)
			}
		})
	}
}

func TestChooseNeverTakesABrokenKernel(t *testing.T) {
	bad := brokenKernels()
	k, reports, err := ChooseFrom(append(bad, genericKernel()), Auto)
	if err != nil || k.Name != "generic" {
		t.Fatalf("chose %q, error %v; want generic", k.Name, err)
	}
	if len(reports) != len(bad)+1 {
		t.Fatalf("%d reports, want %d", len(reports), len(bad)+1)
	}
	for i, report := range reports {
		if failed := report.Err != nil; failed != (i < len(bad)) {
			t.Errorf("report on %q has the error %v", report.Kernel.Name, report.Err)
		}
	}
	for _, b := range bad {
		if _, reports, err := ChooseFrom(bad, b.Name); err == nil || len(reports) != 1 || reports[0].Err == nil {
			t.Errorf("asked for %q by name: error %v, reports %v", b.Name, err, reports)
		}
	}
	if k, _, err := ChooseFrom(bad, Auto); err == nil || k.Scan != nil {
		t.Errorf("chose %q out of broken kernels, error %v", k.Name, err)
	}
}

func TestChoosePassesOverWhatTheCPULacks(t *testing.T) {
	absent := genericKernel()
	absent.Name, absent.Needs = "wide", "AVX-1024"
	absent.Missing = func() string { return "AVX-1024" }
	absent.Scan = func(*Prehash, uint32, uint32, []Hit) (int, uint32) {
		t.Error("ran a kernel that cannot run")
		return 0, 0
	}
	list := []Kernel{absent, genericKernel()}

	k, reports, err := ChooseFrom(list, Auto)
	if err != nil || k.Name != "generic" || len(reports) != 2 || reports[0].Missing != "AVX-1024" || reports[0].Err != nil {
		t.Errorf("chose %q, reports %+v, error %v", k.Name, reports, err)
	}
	_, _, err = ChooseFrom(list, "wide")
	if err == nil || !strings.Contains(err.Error(), "AVX-1024") || !strings.Contains(err.Error(), Auto) {
		t.Errorf("asked for it by name: error %v, want one that names AVX-1024 and auto", err)
	}
}

func TestChooseByName(t *testing.T) {
	k, reports, err := ChooseFrom(Kernels(), "generic")
	if err != nil || k.Name != "generic" || len(reports) != 1 {
		t.Errorf("ChooseFrom(generic) = %q, %v, %v", k.Name, reports, err)
	}
	_, _, err = ChooseFrom(Kernels(), "nonesuch")
	if err == nil {
		t.Fatal("ChooseFrom(nonesuch) gives no error")
	}
	for _, name := range append([]string{Auto, "nonesuch"}, names(Kernels())...) {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
	for _, auto := range []string{Auto, ""} {
		k, reports, err := ChooseFrom(Kernels(), auto)
		if err != nil || !slices.Contains(names(Kernels()), k.Name) || len(reports) == 0 {
			t.Errorf("ChooseFrom(%q) = %q, %v, %v", auto, k.Name, reports, err)
		}
	}
}

func TestExamineReportsOnAll(t *testing.T) {
	absent := genericKernel()
	absent.Name, absent.Missing = "wide", func() string { return "AVX-1024" }
	list := []Kernel{absent, brokenKernels()[0], genericKernel()}
	reports := Examine(list)
	if len(reports) != 3 || reports[0].Missing == "" || reports[1].Err == nil ||
		reports[0].Usable() || reports[1].Usable() || !reports[2].Usable() {
		t.Errorf("reports %+v", reports)
	}
}

func names(list []Kernel) (names []string) {
	for _, k := range list {
		names = append(names, k.Name)
	}
	return names
}
