package main

import (
	"strconv"
	"testing"
	"time"

	"quarry/affinity"
)

func TestParseStat(t *testing.T) {
	// Recorded, with another name: field 14 is utime, 19 nice, 39 processor, 41 policy.
	const line = "2633 (cpu) miner) R 2630 2630 2626 0 -1 4194368 12 0 0 0 594 1 0 0 20 5 4 0 91734 341852160 2013 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 -1 1 0 3 0 0 0\n"
	if got, want := parseStat([]byte(line)), (hashThread{known: true, cpu: 1, nice: 5, idle: true, ticks: 594}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "1 (x) R 1", ")", "x"} {
		if got := parseStat([]byte(bad)); got.known {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestPeerIsPinned(t *testing.T) {
	set, err := affinity.UsableCPUs()
	if err != nil {
		t.Fatal(err)
	}
	last := set.CPUs[len(set.CPUs)-1]
	run, err := runPeer(t.Context(), []string{"sh", "-c", "grep Cpus_allowed_list /proc/self/status"}, []int{last}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Cpus_allowed_list: " + strconv.Itoa(last); len(run.lines) != 1 || run.lines[0] != want {
		t.Errorf("the peer says %q, want %q", run.lines, want)
	}
	after, err := affinity.UsableCPUs()
	if err != nil || len(after.CPUs) != len(set.CPUs) {
		t.Errorf("pinning the peer changed this program: %v, %v", after.CPUs, err)
	}
	if _, err := runPeer(t.Context(), []string{"true"}, []int{4095}, time.Minute); err == nil && last != 4095 {
		t.Error("pinned to a cpu that is not there")
	}
}
