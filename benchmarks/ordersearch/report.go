package main

import (
	"fmt"
	"io"
	"time"
)

// shownRanks is how much of the search's ranking is printed.
const shownRanks = 15

// report prints the result; without finalists, what there was when the search was
// stopped.
func (s *search) report(w io.Writer, list []*finalist, o options) {
	fmt.Fprintf(w, "%d forms tried, %d of them wrong; %d of %d samples undisturbed; in use %.2f cycles a hash\n\n",
		len(s.tried), len(s.wrong), s.kept, s.tries, s.usual())
	for _, e := range s.wrong {
		fmt.Fprintf(w, "wrong: %s: %s\n", e.form, e.fault)
	}
	fmt.Fprintln(w, "Best forms of the search, in cycles per hash relative to the one in use:")
	ranking := s.ranking()
	for _, e := range ranking[:min(shownRanks, len(ranking))] {
		fmt.Fprintf(w, "%+6.2f (%d rounds)  %s\n", e.score(), len(e.behind), e.form)
	}
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\nMeasured again, %d copies of each:\n", finalCopies)
	printFinals(w, list)
	best := pick(list)
	if best.isUsed {
		fmt.Fprintln(w, "\nNone is better than the one in use. Its line in hashing/_asm/order/table.go:")
	} else {
		fmt.Fprintln(w, "\nThe line for hashing/_asm/order/table.go:")
	}
	fmt.Fprintln(w, best.tableLine(o, time.Now()))
}

// tableLine returns a line of the generator's table, in Go.
func (f *finalist) tableLine(o options, now time.Time) string {
	what := fmt.Sprintf("Beat: %q, Early2: %d", f.form.Beat, f.form.Early2)
	if f.form.Ternary {
		what += ", Ternary: true"
	}
	if f.form.TernarySigma1 {
		what += ", TernarySigma1: true"
	}
	rolled := ""
	if o.rolled {
		rolled = "Rolled: true, "
	}
	return fmt.Sprintf("{Kernel: %q, %sForm: Form{%s},\n\tFamily: %q, Cycles: %.1f, Date: %q},",
		o.kernel, rolled, what, family(), f.median(), now.Format(time.DateOnly))
}
