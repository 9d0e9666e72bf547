package order

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/reg"
)

// A Beat is an order of a stream of rounds by the SHA extensions and a stream of
// vectors, instruction by instruction: L loads the W+K of a pair of rounds, r
// does them, v is one vector instruction. Rounds and vectors must be
// independent.
//
// On Zen 4 this order is worth up to a quarter: only one of four pipes does
// SHA256RNDS2, one a cycle, and instructions that could go to any pipe take its
// cycles, more or fewer depending on their places between the rounds. The best beat
// has to be measured (order search: see HACKING.md); the good
// ones have two or three vectors between most rounds, and an uneven count.
type Beat string

// The comments around a beat in the assembly. A test holds the generated order
// against the beat that is named there.
const (
	beatBegins  = "Rounds and vectors in the beat "
	beatVectors = "(vectors)" // does not stay
	beatEnds    = "The beat ends."
)

// Merge writes both streams. What instructions they have is known when they are
// written, so they are written one after the other between comments, and
// OrderBeats puts them in order.
func (b Beat) Merge(rounds, vectors Stream) {
	Comment(beatBegins + string(b))
	Emit(rounds)
	Comment(beatVectors)
	Emit(vectors)
	Comment(beatEnds)
}

// OrderBeats is an avo pass over a whole function: it puts what lies between the
// comments of a beat into its order.
func OrderBeats(f *ir.Function) error {
	var all, rounds, vectors []ir.Node
	var b Beat
	to := &all
	for _, node := range f.Nodes {
		text := ""
		if c, ok := node.(*ir.Comment); ok {
			text = c.Lines[0]
		}
		switch {
		case strings.HasPrefix(text, beatBegins):
			b = Beat(strings.TrimPrefix(text, beatBegins))
			all = append(all, node)
			to = &rounds
		case text == beatVectors:
			to = &vectors
		case text == beatEnds:
			all = append(append(all, b.order(rounds, vectors)...), node)
			rounds, vectors, to = nil, nil, &all
		default:
			*to = append(*to, node)
		}
	}
	f.Nodes = all
	return nil
}

// order returns both streams in one order. The vectors are dealt out in proportion
// to the pairs of rounds done: where they are ahead of that a place stays
// empty, and where they are behind at the end of the beat more follow.
func (b Beat) order(rounds, vectors []ir.Node) []ir.Node {
	o := &ordering{rounds: rounds, vectors: vectors, allVectors: len(vectors)}
	for _, node := range rounds {
		if isRounds(node) {
			o.allPairs++
		}
	}
	for o.pairs < o.allPairs {
		for _, place := range b {
			o.fill(place)
		}
		for o.taken()+3 < o.allVectors*o.pairs/o.allPairs {
			o.take(&o.vectors)
		}
	}
	return append(append(o.order, o.rounds...), o.vectors...)
}

// ordering is an order in the making.
type ordering struct {
	order                []ir.Node
	rounds, vectors      []ir.Node // what is left
	allVectors, allPairs int
	pairs                int // pairs of rounds done
	guests               int // loads and stores of states that have yet to get a vector's place
}

func isRounds(node ir.Node) bool { return node.(*ir.Instruction).Opcode == "SHA256RNDS2" }
func isLoad(node ir.Node) bool {
	i := node.(*ir.Instruction)
	return (i.Opcode == "VMOVQ" || i.Opcode == "MOVQ") && i.Operands[1] == reg.X0
}

func (o *ordering) taken() int { return o.allVectors - len(o.vectors) }

func (o *ordering) take(from *[]ir.Node) {
	o.order = append(o.order, (*from)[0])
	*from = (*from)[1:]
}

// fill fills a place of the beat. Between a lane's last
// rounds and the first of the next its state is stored and another one loaded:
// that comes with the load, and vectors stand back for it.
func (o *ordering) fill(place rune) {
	done := o.pairs == o.allPairs
	switch {
	case place == 'L' && !done:
		for !isLoad(o.rounds[0]) {
			o.take(&o.rounds)
			o.guests++
		}
		o.take(&o.rounds)
	case place == 'r' && !done:
		o.take(&o.rounds)
		o.pairs++
	case place == 'v' && o.guests > 0:
		o.guests--
	case place == 'v' && o.taken() < o.allVectors && 2*o.taken()*o.allPairs < o.allVectors*(2*o.pairs+1):
		o.take(&o.vectors)
	}
}
