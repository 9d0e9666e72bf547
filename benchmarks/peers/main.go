// Command peers compares quarry's kernels with another miner's own benchmark mode on
// the same CPU, in turns. The user supplies the other miner; quarry ships none.
//
//	go run ./benchmarks/peers --kernel shani --cpus 0 --against \
//	  '/path/to/cpuminer -a sha256d --benchmark -t 1 --time-limit 10 --hash-meter --scantime 1 --cpu-priority 2 --cpu-affinity 0x1'
//
// It reads the output of cpuminer-opt (cpuminer.go says which of its figures it
// uses, and why). The flags above make the pairing fair: without
// --hash-meter there is only the last scan's rate, without --cpu-priority 2
// cpuminer-opt runs at the lowest priority of all and loses to any neighbor,
// and it pins itself to CPU 0 unless --cpu-affinity says otherwise.
//
// A round is half of quarry's measuring, the peer, and the other half in the
// opposite order, so that a drift of the machine does not favor either side.
// What it prints can be kept as it is in benchmarks/results/.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry/affinity"
	"quarry/hashing"
)

// Exit codes.
const (
	exitFailed = 1 // a side could not be measured
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return exitUsage
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), len(p.places)+4)) // as the miner does, so that other goroutines need not wait for hashing threads
	p.out = stdout
	if err := p.run(ctx); err != nil {
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return exitFailed
	}
	return 0
}

func parseFlags(args []string, stderr io.Writer) (*pairing, error) {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	against := flags.String("against", "", "the peer's `COMMAND`; it must end by itself (needed)")
	kernels := flags.String("kernel", "", "quarry's `KERNELS`, separated by commas (default: the first one that can run here)")
	versions := flags.String("versions", "", "rolled versions, such as `1,4` (default: 1, and each kernel's preferred number)")
	cpus := flags.String("cpus", "0", "`CPUS` that both sides use, one thread each, such as 0,1")
	rounds := flags.Int("rounds", 7, "`NUMBER` of rounds")
	seconds := flags.Int("seconds", 10, "`SECONDS` that each kernel is measured in a round: as long as the peer")
	timeout := flags.Duration("timeout", time.Minute, "the longest `TIME` that one run of the peer may take")
	if err := flags.Parse(args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			err = errors.New("bad flags: see above") // the library has printed which
		}
		return nil, err
	}
	p := &pairing{rounds: *rounds, pieces: *seconds, piece: time.Second, timeout: *timeout}
	var err error
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("no arguments are taken, but there is %q: is the command in quotes?", flags.Arg(0))
	case *rounds < 1 || *rounds > 1000:
		return nil, fmt.Errorf("--rounds %d is not between 1 and 1000", *rounds)
	case *seconds < 2 || *seconds > 3600:
		return nil, fmt.Errorf("--seconds %d is not between 2 and 3600", *seconds)
	case *timeout <= 0:
		return nil, fmt.Errorf("--timeout %v is not above 0", *timeout)
	}
	if p.command, err = splitCommand(*against); err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	if _, err := exec.LookPath(p.command[0]); err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	if p.places, err = parseCPUs(*cpus); err != nil {
		return nil, fmt.Errorf("--cpus %q: %w", *cpus, err)
	}
	if p.sides, err = parseSides(*kernels, *versions); err != nil {
		return nil, err
	}
	return p, nil
}

func parseCPUs(list string) ([]affinity.Placement, error) {
	set, err := affinity.UsableCPUs()
	if err != nil {
		return nil, err
	}
	numbers, err := parseNumbers(list, 0, 4095)
	if err != nil {
		return nil, err
	}
	return affinity.ChooseCPUs(set, 0, numbers)
}

// parseNumbers reads "1,4": each from low to high, and given once.
func parseNumbers(list string, low, high int) ([]int, error) {
	var numbers []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is not a number", text)
		case n < low || n > high:
			return nil, fmt.Errorf("%d is not between %d and %d", n, low, high)
		case slices.Contains(numbers, n):
			return nil, fmt.Errorf("%d is listed twice", n)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// parseSides returns the kernels to measure, with each number of versions.
func parseSides(names, versions string) ([]*side, error) {
	var kernels []hashing.Kernel
	if names == "" {
		all := hashing.Kernels()
		kernels = append(kernels, all[slices.IndexFunc(all, func(k hashing.Kernel) bool { return k.MissingHere() == "" })])
	} else {
		for name := range strings.SplitSeq(names, ",") {
			k, err := hashing.Lookup(strings.TrimSpace(name))
			if err != nil {
				return nil, fmt.Errorf("--kernel: %w", err)
			}
			if lacks := k.MissingHere(); lacks != "" {
				return nil, fmt.Errorf("--kernel %s: this CPU lacks %s", k.Name, lacks)
			}
			kernels = append(kernels, k)
		}
	}
	var given []int
	if versions != "" {
		var err error
		if given, err = parseNumbers(versions, 1, hashing.MaxVersions); err != nil {
			return nil, fmt.Errorf("--versions %q: %w", versions, err)
		}
	}
	var sides []*side
	for _, k := range kernels {
		list := given
		if len(list) == 0 {
			list = slices.Compact([]int{1, k.Versions})
		}
		for _, n := range list {
			sides = append(sides, &side{kernel: k, versions: n})
		}
	}
	return sides, nil
}

// splitCommand splits a command into words as a shell does, with quotes but without
// variables or pipes.
func splitCommand(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("a quote %c is not closed in %q", quote, command)
	case len(words) == 0:
		return nil, errors.New("the peer's command is missing, such as '/path/to/cpuminer -a sha256d --benchmark -t 1 --time-limit 10 --hash-meter --scantime 1 --cpu-priority 2'")
	}
	return words, nil
}
