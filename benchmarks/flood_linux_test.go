package benchmarks

import (
	"sync/atomic"
	"testing"
	"time"

	"quarry/hashing"
	"quarry/miner"
	"quarry/stratum/v1"
	"quarry/telemetry"
)

// BenchmarkFlood measures what 10,000 jobs a second cost a miner on all CPUs,
// in turns of three seconds with none. The loss is told by CPU time, so that
// neither the pool, which has to work as hard and is elsewhere as a rule, nor
// other programs count: what all other threads of the miner take from the
// workers, and how much less the workers do in a second of theirs. The pool
// takes part in the latter, on the same CPUs: how much shows a third turn, in
// which it floods another connection (pool-%). One iteration is 9 s.
func BenchmarkFlood(b *testing.B) {
	const turn = 3 * time.Second // the rule that ends the connection takes 10
	for _, kind := range jobKinds {
		b.Run(kind.name, func(b *testing.B) {
			pool := startBarePool(b, kind.mask)
			kernel, placements := allCPUs(b)
			counters := telemetry.New(len(placements), nil)
			clocks := &threadClocks{}
			var jobs atomic.Int64
			stop := mine(b, pool.address, v1.Trace{JobReceived: func(time.Time) { jobs.Add(1) }}, miner.Options{
				Kernels: []hashing.Kernel{clocks.wrap(kernel)}, Placements: placements, Telemetry: counters,
			})
			defer stop()
			pool.awaitMiner(b)
			time.Sleep(500 * time.Millisecond)

			measure := func(begin func()) float64 {
				hashes, workers, process, began := counters.Counters.Hashes(), clocks.sum(), processTime(), time.Now()
				begin()
				worked := (clocks.sum() - workers).Seconds()
				others := (processTime() - process).Seconds() - worked
				free := 1 - others/(float64(len(placements))*time.Since(began).Seconds())
				return free * float64(counters.Counters.Hashes()-hashes) / worked
			}
			flood := func(to string) float64 {
				pool.tell(b, "flood 10000 %v %s", turn.Seconds(), to)
				return number(pool.line(b)[len("done "):]) / turn.Seconds()
			}
			var losses, beside, sent, acted []float64
			for b.Loop() {
				calm := measure(func() { time.Sleep(turn) })
				spared := measure(func() { flood("elsewhere") })
				before := jobs.Load()
				flooded := measure(func() { sent = append(sent, flood("")) })
				acted = append(acted, float64(jobs.Load()-before)/turn.Seconds())
				losses = append(losses, 100*(1-flooded/calm))
				beside = append(beside, 100*(1-spared/calm))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(Median(sent), "jobs/s")
			b.ReportMetric(Median(acted), "acted-on/s")
			b.ReportMetric(Median(losses), "loss-%")
			b.ReportMetric(Median(beside), "pool-%")
		})
	}
}
