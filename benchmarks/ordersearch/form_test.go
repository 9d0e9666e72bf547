package main

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestParseBeat(t *testing.T) {
	for beat, want := range map[string][]pair{
		"Lr":        {{0, 0}},
		"LrvvvLvvr": {{0, 3}, {2, 0}},
		"LvrvLrvv":  {{1, 1}, {0, 2}},
	} {
		got, err := parseBeat(beat)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", beat, got, err, want)
		}
		if back := formatBeat(got); back != beat {
			t.Errorf("%s comes back as %s", beat, back)
		}
	}
	for _, beat := range []string{"", "L", "Lvv", "vLr", "Lrx", "LrLv", "rL"} {
		if pairs, err := parseBeat(beat); err == nil {
			t.Errorf("%q is taken for %v", beat, pairs)
		}
	}
}

func TestShortest(t *testing.T) {
	for beat, want := range map[string]string{
		"LrvLrv": "Lrv", "LrvLvrLrvLvr": "LrvLvr", "LrvLrvLvr": "LrvLrvLvr", "LrLrLr": "Lr", "Lvr": "Lvr",
	} {
		pairs, err := parseBeat(beat)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatBeat(shortest(pairs)); got != want {
			t.Errorf("%s: %s, want %s", beat, got, want)
		}
	}
}

func TestRandomBeats(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const ratio = 2.5
	sum, lengths := 0.0, map[int]bool{}
	const n = 2000
	for range n {
		pairs := randomBeat(r, ratio)
		lengths[len(pairs)] = true
		sum += float64(vectorsOf(pairs)) / float64(len(pairs))
		if _, err := parseBeat(formatBeat(pairs)); err != nil || len(pairs) > mostPairs {
			t.Fatalf("%v: %v", pairs, err)
		}
	}
	if mean := sum / n; mean < ratio || mean > 1.15*ratio {
		t.Errorf("%.2f vectors for a pair, want a little more than %.1f", mean, ratio)
	}
	if len(lengths) != mostPairs {
		t.Errorf("lengths %v, want 1 to %d", lengths, mostPairs)
	}
}

// TestMutations: the parent is unchanged; the children are forms that the generator
// accepts, and differ.
func TestMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	parent := form{Beat: "LrvvvLvvr", Early2: 14}
	original := parent
	children := map[form]bool{}
	beats, early, sigma := map[string]bool{}, map[int]bool{}, map[bool]bool{}
	for range 1000 {
		child, err := mutate(r, parent, 2.5)
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := parseBeat(child.Beat)
		if err != nil || len(pairs) > mostPairs || child.Early2 < 4 || child.Early2 > 16 || child.Early2%2 != 0 || child.Ternary {
			t.Fatalf("%v: %v", child, err)
		}
		children[child], beats[child.Beat], early[child.Early2], sigma[child.TernarySigma1] = true, true, true, true
	}
	if parent != original {
		t.Errorf("the parent became %v", parent)
	}
	if len(children) < 200 || len(beats) < 200 || len(early) != 3 || len(sigma) != 2 {
		t.Errorf("%d children, %d beats, %d and %d choices", len(children), len(beats), len(early), len(sigma))
	}
	for range 100 {
		if child, err := mutate(r, form{Beat: "Lrv", Early2: 14, Ternary: true, TernarySigma1: true}, 2.5); err != nil || !child.TernarySigma1 {
			t.Fatalf("%v, %v: want sigma1 ternary like the rest", child, err)
		}
	}
	if _, err := mutate(r, form{Beat: "rL"}, 2.5); err == nil {
		t.Error("an invalid beat has children")
	}
}

func TestNeighborsAreNear(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	pairs := []pair{{0, 3}, {2, 0}}
	for range 500 {
		near := neighbor(r, pairs)
		if len(near) < 1 || len(near) > mostPairs {
			t.Fatalf("%v", near)
		}
		for _, p := range near {
			if p.inside < 0 || p.behind < 0 {
				t.Fatalf("%v", near)
			}
		}
	}
	if !slices.Equal(pairs, []pair{{0, 3}, {2, 0}}) {
		t.Errorf("the parent became %v", pairs)
	}
}
