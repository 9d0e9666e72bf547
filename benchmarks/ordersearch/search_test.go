package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// landscape returns a made-up machine: a form costs 60 cycles, 1 more for each
// vector that is not behind rounds, and for each two early rounds off 12. One
// beat hashes wrong, and rounds differ by up to a cycle, equally for all forms.
func landscape(r *rand.Rand, quiet bool) trial {
	return func(_ context.Context, forms []form, m measuring) (*measured, error) {
		done := &measured{Free: 1, Samples: 100, Kept: 90}
		offsets := make([]float64, m.Rounds)
		for i := range offsets {
			offsets[i] = r.Float64()
		}
		line := func(cycles float64) (list []*series) {
			for _, v := range m.Versions {
				s := &series{Versions: v}
				for _, o := range offsets {
					if !quiet {
						o = -cycles // not measured
					}
					s.Cycles = append(s.Cycles, cycles+o)
				}
				list = append(list, s)
			}
			return list
		}
		done.InUse = line(64)
		for _, f := range forms {
			pairs, err := parseBeat(f.Beat)
			if err != nil {
				return nil, err
			}
			cost := 60 + float64(max(f.Early2-12, 12-f.Early2))/2
			for _, p := range pairs {
				cost += float64(p.inside) / float64(len(pairs))
			}
			o := outcome{Series: line(cost)}
			if f.TernarySigma1 {
				o = outcome{Fault: "no winner"}
			}
			done.Candidates = append(done.Candidates, o)
		}
		return done, nil
	}
}

// batches returns a time limit of that many batches.
func batches(n int) func() bool {
	return func() bool { n--; return n >= 0 }
}

func startForm() form { return form{Beat: "LvvrLvvr", Early2: 14} }

// TestSearchFindsTheBest: on the made-up machine it finds the minimum, and no form
// that hashes wrong, although it would be as fast.
func TestSearchFindsTheBest(t *testing.T) {
	s, err := newSearch(startForm(), 7)
	if err != nil {
		t.Fatal(err)
	}
	try := landscape(rand.New(rand.NewPCG(7, 7)), true)
	o := options{kernel: "made-up", batch: 32}
	if err := s.run(t.Context(), try, []known{{Form: startForm()}}, 32, o, batches(40)); err != nil {
		t.Fatal(err)
	}
	best := s.ranking()[0]
	if best.form.Early2 != 12 || strings.Contains(best.form.Beat, "Lv") || best.form.TernarySigma1 || best.score() > -3.9 {
		t.Errorf("the best is %v at %+.2f", best.form, best.score())
	}
	if len(s.wrong) == 0 {
		t.Error("no form was found wrong")
	}
	list, err := s.finals(t.Context(), try, o.kernel, []int{32, 2})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.report(&out, list, o)
	won := pick(list)
	if won.form != list[0].form || won.isUsed || won.form.Early2 != 12 {
		t.Errorf("%v is picked, the first is %v", won.form, list[0].form)
	}
	for _, want := range []string{"(in use)", won.form.Beat, "worst copy", " 2 versions", `{Kernel: "made-up", Form: Form{Beat: "`, "wrong: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, &out)
		}
	}
}

func TestSearchOnABusyMachine(t *testing.T) {
	s, err := newSearch(startForm(), 1)
	if err != nil {
		t.Fatal(err)
	}
	o := options{batch: 8}
	err = s.run(t.Context(), landscape(rand.New(rand.NewPCG(1, 1)), false), nil, 1, o, batches(3))
	if err == nil || !strings.Contains(err.Error(), "quieter") {
		t.Errorf("says %v", err)
	}
}

func TestSearchStopsAtAnError(t *testing.T) {
	s, err := newSearch(startForm(), 1)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the compiler is gone")
	fails := func(context.Context, []form, measuring) (*measured, error) { return nil, broken }
	if err := s.run(t.Context(), fails, nil, 1, options{batch: 8}, batches(3)); !errors.Is(err, broken) {
		t.Errorf("says %v", err)
	}
}

// TestBatchesHaveNoFormTwice: only the best ones are repeated.
func TestBatchesHaveNoFormTwice(t *testing.T) {
	s, err := newSearch(startForm(), 3)
	if err != nil {
		t.Fatal(err)
	}
	try := landscape(rand.New(rand.NewPCG(3, 3)), true)
	seen := map[form]int{}
	for range 10 {
		forms, err := s.batch(16, nil)
		if err != nil || len(forms) != 16 {
			t.Fatalf("%d forms: %v", len(forms), err)
		}
		again := 0
		for _, f := range forms {
			if seen[f]++; seen[f] > 1 {
				again++
			}
		}
		if again > bestAgain {
			t.Errorf("%d forms come again, want at most %d", again, bestAgain)
		}
		m, err := try(t.Context(), forms, measuring{Versions: []int{1}, Rounds: 3})
		if err != nil {
			t.Fatal(err)
		}
		s.record(forms, m)
	}
}

func TestPickWantsFewVersionsToo(t *testing.T) {
	make2 := func(beat string, used bool, many, few float64) *finalist {
		return &finalist{form: form{Beat: beat}, isUsed: used, lines: []line{
			{versions: 32, cycles: []float64{many, many}, worstCopy: many}, {versions: 2, cycles: []float64{few, few}, worstCopy: few}}}
	}
	fast := make2("Lrvvv", false, 57, 80)
	good := make2("Lvrvv", false, 58, 70.2)
	used := make2("LrvvvLvvr", true, 58.4, 70)
	wrong := make2("Lvvr", false, 50, 60)
	wrong.fault = "no winner"
	if got := pick([]*finalist{wrong, fast, good, used}); got != good {
		t.Errorf("picks %v", got.form)
	}
	if got := pick([]*finalist{wrong, fast, used}); got != used {
		t.Errorf("picks %v", got.form)
	}
	moody := make2("Lrvvvv", false, 57, 70)
	moody.lines[0].worstCopy = 100
	if got := pick([]*finalist{moody, good, used}); got != good {
		t.Errorf("picks %v", got.form)
	}
	silent := &finalist{form: form{Beat: "Lr"}, lines: []line{{versions: 32}, {versions: 2}}}
	if got := pick([]*finalist{silent, used}); got != used {
		t.Errorf("picks %v, which was not measured", got.form)
	}
}

func TestSteadyRounds(t *testing.T) {
	got := steadyRounds([]float64{60, 66, 0, 61}, []float64{60, 60.2, 60.1, 66, 61, 60})
	if want := []float64{60, 0, 0, 61}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := steadyRounds([]float64{0}, nil); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestDifferencesAreOfTheSameRound(t *testing.T) {
	got := differences([]float64{60, 0, 62, 63}, []float64{61, 61, 0, 61})
	if len(got) != 2 || got[0] != -1 || got[1] != 2 {
		t.Errorf("%v", got)
	}
}
