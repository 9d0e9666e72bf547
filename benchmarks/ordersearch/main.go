// Command ordersearch looks for the fastest form of an assembly kernel on this
// machine: the beat in which instructions of rounds and of vectors follow each
// other, and further choices (hashing/_asm/order/table.go).
//
//	go run ./benchmarks/ordersearch -kernel shani-avx512 -rolled -time 5m
//
// It generates forms by the dozen, tests that they hash right, measures them in turn
// with the one in use, and continues with mutations of the best. A sample counts only
// if the core was undisturbed right before and after it, so it may run where
// neighbors are busy; it helps to have the CPU to itself while measuring, as root
// with
//
//	-under 'chrt -f 20 taskset -c 0'
//
// At the end it prints the best forms, and the line for the generator's table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"quarry/bench"
	"quarry/hashing"
)

// options are the flags.
type options struct {
	kernel, under string
	rolled        bool
	time          time.Duration
	seed          uint64
	batch         int
}

func main() {
	var o options
	flag.StringVar(&o.kernel, "kernel", "shani-avx512", "the `kernel`")
	flag.BoolVar(&o.rolled, "rolled", false, "search its function for several versions instead of the one for a single version")
	flag.DurationVar(&o.time, "time", 5*time.Minute, "how long to search")
	flag.StringVar(&o.under, "under", "", "`command` with arguments that runs the measuring process")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of the random choices")
	flag.IntVar(&o.batch, "batch", 32, "forms measured at a time")
	child := flag.Bool("measure", false, "measure what standard input orders (used internally)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *child:
		runtime.LockOSThread()
		debug.SetGCPercent(-1) // there is almost no garbage
		err = measure(os.Stdin, os.Stdout)
	case flag.NArg() > 0 || o.batch < 8 || o.batch > 256 || o.time <= 0:
		err = errors.New("want no arguments, a batch of 8 to 256 forms and a time above 0")
	default:
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "ordersearch: %v\n", err)
		os.Exit(1)
	}
}

// runsHere returns an error if the kernel cannot run here, because then it cannot be
// measured.
func runsHere(name string) error {
	k, err := hashing.Lookup(name)
	if err != nil {
		return fmt.Errorf("%w (forms are for amd64, without -tags purego)", err)
	}
	if missing := k.MissingHere(); missing != "" {
		return fmt.Errorf("kernel %q cannot run here: this CPU lacks %s", name, missing)
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if err := runsHere(o.kernel); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "ordersearch")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	l, err := newLab(ctx, folder)
	if err != nil {
		return err
	}
	l.kernel, l.rolled, l.under = o.kernel, o.rolled, strings.Fields(o.under)
	table, err := l.orders(ctx)
	if err != nil {
		return err
	}
	s, err := newSearch(table[0].Form, o.seed)
	if err != nil {
		return err
	}
	versions := []int{1}
	if o.rolled {
		versions = []int{hashing.MaxVersions, 2, 4, 8}
	}
	fmt.Printf("%s, rolled %t, on %s, %s, seed %d\n", o.kernel, o.rolled, family(), time.Now().Format(time.DateOnly), o.seed)
	ends := time.Now().Add(o.time)
	if err := s.run(ctx, l.try, table, versions[0], o, func() bool { return time.Now().Before(ends) }); err != nil {
		s.report(os.Stdout, nil, o)
		return err
	}
	list, err := s.finals(ctx, l.try, o.kernel, versions)
	s.report(os.Stdout, list, o)
	return err
}

// trial measures forms; see lab.try.
type trial func(ctx context.Context, forms []form, m measuring) (*measured, error)

// run tries forms until the time is over.
func (s *search) run(ctx context.Context, try trial, table []known, versions int, o options, more func() bool) error {
	var first []form
	for _, k := range table {
		first = append(first, k.Form)
	}
	for ; more(); first = nil {
		forms, err := s.batch(o.batch, first)
		if err != nil {
			return err
		}
		m, err := try(ctx, forms, measuring{Kernel: o.kernel, Versions: []int{versions}, Rounds: 8, Seconds: 20, Winners: 1 << 15, Free: s.free})
		if err != nil {
			return err
		}
		s.record(forms, m)
		if best := s.ranking(); len(best) > 0 {
			fmt.Fprintf(os.Stderr, "%4d forms, %3.0f %% of looks undisturbed, in use %.2f cycles, best %+.2f: %s\n",
				len(s.tried), 100*float64(m.Kept)/float64(m.Samples), s.usual(), best[0].score(), best[0].form)
		} else {
			fmt.Fprintf(os.Stderr, "%4d forms, %3.0f %% of looks undisturbed, too few: a neighbor is busy\n", len(s.tried), 100*float64(m.Kept)/float64(m.Samples))
		}
	}
	if len(s.ranking()) == 0 {
		return errors.New("no form had enough undisturbed samples: run again when the machine is quieter, or see -under")
	}
	return nil
}

// family returns the CPU's name, family and model, which decide which form is fast.
func family() string {
	cpu := bench.ThisCPU()
	return fmt.Sprintf("%s, family %d model %d", cpu.CPU, cpu.Family, cpu.Model)
}
