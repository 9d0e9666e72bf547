package benchmarks

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"quarry/device/cpu"
	"quarry/hashing"
	"quarry/miner"
	"quarry/stratum/v1"
	"quarry/work"
)

// Jobs with and without version rolling, by the mask that the pool grants.
var jobKinds = []struct{ name, mask string }{{"plain", ""}, {"rolled", "1fffe000"}}

// BenchmarkJobSwitch measures from just before a pool writes a notify, in
// another process, to the last worker starting its first scan of the new job,
// all CPUs hashing.
func BenchmarkJobSwitch(b *testing.B) {
	for _, kind := range jobKinds {
		b.Run(kind.name, func(b *testing.B) {
			pool := startBarePool(b, kind.mask)
			type seen struct {
				job *work.Job
				at  time.Time
			}
			switched := make(chan seen, 1024)
			kernel, placements := allCPUs(b)
			_, stop := mine(b, pool.address, v1.Trace{}, cpu.Options{Kernels: []hashing.Kernel{kernel}, Placements: placements},
				miner.Trace{Switched: func(_ int, job *work.Job) { switched <- seen{job, time.Now()} }})
			defer stop()
			pool.awaitMiner(b)
			for range placements {
				<-switched
			}
			var all, reader []time.Duration
			others := newCrowd(pool.process)
			// One job more than is measured: the first meets cold workers.
			for n := -1; n < 0 || b.Loop(); n++ {
				// At random, so as not to run in step with batches, ticks or the scheduler.
				time.Sleep(time.Duration(5000+(n*7919)%16000) * time.Microsecond)
				pool.order(b, "job")
				var last seen
				for range placements {
					last = <-switched
				}
				nanoseconds, err := strconv.ParseInt(last.job.ID, 16, 64)
				check(b, err)
				if written := time.Unix(0, nanoseconds); n >= 0 {
					all = append(all, last.at.Sub(written))
					reader = append(reader, last.job.Received.Sub(written))
				}
			}
			reportLatencies(b, all)
			slices.Sort(reader)
			b.ReportMetric(percentile(reader, 0.5), "reader-p50-ms")
			b.ReportMetric(percentile(reader, 0.99), "reader-p99-ms")
			others.report(b)
		})
	}
}

// BenchmarkSubmit measures from a verified hit in the worker to the last byte
// of its submit written to the socket, all CPUs hashing. About a hundred
// shares are found a second.
func BenchmarkSubmit(b *testing.B) {
	for _, kind := range jobKinds {
		b.Run(kind.name, func(b *testing.B) {
			pool := startBarePool(b, kind.mask)
			var mu sync.Mutex
			written := map[*work.Share]time.Time{}
			latencies := make(chan time.Duration, 1<<16)
			session := v1.Trace{SubmitWritten: func(share *work.Share, at time.Time) {
				mu.Lock()
				defer mu.Unlock()
				written[share] = at
			}}
			settled := func(share *work.Share, found time.Time, verdict work.Verdict) {
				mu.Lock()
				at, ok := written[share]
				delete(written, share)
				mu.Unlock()
				if ok && verdict.Kind == work.Accepted {
					latencies <- at.Sub(found)
				}
			}
			kernel, placements := allCPUs(b)
			_, stop := mine(b, pool.address, session, cpu.Options{Kernels: []hashing.Kernel{kernel}, Placements: placements},
				miner.Trace{Booked: settled})
			defer stop()
			pool.awaitMiner(b)
			pool.order(b, "difficulty 0.0003")
			pool.order(b, "job")
			var all []time.Duration
			others := newCrowd(pool.process)
			for b.Loop() {
				all = append(all, <-latencies)
			}
			reportLatencies(b, all)
			others.report(b)
		})
	}
}

// crowd measures other load on the machine: the CPU time that went to neither this
// process nor the pool, in percent. Linux only, otherwise 0.
type crowd struct {
	pool            int // its process
	all, idle, ours float64
}

// crowdTimes returns the ticks of all CPUs, the idle ones, and those of two
// processes.
func crowdTimes(pool int) (all, idle, ours float64) {
	for _, process := range []string{"", "self/", strconv.Itoa(pool) + "/"} {
		text, err := os.ReadFile("/proc/" + process + "stat")
		if err != nil {
			return 0, 0, 0
		}
		if process != "" {
			fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')'):]))
			ours += number(fields[12]) + number(fields[13]) // utime, stime
			continue
		}
		line, _, _ := strings.Cut(string(text), "\n")
		for i, field := range strings.Fields(line)[1:9] {
			all += number(field)
			if i == 3 || i == 4 {
				idle += number(field)
			}
		}
	}
	return all, idle, ours
}

func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

func newCrowd(pool int) *crowd {
	c := &crowd{pool: pool}
	c.all, c.idle, c.ours = crowdTimes(pool)
	return c
}

func (c *crowd) report(b *testing.B) {
	all, idle, ours := crowdTimes(c.pool)
	if all > c.all {
		b.ReportMetric(max(100*(1-(idle-c.idle+ours-c.ours)/(all-c.all)), 0), "others-%")
	}
}

// reportLatencies prints a histogram, in buckets of half an octave.
func reportLatencies(b *testing.B, all []time.Duration) {
	if len(all) < 100 { // the framework's first, short run
		return
	}
	slices.Sort(all)
	b.ReportMetric(0, "ns/op")
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50-ms", 0.5}, {"p90-ms", 0.9}, {"p99-ms", 0.99}, {"p99.9-ms", 0.999}, {"max-ms", 1}} {
		b.ReportMetric(percentile(all, q.at), q.name)
	}
	counts := map[int]int{}
	bucket := func(d time.Duration) int { return int(math.Floor(2 * math.Log2(max(d.Seconds()*1e3, 1e-3)))) }
	for _, d := range all {
		counts[bucket(d)]++
	}
	var text strings.Builder
	for n, below := bucket(all[0]), 0; n <= bucket(all[len(all)-1]); n++ {
		below += counts[n]
		fmt.Fprintf(&text, "\n%9.3f ms %6d %7.2f %% %s", math.Pow(2, float64(n+1)/2), counts[n], 100*float64(below)/float64(len(all)),
			strings.Repeat("#", (counts[n]*60+len(all)-1)/len(all)))
	}
	// Not with b.Log, which truncates.
	fmt.Fprintf(os.Stderr, "\n%s, %d events; up to, how many, how many in all:%s\n", b.Name(), len(all), text.String())
}

// percentile returns milliseconds.
func percentile(sorted []time.Duration, at float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(at*float64(len(sorted))), len(sorted)-1)].Seconds() * 1e3
}
