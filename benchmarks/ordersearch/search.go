package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"quarry/bench/stats"
	"slices"
)

// search is the state of the search: the forms tried so far.
type search struct {
	random *rand.Rand
	ratio  float64   // approximate vectors per pair of rounds, as in the form in use
	first  form      // the one in use
	inUse  []float64 // its cycles per hash
	tried  map[form]*entry
	wrong  []*entry
	free   float64 // see gate
	kept   int
	tries  int // samples, including those not kept
}

// entry is a form that was tried.
type entry struct {
	form  form
	fault string
	// behind is the cycles per hash more than the form in use, round by round.
	behind []float64
}

const (
	bestAgain = 4  // best ones repeated in each batch, because early luck does not last
	parents   = 10 // best ones that have children
	fewRounds = 4
	// steady is how far above its usual figure the form in use may be in a valid round.
	steady = 0.02
)

func newSearch(inUse form, seed uint64) (*search, error) {
	pairs, err := parseBeat(inUse.Beat)
	if err != nil {
		return nil, err
	}
	return &search{
		random: rand.New(rand.NewPCG(seed, 12)), tried: map[form]*entry{}, first: inUse,
		ratio: float64(vectorsOf(pairs)) / float64(len(pairs)),
	}, nil
}

// score returns the median; unmeasured forms sort last.
func (e *entry) score() float64 {
	if len(e.behind) < fewRounds {
		return math.Inf(1)
	}
	return stats.Median(e.behind)
}

// ranking returns the correct, measured forms, best first.
func (s *search) ranking() (list []*entry) {
	for _, e := range s.tried {
		if e.fault == "" && len(e.behind) >= fewRounds {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.score(), b.score()), cmp.Compare(a.form.String(), b.form.String()))
	})
	return list
}

// batch returns the next forms to try: first those given, the best again, and then
// children of the best that are new.
func (s *search) batch(size int, first []form) ([]form, error) {
	forms := slices.Clone(first)
	best := s.ranking()
	for _, e := range best[:min(bestAgain, len(best))] {
		forms = append(forms, e.form)
	}
	best = best[:min(parents, len(best))]
	for tries := 0; len(forms) < size && tries < 100*size; tries++ {
		parent := s.first
		if len(best) > 0 {
			parent = best[s.random.IntN(len(best))].form
		}
		child, err := mutate(s.random, parent, s.ratio)
		if err != nil {
			return nil, err
		}
		if s.tried[child] == nil && !slices.Contains(forms, child) {
			forms = append(forms, child)
		}
	}
	// The same code differs by up to half a cycle with its place in memory.
	s.random.Shuffle(len(forms), func(i, j int) { forms[i], forms[j] = forms[j], forms[i] })
	return forms, nil
}

// record records the measurements of a batch.
func (s *search) record(forms []form, m *measured) {
	s.free, s.kept, s.tries = m.Free, s.kept+m.Kept, s.tries+m.Samples
	s.inUse = append(s.inUse, slices.DeleteFunc(slices.Clone(m.InUse[0].Cycles), isZero)...)
	base := steadyRounds(m.InUse[0].Cycles, s.inUse)
	for i, f := range forms {
		e := s.tried[f]
		if e == nil {
			e = &entry{form: f}
			s.tried[f] = e
		}
		if e.fault = m.Candidates[i].Fault; e.fault != "" {
			s.wrong = append(s.wrong, e)
			continue
		}
		e.behind = append(e.behind, differences(m.Candidates[i].Series[0].Cycles, base)...)
	}
}

func isZero(cycles float64) bool { return cycles == 0 }

// usual returns the usual cycles of the form in use.
func (s *search) usual() float64 {
	return stats.Median(slices.DeleteFunc(steadyRounds(s.inUse, s.inUse), isZero))
}

// steadyRounds returns the rounds of the form in use, 0 where it took longer than
// it does: what disturbed it disturbed others too.
func steadyRounds(cycles, all []float64) []float64 {
	list := slices.Clone(cycles)
	if len(all) == 0 {
		return list
	}
	most := typical(slices.Clone(all)) * (1 + steady)
	for i, c := range list {
		if c > most {
			list[i] = 0
		}
	}
	return list
}

// differences returns the differences in the rounds that both have.
func differences(cycles, base []float64) (list []float64) {
	for i, c := range cycles {
		if i < len(base) && c != 0 && base[i] != 0 {
			list = append(list, c-base[i])
		}
	}
	return list
}
