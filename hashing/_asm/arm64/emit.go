package main

import (
	"fmt"
	"strings"
)

// assembler collects lines of Go assembly, and counts the instructions by kind in
// each section.
type assembler struct {
	text   strings.Builder
	counts map[string]*count // by section
	open   *count            // of the section that is open
}

// count is how many instructions of each kind a section has.
type count struct{ rounds, schedule, vector, memory, other int }

// section begins a part of the code that is counted separately.
func (a *assembler) section(name, comment string) {
	a.open = new(count)
	a.counts[name] = a.open
	fmt.Fprintf(&a.text, "\n\t// %s\n", comment)
}

func (a *assembler) label(name string) { fmt.Fprintf(&a.text, "\n%s:\n", name) }

// op writes an instruction. As everywhere in Go's assembler, the destination
// comes last, and the operands are in the opposite order of Arm's manuals.
func (a *assembler) op(name string, operands ...any) {
	kind := &a.open.other
	if strings.HasPrefix(name, "V") || strings.HasPrefix(name, "F") {
		kind = &a.open.vector
	}
	list := make([]string, len(operands))
	for i, operand := range operands {
		list[i] = fmt.Sprint(operand)
		if _, ok := operand.(memory); ok {
			kind = &a.open.memory
		}
	}
	switch {
	case strings.HasPrefix(name, "SHA256H"):
		kind = &a.open.rounds
	case strings.HasPrefix(name, "SHA256SU"):
		kind = &a.open.schedule
	}
	*kind++
	a.text.WriteString(strings.TrimRight(fmt.Sprintf("\t%-9s %s", name, strings.Join(list, ", ")), " ") + "\n")
}

// x is a general register, and v a vector register: whole, as 16 bytes, four
// words or two halves, or one half of it. As F it is the same register for
// floating-point instructions, which load and store all kinds of data.
type (
	x int
	v int
)

func (r x) String() string    { return fmt.Sprintf("R%d", int(r)) }
func (r v) String() string    { return fmt.Sprintf("V%d", int(r)) }
func (r v) bytes() string     { return fmt.Sprintf("V%d.B16", int(r)) }
func (r v) words() string     { return fmt.Sprintf("V%d.S4", int(r)) }
func (r v) halves() string    { return fmt.Sprintf("V%d.D2", int(r)) }
func (r v) half(i int) string { return fmt.Sprintf("V%d.D[%d]", int(r), i) }
func (r v) float() string     { return fmt.Sprintf("F%d", int(r)) }

// memory is a place in memory.
type memory struct {
	base   x
	offset int
}

func (m memory) String() string { return fmt.Sprintf("%d(%v)", m.offset, m.base) }

// The instructions, named by their purpose here.

func (a *assembler) load(from memory, to v)  { a.op("FMOVQ", from, to.float()) }
func (a *assembler) store(from v, to memory) { a.op("FMOVQ", from.float(), to) }
func (a *assembler) copy(from, to v)         { a.op("VMOV", from.bytes(), to.bytes()) }
func (a *assembler) zero(to v)               { a.op("VMOVI", "$0", to.bytes()) }
func (a *assembler) add(p, q, to v)          { a.op("VADD", p.words(), q.words(), to.words()) }
func (a *assembler) loadPair(from memory, p, q v) {
	a.op("FLDPQ", from, "("+p.float()+", "+q.float()+")")
}

// nextWords leaves the words 1, 2 and 3 of p and word 0 of q.
func (a *assembler) nextWords(p, q, to v) { a.op("VEXT", "$4", q.bytes(), p.bytes(), to.bytes()) }
