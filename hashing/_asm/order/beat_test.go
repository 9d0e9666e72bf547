package order

import (
	"slices"
	"testing"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// TestBeatKeepsBothStreams: for any beat and lengths, no instruction is lost, and
// each stream keeps its order.
func TestBeatKeepsBothStreams(t *testing.T) {
	for _, b := range []Beat{"Lr", "Lrv", "Lvr", "LrvvvLvvr", "LvrvLvvrvvvLvrvLvvrv", "Lrvvvvvvvvvv"} {
		for _, pairs := range []int{1, 7, 96} {
			for _, n := range []int{0, 1, 50, 300} {
				rounds, vectors := streams(pairs, n)
				merged := b.order(rounds, vectors)
				var gotRounds, gotVectors []ir.Node
				for _, node := range merged {
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

// streams returns streams of that many pairs of rounds, with a state loaded before
// every seventh, and that many vectors.
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
