package main

import (
	"encoding/json"
	"fmt"
	"os"

	"quarry/hashing/asm/order"
)

// formed returns the kernels whose functions have forms.
func formed() map[string]func(name, kernel string, rolled bool, f order.Form) function {
	return map[string]func(name, kernel string, rolled bool, f order.Form) function{
		"shani-avx512":         shaniAVX512Function,
		"shani-avx512-ternary": shaniAVX512Function,
	}
}

// candidates is a request of the order search: forms of one function.
type candidates struct {
	Kernel string       `json:"kernel"`
	Rolled bool         `json:"rolled"`
	Forms  []order.Form `json:"forms"`
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
		if err := f.Check(); err != nil {
			return nil, fmt.Errorf("form %d: %w", i, err)
		}
		functions = append(functions, write(fmt.Sprintf("candidate%d", i), c.Kernel, c.Rolled, f))
	}
	return functions, nil
}
