package hashing

import (
	"os"
	"strings"
	"testing"
)

// The tests of this file read the generated assembly of the kernel
// shani-avx512: they run on every machine.

// beatCode is the code in the beat of one function.
type beatCode struct {
	function, beat string
	kinds          string // of the instructions: L, r, v as in a beat, and g for a state's load or store
}

func readBeats(t *testing.T, file string) (list []beatCode) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	function := ""
	var open *beatCode
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		comment, isComment := strings.CutPrefix(line, "// ")
		beat, begins := strings.CutPrefix(comment, "Rounds and vectors in the beat ")
		switch {
		case strings.HasPrefix(line, "TEXT ·"):
			function, _, _ = strings.Cut(strings.TrimPrefix(line, "TEXT ·"), "(")
		case isComment && begins:
			list = append(list, beatCode{function: function, beat: beat})
			open = &list[len(list)-1]
		case isComment && comment == "The beat ends.":
			open = nil
		case open != nil && line != "":
			open.kinds += instructionKind(line)
		}
	}
	return list
}

// instructionKind returns r for a pair of rounds, L for the load of their W+K, g for
// another one on the registers of rounds (X1 to X12), v for one on vectors.
func instructionKind(line string) string {
	name, operands, _ := strings.Cut(line, " ")
	onState := false
	for _, operand := range strings.Split(operands, ",") {
		operand = strings.TrimSpace(operand)
		onState = onState || len(operand) > 1 && operand[0] == 'X'
	}
	switch {
	case name == "SHA256RNDS2":
		return "r"
	case name == "VMOVQ" && strings.HasSuffix(operands, ", X0"):
		return "L"
	case onState:
		return "g"
	}
	return "v"
}

// TestOrderIsTheBeat follows the generated order through the beat that it
// names: loads and rounds are exactly in its order, and between two of them are
// as many vectors as it has there, or fewer where the vectors are ahead of the
// rounds or a state is loaded and stored.
func TestOrderIsTheBeat(t *testing.T) {
	for _, file := range []string{"shani_avx512_amd64.s", "shani_avx512_ternary_amd64.s"} {
		codes := readBeats(t, file)
		if len(codes) != 2 {
			t.Fatalf("%s has %d beats, want those of the plain and of the rolled function", file, len(codes))
		}
		for _, code := range codes {
			code.follow(t)
		}
	}
}

func (c *beatCode) follow(t *testing.T) {
	gaps := splitGaps(c.kinds)
	places := splitGaps(c.beat)[1:] // a beat begins with a load, with nothing before it
	exact, plain := 0, 0
	for i, gap := range gaps[1 : len(gaps)-1] { // before the first and behind the last, what is left
		want := places[i%len(places)]
		if gap.after != want.after {
			t.Fatalf("%s: %q is load or round %d, the beat %q has %q there", c.function, gap.after, i, c.beat, want.after)
		}
		vectors, guests := strings.Count(gap.between, "v"), strings.Count(gap.between, "g")
		lastOfBeat := i%len(places) == len(places)-1 // where vectors that are behind follow
		if most := len(want.between); vectors > most && !lastOfBeat {
			t.Errorf("%s: %d vectors between load or round %d and the next, the beat %q has %d", c.function, vectors, i, c.beat, most)
		}
		if guests == 0 {
			plain++
			if vectors == len(want.between) {
				exact++
			}
		}
	}
	if share := float64(exact) / float64(plain); share < 0.6 {
		t.Errorf("%s: only %.0f %% of the gaps are as full as in the beat %q", c.function, 100*share, c.beat)
	} else {
		t.Logf("%s: %.0f %% of %d gaps are exactly as in the beat %q", c.function, 100*share, plain, c.beat)
	}
}

// gap is what follows a load or round, up to the next.
type gap struct{ after, between string }

func splitGaps(kinds string) (gaps []gap) {
	gaps = append(gaps, gap{})
	for _, kind := range kinds {
		if kind == 'L' || kind == 'r' {
			gaps = append(gaps, gap{after: string(kind)})
			continue
		}
		gaps[len(gaps)-1].between += string(kind)
	}
	return gaps
}

// TestInstructionsOfATurn counts the instructions of a turn of eight hashes: more
// would be slower on Zen 4, where dispatch slots limit the kernel.
func TestInstructionsOfATurn(t *testing.T) {
	most := map[string]struct{ pairs, rounds, vectors int }{
		"scanGroupsSHANIAVX512":       {8 * 59, 1008, 1384},
		"scanGroupsSHANIAVX512Rolled": {8 * 54, 928, 1028},
	}
	for _, code := range readBeats(t, "shani_avx512_amd64.s") {
		want, known := most[code.function]
		if !known {
			t.Errorf("%s is an unknown function", code.function)
			continue
		}
		count := func(kind string) int { return strings.Count(code.kinds, kind) }
		pairs, rounds, vectors := count("r"), count("r")+count("L")+count("g"), count("v")
		t.Logf("%s: %d SHA256RNDS2 among %d instructions of rounds, %d of vectors", code.function, pairs, rounds, vectors)
		if pairs > want.pairs || rounds > want.rounds || vectors > want.vectors {
			t.Errorf("%s: want at most %d, %d and %d", code.function, want.pairs, want.rounds, want.vectors)
		}
	}
}
