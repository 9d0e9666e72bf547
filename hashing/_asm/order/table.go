package order

import (
	"fmt"
	"regexp"
	"slices"
)

// Form is a variant of a kernel's function; all compute the same. Only a measurement
// shows which is the fastest: see benchmarks/ordersearch, which uses these names,
// too.
type Form struct {
	Beat          Beat `json:"beat"`
	Early2        int  `json:"early2"`         // hybridShape.early2
	Ternary       bool `json:"ternary"`        // VPTERNLOGD for all functions of three operands
	TernarySigma1 bool `json:"ternary_sigma1"` // for sigma1 of the schedules
}

// Entry is a form as it was measured on one family of processors.
type Entry struct {
	Kernel string  `json:"kernel"`
	Rolled bool    `json:"rolled"` // the function for several versions, measured with 32
	Form   Form    `json:"form"`
	Family string  `json:"family"` // as the order search prints it
	Cycles float64 `json:"cycles"` // per hash, on one thread of an otherwise idle core
	Date   string  `json:"date"`
	Used   bool    `json:"used"` // this is what is generated
}

// Table has the best forms that are known. To contribute a line, run the order
// search on your machine and put here what it prints last.
//
// Of each function one form is generated, so processors that differ share it:
// the kernels shani-avx512 and shani-avx512-ternary are all the choice that the
// miner has, which takes the one that it measures to be faster. If two families
// need very different forms, add another kernel. Raw results are in
// benchmarks/results, such as 2026-11-27-amd-epyc-zen4-order-search.txt.
func Table() []Entry {
	return []Entry{
		{Kernel: "shani-avx512", Form: Form{Beat: "LrvLvvrvvLvvrLvvvrvv", Early2: 4, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 71.5, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512", Form: Form{Beat: "LvrvLvvrvvvLvrvLvvrv", Early2: 4, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 72.6, Date: "2026-11-27"},
		{Kernel: "shani-avx512", Rolled: true, Form: Form{Beat: "LrvLvvr", Early2: 14},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 59.6, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512", Rolled: true, Form: Form{Beat: "LrvvvLvvr", Early2: 14},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 60.4, Date: "2026-11-27"},
		{Kernel: "shani-avx512-ternary", Form: Form{Beat: "Lrvvv", Early2: 4, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 72.9, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512-ternary", Form: Form{Beat: "LvrvLvvrvvvLvrvLvvrv", Early2: 4, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 74.1, Date: "2026-11-27"},
		{Kernel: "shani-avx512-ternary", Rolled: true, Form: Form{Beat: "LrvvLvvr", Early2: 16, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 66.0, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512-ternary", Rolled: true, Form: Form{Beat: "LrvvvLvvr", Early2: 14, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 70.4, Date: "2026-11-27"},
	}
}

// InUse returns the form of a function that is generated. A test ensures that there
// is one.
func InUse(kernel string, rolled bool) Form {
	list := Table()
	return list[slices.IndexFunc(list, func(o Entry) bool { return o.Used && o.Kernel == kernel && o.Rolled == rolled })].Form
}

// Check rejects forms that cannot be generated.
func (f Form) Check() error {
	switch {
	case !regexp.MustCompile(`^(Lv*rv*){1,64}$`).MatchString(string(f.Beat)):
		return fmt.Errorf("beat %q: want pairs of a load and rounds, L and r, with vectors, v, behind each", f.Beat)
	case f.Early2 < 4 || f.Early2 > 16 || f.Early2%2 != 0:
		return fmt.Errorf("%d early rounds of the second hash: want an even number from 4 to 16", f.Early2)
	}
	return nil
}
