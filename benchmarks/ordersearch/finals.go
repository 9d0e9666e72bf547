package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"quarry/bench/stats"
	"slices"
)

const (
	finalists    = 5
	finalCopies  = 4 // of each, at different places in memory
	finalRounds  = 20
	finalWinners = 1 << 20 // hashes by each copy and number of versions
	// tolerated is how many cycles slower a form may be with few versions, the
	// accuracy of the measurement.
	tolerated = 0.3
)

// finalist is a form measured at several places and with several numbers of
// versions, the searched one first.
type finalist struct {
	form   form
	fault  string
	lines  []line
	isUsed bool
}

// line is one number of versions.
type line struct {
	versions  int
	cycles    []float64 // all rounds of all copies
	behind    []float64 // the same, minus the form in use in the same round
	worstCopy float64   // its median
}

// finals measures the best forms again, together with the form in use, whose copies
// lie at the same places as the others'.
func (s *search) finals(ctx context.Context, try trial, kernel string, versions []int) ([]*finalist, error) {
	forms := []form{s.first}
	for _, e := range s.ranking() {
		if len(forms) <= finalists && e.form != s.first {
			forms = append(forms, e.form)
		}
	}
	copies := slices.Repeat(forms, finalCopies)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(copies), func(i, j int) { copies[i], copies[j] = copies[j], copies[i] })
	m, err := try(ctx, copies, measuring{Kernel: kernel, Versions: versions, Rounds: finalRounds, Seconds: 60, Winners: finalWinners, Free: s.free})
	if err != nil {
		return nil, err
	}
	s.kept, s.tries = s.kept+m.Kept, s.tries+m.Samples
	var list []*finalist
	for _, f := range forms {
		list = append(list, newFinalist(f, copies, m))
	}
	list[0].isUsed = true
	slices.SortStableFunc(list, func(a, b *finalist) int { return cmp.Compare(a.median(), b.median()) })
	return list, nil
}

func newFinalist(f form, copies []form, m *measured) *finalist {
	list := &finalist{form: f, lines: make([]line, len(m.InUse))}
	for v, used := range m.InUse {
		line := &list.lines[v]
		line.versions = used.Versions
		for i, o := range m.Candidates {
			switch {
			case copies[i] != f:
			case o.Fault != "":
				list.fault = o.Fault
			default:
				cycles := slices.DeleteFunc(slices.Clone(o.Series[v].Cycles), isZero)
				line.cycles = append(line.cycles, cycles...)
				line.behind = append(line.behind, differences(o.Series[v].Cycles, used.Cycles)...)
				line.worstCopy = max(line.worstCopy, stats.Median(cycles))
			}
		}
	}
	return list
}

// median returns the median for the searched number of versions; unmeasured forms
// sort last.
func (f *finalist) median() float64 {
	if f.fault != "" || len(f.lines[0].cycles) == 0 {
		return 1e9
	}
	return stats.Median(f.lines[0].cycles)
}

// pick returns the best correct form that is not slower than the one in use, with
// any number of versions and at any place in memory: some forms take half as long
// again at some places.
func pick(list []*finalist) *finalist {
	used := list[slices.IndexFunc(list, func(f *finalist) bool { return f.isUsed })]
	for _, f := range list {
		good := f.fault == "" && len(f.lines[0].cycles) > 0
		for v := range f.lines {
			good = good && stats.Median(f.lines[v].cycles) <= stats.Median(used.lines[v].cycles)+tolerated &&
				f.lines[v].worstCopy <= used.lines[v].worstCopy+tolerated
		}
		if good {
			return f
		}
	}
	return used
}

func printFinals(w io.Writer, list []*finalist) {
	for _, f := range list {
		name := f.form.String()
		if f.isUsed {
			name += " (in use)"
		}
		fmt.Fprintln(w, name)
		if f.fault != "" {
			fmt.Fprintf(w, "  hashes wrong: %s\n", f.fault)
			continue
		}
		for _, l := range f.lines {
			if len(l.cycles) == 0 {
				fmt.Fprintf(w, "  %2d versions: no undisturbed samples\n", l.versions)
				continue
			}
			slices.Sort(l.cycles)
			n := len(l.cycles)
			fmt.Fprintf(w, "  %2d versions: median %.2f cycles a hash (10 %% %.2f, 90 %% %.2f, worst copy %.2f, %d rounds), %+.2f to the one in use\n",
				l.versions, stats.Median(l.cycles), l.cycles[n/10], l.cycles[n*9/10], l.worstCopy, n, stats.Median(l.behind))
		}
	}
}
