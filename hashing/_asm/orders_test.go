package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// TestOrders: of every function exactly one form is generated, and all forms can be.
func TestOrders(t *testing.T) {
	type key struct {
		kernel string
		rolled bool
	}
	used := map[key]int{}
	for _, o := range orders() {
		if formed()[o.Kernel] == nil {
			t.Errorf("%+v: that kernel has no forms", o)
		}
		if err := o.Form.check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := time.Parse(time.DateOnly, o.Date); err != nil || o.Family == "" || o.Cycles <= 0 {
			t.Errorf("%+v: want a family, a figure and a date", o)
		}
		if o.Used {
			used[key{o.Kernel, o.Rolled}]++
		}
	}
	for kernel := range formed() {
		for _, rolled := range []bool{false, true} {
			if n := used[key{kernel, rolled}]; n != 1 {
				t.Errorf("%s, rolled %t: %d orders are used, want one", kernel, rolled, n)
			}
		}
	}
}

func TestFormsThatAreNone(t *testing.T) {
	good := form{Beat: "LrvvvLvvr", Early2: 14}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []form{
		{Beat: "", Early2: 14}, {Beat: "vLr", Early2: 14}, {Beat: "Lrr", Early2: 14}, {Beat: "LrLv", Early2: 14}, {Beat: "Lr x", Early2: 14},
		{Beat: "Lrv", Early2: 2}, {Beat: "Lrv", Early2: 13}, {Beat: "Lrv", Early2: 18},
	} {
		if err := bad.check(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestReadCandidates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "forms.json")
	for text, want := range map[string]string{
		`{"kernel":"shani-avx512","rolled":true,"forms":[{"beat":"Lrv","early2":14},{"beat":"Lvr","early2":12}]}`: "",
		`{"kernel":"avx2","forms":[{"beat":"Lrv","early2":14}]}`:                                                  "no forms",
		`{"kernel":"shani-avx512","forms":[{"beat":"Lrv","early2":14},{"beat":"v","early2":14}]}`:                 "form 1: beat",
		`[]`: "unmarshal",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		functions, err := readCandidates(file)
		switch {
		case want == "" && (err != nil || len(functions) != 2):
			t.Errorf("%s: %d functions, %v", text, len(functions), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := readCandidates(file + "x"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestBeatKeepsBothStreams whatever the beat and the lengths are: nothing is
// lost, and each stream keeps its own order.
func TestBeatKeepsBothStreams(t *testing.T) {
	for _, b := range []beat{"Lr", "Lrv", "Lvr", "LrvvvLvvr", "LvrvLvvrvvvLvrvLvvrv", "Lrvvvvvvvvvv"} {
		for _, pairs := range []int{1, 7, 96} {
			for _, n := range []int{0, 1, 50, 300} {
				rounds, vectors := streams(pairs, n)
				order := b.order(rounds, vectors)
				var gotRounds, gotVectors []ir.Node
				for _, node := range order {
					if slices.Contains(rounds, node) {
						gotRounds = append(gotRounds, node)
					} else {
						gotVectors = append(gotVectors, node)
					}
				}
				if !slices.Equal(gotRounds, rounds) || !slices.Equal(gotVectors, vectors) {
					t.Errorf("%s, %d pairs, %d vectors: %d and %d come back, or in another order", b, pairs, n, len(gotRounds), len(gotVectors))
				}
			}
		}
	}
}

// streams have so many pairs of rounds, a state loaded before every seventh, and so many vectors.
func streams(pairs, n int) (rounds, vectors []ir.Node) {
	add := func(to *[]ir.Node, opcode string) {
		*to = append(*to, &ir.Instruction{Opcode: opcode, Operands: []operand.Op{reg.X1, reg.X0}})
	}
	for i := range pairs {
		if i%7 == 0 {
			add(&rounds, "VMOVDQA")
			add(&rounds, "VMOVDQA")
		}
		add(&rounds, "VMOVQ")
		add(&rounds, "SHA256RNDS2")
	}
	for range n {
		add(&vectors, "VPADDD")
	}
	return rounds, vectors
}
