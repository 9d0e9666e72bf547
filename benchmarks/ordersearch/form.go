package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// form is a variant of a kernel's function, as the generator reads it:
// hashing/_asm/order/table.go explains the fields.
type form struct {
	Beat          string `json:"beat"`
	Early2        int    `json:"early2"`
	Ternary       bool   `json:"ternary"`
	TernarySigma1 bool   `json:"ternary_sigma1"`
}

// String returns text such as "LrvvvLvvr, 14 early rounds, sigma1 ternary".
func (f form) String() string {
	s := fmt.Sprintf("%s, %d early rounds", f.Beat, f.Early2)
	switch {
	case f.Ternary && f.TernarySigma1:
		return s + ", ternary"
	case f.Ternary:
		return s + ", ternary but for sigma1"
	case f.TernarySigma1:
		return s + ", sigma1 ternary"
	}
	return s
}

// pair is a pair of rounds in a beat: the number of vector instructions between
// their load and them, and after them.
type pair struct{ inside, behind int }

// mostPairs is the longest beat. A reader of the assembly would not recognize a
// longer pattern.
const mostPairs = 8

// parseBeat parses a beat, such as LrvvvLvvr into {0 3} {2 0}.
func parseBeat(beat string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(strings.TrimPrefix(beat, "L"), "L") {
		inside, behind, ok := strings.Cut(part, "r")
		if !ok || strings.Trim(inside+behind, "v") != "" {
			return nil, fmt.Errorf("beat %q: want pairs of a load L and rounds r, with vectors v behind each", beat)
		}
		pairs = append(pairs, pair{len(inside), len(behind)})
	}
	return pairs, nil
}

func formatBeat(pairs []pair) string {
	var b strings.Builder
	for _, p := range pairs {
		b.WriteString("L" + strings.Repeat("v", p.inside) + "r" + strings.Repeat("v", p.behind))
	}
	return b.String()
}

func vectorsOf(pairs []pair) (sum int) {
	for _, p := range pairs {
		sum += p.inside + p.behind
	}
	return sum
}

// shortest returns a beat without repetition: LrvLrv is Lrv.
func shortest(pairs []pair) []pair {
	for n := 1; n < len(pairs); n++ {
		if len(pairs)%n != 0 {
			continue
		}
		repeats := true
		for i := range pairs {
			repeats = repeats && pairs[i] == pairs[i%n]
		}
		if repeats {
			return pairs[:n]
		}
	}
	return pairs
}

// randomBeat returns a beat of 1 to mostPairs pairs with about that many vectors
// each.
func randomBeat(r *rand.Rand, ratio float64) []pair {
	pairs := make([]pair, 1+r.IntN(mostPairs))
	vectors := int(float64(len(pairs))*ratio*(0.85+0.4*r.Float64()) + 0.5)
	for range vectors {
		*place(r, pairs)++
	}
	return shortest(pairs)
}

// place returns one of the places for vectors.
func place(r *rand.Rand, pairs []pair) *int {
	p := &pairs[r.IntN(len(pairs))]
	if r.IntN(2) == 0 {
		return &p.inside
	}
	return &p.behind
}

// neighbor returns a beat that differs a little from this one.
func neighbor(r *rand.Rand, pairs []pair) []pair {
	near := append([]pair(nil), pairs...)
	for range 1 + r.IntN(3) {
		switch from := place(r, near); r.IntN(8) {
		case 0: // a vector more
			*from++
		case 1: // a vector less
			*from = max(*from-1, 0)
		case 2: // a pair of rounds is doubled
			i := r.IntN(len(near))
			near = append(near[:i+1], near[i:]...)
		case 3: // a pair of rounds is dropped
			if i := r.IntN(len(near)); len(near) > 1 {
				near = append(near[:i], near[i+1:]...)
			}
		case 4: // the beat twice, so that its halves may differ
			near = append(near, near...)
		default: // a vector moves
			if *from > 0 {
				*from--
				*place(r, near)++
			}
		}
	}
	return shortest(near[:min(len(near), mostPairs)])
}

// mutate returns a form close to this one, or one with a random beat.
func mutate(r *rand.Rand, f form, ratio float64) (form, error) {
	pairs, err := parseBeat(f.Beat)
	if err != nil {
		return form{}, err
	}
	switch r.IntN(10) {
	case 0, 1:
		f.Beat = formatBeat(randomBeat(r, ratio))
	case 2:
		f.Early2 = min(max(f.Early2+4*r.IntN(2)-2, 4), 16)
	case 3:
		// With ternary functions only, fewer instructions are the goal.
		f.TernarySigma1 = !f.TernarySigma1 || f.Ternary
	default:
		f.Beat = formatBeat(neighbor(r, pairs))
	}
	return f, nil
}
