package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
)

// form is a choice among programs of a kernel's function that compute the same.
// Which is the fastest only measuring tells: see benchmarks/ordersearch, which
// knows these names too.
type form struct {
	Beat          beat `json:"beat"`
	Early2        int  `json:"early2"`         // hybridShape.early2
	Ternary       bool `json:"ternary"`        // VPTERNLOGD for all functions of three operands
	TernarySigma1 bool `json:"ternary_sigma1"` // for sigma1 of the schedules
}

// order is a form as it was measured on one family of processors.
type order struct {
	Kernel string  `json:"kernel"`
	Rolled bool    `json:"rolled"` // the function for several versions, measured with 32
	Form   form    `json:"form"`
	Family string  `json:"family"` // as the order search prints it
	Cycles float64 `json:"cycles"` // a hash, on one thread of a core that is else idle
	Date   string  `json:"date"`
	Used   bool    `json:"used"` // this is what is generated
}

// orders are the best forms that are known. To contribute a line, run the order
// search on your machine and put here what it prints last.
//
// Of each function one form is generated, so processors that differ share it:
// the kernels shani-avx512 and shani-avx512-ternary are all the choice that the
// miner has, which takes the one that it measures to be faster. If two families
// want forms that differ much, that takes another kernel. Raw outcomes are in
// benchmarks/results, such as 2026-11-27-amd-epyc-zen4-order-search.txt.
func orders() []order {
	return []order{
		{Kernel: "shani-avx512", Form: form{Beat: "LrvLvvrvvLvvrLvvvrvv", Early2: 4, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 71.5, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512", Form: form{Beat: "LvrvLvvrvvvLvrvLvvrv", Early2: 4, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 72.6, Date: "2026-11-27"},
		{Kernel: "shani-avx512", Rolled: true, Form: form{Beat: "LrvLvvr", Early2: 14},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 59.6, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512", Rolled: true, Form: form{Beat: "LrvvvLvvr", Early2: 14},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 60.4, Date: "2026-11-27"},
		{Kernel: "shani-avx512-ternary", Form: form{Beat: "Lrvvv", Early2: 4, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 72.9, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512-ternary", Form: form{Beat: "LvrvLvvrvvvLvrvLvvrv", Early2: 4, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 74.1, Date: "2026-11-27"},
		{Kernel: "shani-avx512-ternary", Rolled: true, Form: form{Beat: "LrvvLvvr", Early2: 16, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 66.0, Date: "2026-11-27", Used: true},
		{Kernel: "shani-avx512-ternary", Rolled: true, Form: form{Beat: "LrvvvLvvr", Early2: 14, Ternary: true, TernarySigma1: true},
			Family: "AMD EPYC, family 25 model 17 (Zen 4)", Cycles: 70.4, Date: "2026-11-27"},
	}
}

// formed are the kernels whose functions have forms.
func formed() map[string]func(name, kernel string, rolled bool, f form) function {
	return map[string]func(name, kernel string, rolled bool, f form) function{
		"shani-avx512":         shaniAVX512Function,
		"shani-avx512-ternary": shaniAVX512Function,
	}
}

// inUse is the form of a function that is generated. A test sees to it that there is one.
func inUse(kernel string, rolled bool) form {
	list := orders()
	return list[slices.IndexFunc(list, func(o order) bool { return o.Used && o.Kernel == kernel && o.Rolled == rolled })].Form
}

// check refuses forms that no program can be made of.
func (f form) check() error {
	switch {
	case !regexp.MustCompile(`^(Lv*rv*){1,64}$`).MatchString(string(f.Beat)):
		return fmt.Errorf("beat %q: want pairs of a load and rounds, L and r, with vectors, v, behind each", f.Beat)
	case f.Early2 < 4 || f.Early2 > 16 || f.Early2%2 != 0:
		return fmt.Errorf("%d early rounds of the second hash: want an even number from 4 to 16", f.Early2)
	}
	return nil
}

// candidates is what the order search asks for: forms of one function.
type candidates struct {
	Kernel string `json:"kernel"`
	Rolled bool   `json:"rolled"`
	Forms  []form `json:"forms"`
}

// readCandidates are functions of the names candidate0, candidate1 and so on.
func readCandidates(file string) (functions []function, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c candidates
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	write, ok := formed()[c.Kernel]
	if !ok {
		return nil, fmt.Errorf("kernel %q has no forms to choose from", c.Kernel)
	}
	for i, f := range c.Forms {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("form %d: %w", i, err)
		}
		functions = append(functions, write(fmt.Sprintf("candidate%d", i), c.Kernel, c.Rolled, f))
	}
	return functions, nil
}
