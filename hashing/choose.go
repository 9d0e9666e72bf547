package hashing

import (
	"errors"
	"fmt"
	"strings"
)

// Auto is the kernel name that lets [ChooseFrom] pick.
const Auto = "auto"

// Kernels returns the kernels compiled in, best first. The last one, generic,
// runs on every machine.
func Kernels() []Kernel { return append(archKernels(), stdlibKernel(), genericKernel()) }

// Lookup finds a compiled-in kernel by its name, whether it runs here or not.
func Lookup(name string) (Kernel, error) { return lookup(Kernels(), name) }

func lookup(list []Kernel, name string) (Kernel, error) {
	names := []string{Auto}
	for _, k := range list {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return Kernel{}, fmt.Errorf("unknown kernel %.40q: want one of %s", name, strings.Join(names, ", "))
}

// MissingHere returns what this CPU lacks for the kernel; empty means that it can
// run.
func (k Kernel) MissingHere() string {
	if k.Missing == nil {
		return ""
	}
	return k.Missing()
}

// Report is the test result of one kernel.
type Report struct {
	Kernel  Kernel
	Missing string // what this CPU lacks; empty if the kernel can run
	Err     error  // why it failed its self-test; nil if it passed or cannot run
}

// Usable reports whether the kernel can run here and passed its self-test.
func (r Report) Usable() bool { return r.Missing == "" && r.Err == nil }

// Examine tests every kernel of the list that this CPU can run. It takes about
// a millisecond for each. The reports come in the order of the list.
func Examine(list []Kernel) []Report {
	examiner := NewExaminer()
	reports := make([]Report, 0, len(list))
	for _, k := range list {
		reports = append(reports, examine(examiner, k))
	}
	return reports
}

func examine(examiner *Examiner, k Kernel) Report {
	report := Report{Kernel: k, Missing: k.MissingHere()}
	if report.Missing == "" {
		report.Err = examiner.Test(k)
	}
	return report
}

// ChooseFrom returns the kernel of that name, or for "auto" (or "") the first of
// the list that this CPU can run and that passes its self-test. The reports
// cover the kernels examined before it, in order: one with an Err deserves a
// warning. It takes a few milliseconds.
func ChooseFrom(list []Kernel, name string) (Kernel, []Report, error) {
	examiner := NewExaminer()
	if name != Auto && name != "" {
		return chooseNamed(examiner, list, name)
	}
	var reports []Report
	var faults []error
	for _, k := range list {
		report := examine(examiner, k)
		reports = append(reports, report)
		if report.Usable() {
			return k, reports, nil
		}
		faults = append(faults, report.Err)
	}
	return Kernel{}, reports, fmt.Errorf("no kernel can be used on this machine: %w", errors.Join(faults...))
}

func chooseNamed(examiner *Examiner, list []Kernel, name string) (Kernel, []Report, error) {
	k, err := lookup(list, name)
	if err != nil {
		return Kernel{}, nil, err
	}
	report := examine(examiner, k)
	switch {
	case report.Missing != "":
		err = fmt.Errorf("kernel %q cannot run here: this CPU lacks %s; use %q", name, report.Missing, Auto)
	case report.Err != nil:
		err = fmt.Errorf("%w; use %q", report.Err, Auto)
	}
	if err != nil {
		return Kernel{}, []Report{report}, err
	}
	return k, []Report{report}, nil
}

// Rate is a kernel's measured rate in hashes a second; 0 is not measured.
type Rate struct {
	Plain  float64 // one version at a time
	Rolled float64 // with Kernel.Versions versions at a time
}
