package main

import (
	"bufio"
	"errors"
	"io"
	"quarry/bench/stats"
	"regexp"
	"strconv"
)

// warmingScans is how many of each thread's first scans do not count. In
// benchmark mode cpuminer-opt scans 100 hashes first, then as many as it
// thinks fit its scan time by that, which is far too few.
const warmingScans = 2

// peerOutput is what cpuminer-opt printed, in hashes a second.
type peerOutput struct {
	scans     map[int][]float64 // by thread: --hash-meter prints one for each scan
	benchmark float64           // the line at the end; 0 if there is none
}

// cpuminer-opt's lines, without the time in front and with or without colors.
// 26.1 writes "H/s" in one place and "h/s" in another.
var (
	threadLine    = regexp.MustCompile(`\bThread (\d{1,4}), CPU -?\d{1,5}: (\d{1,12}\.\d{1,6}) ([kMGTPEZY]?)[hH]/s`)
	benchmarkLine = regexp.MustCompile(`\bBenchmark: (\d{1,12}\.\d{1,6}) ([kMGTPEZY]?)[hH]/s`)
)

// parseCpuminer reads the output of cpuminer-opt's --benchmark.
func parseCpuminer(r io.Reader) (*peerOutput, error) {
	out := &peerOutput{scans: map[int][]float64{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if m := threadLine.FindStringSubmatch(lines.Text()); m != nil {
			thread, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			out.scans[thread] = append(out.scans[thread], hashrate(m[2], m[3]))
		}
		if m := benchmarkLine.FindStringSubmatch(lines.Text()); m != nil {
			out.benchmark = hashrate(m[1], m[2])
		}
	}
	return out, lines.Err()
}

// hashrate returns the number scaled by its decimal prefix. The patterns admit
// nothing else.
func hashrate(number, prefix string) float64 {
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	for _, p := range []string{"k", "M", "G", "T", "P", "E", "Z", "Y"} {
		if prefix == "" {
			break
		}
		v *= 1000
		if p == prefix {
			break
		}
	}
	return v
}

// rate returns the peer's figure and its source.
//
// cpuminer-opt 26.1 prints three kinds of rates. We use the fair ones
// (by its source code, confirmed by its runs):
//   - "Thread 0, CPU 0: ..." (--hash-meter) is one scan's hashes divided by its
//     time in microseconds. The median of the scans is the fairest: it excludes
//     start-up, and a disturbed scan has little effect. quarry's own figure is
//     computed the same way, from pieces as long as a scan with --scantime 1.
//   - "Benchmark: ..." is the rate of the last scan alone, not an average of
//     the whole run. It is as correct but noisier, and used when there are too
//     few scans.
//   - "Total: ..." divides all hashes by the whole seconds since the start: the
//     fraction is cut off, so it is up to a second's worth too high (8 % after
//     12 s, half as much again after 2 s), and the start-up makes it too low. It
//     is never used.
func (p *peerOutput) rate() (hashesPerSecond float64, from string, err error) {
	sum, enough := 0.0, len(p.scans) > 0
	for _, scans := range p.scans {
		if len(scans) <= warmingScans {
			enough = false
			break
		}
		sum += stats.Median(scans[warmingScans:])
	}
	switch {
	case enough && sum > 0:
		return sum, "median of the scans", nil
	case p.benchmark > 0:
		return p.benchmark, "its last scan", nil
	}
	return 0, "", errors.New(`no rate in its output: neither "Thread 0, CPU 0: ... h/s" of three scans nor "Benchmark: ... H/s"`)
}
