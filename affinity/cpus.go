package affinity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxCPUs    = 4096    // bounds CPU numbers and worker counts
	maxCPUList = 1 << 16 // bytes of a CPU list
)

// CPUSet is what this process may use of the machine's CPUs.
type CPUSet struct {
	CPUs   []int       // logical CPU numbers, ascending
	Quota  float64     // CPU time that the cgroup grants, in CPUs; 0 = no limit
	Core   map[int]int // physical core of a CPU, named by its lowest CPU; a CPU without an entry counts as its own core
	CanPin bool        // the system can tie a thread to a CPU
}

// Placement says where one worker runs.
type Placement struct {
	CPU    int    // -1 unless Pinned
	Pinned bool   // the worker's thread is to be tied to CPU
	Reason string // why it is not pinned, for the log
}

// parseCPUList reads a list like "0-3,8" as the kernel writes it in /sys and cgroups: ascending, each number
// once. CPU numbers go up to 4095. The error names the bad piece.
func parseCPUList(list string) ([]int, error) {
	if len(list) > maxCPUList {
		return nil, fmt.Errorf("cpu list: %d bytes long, %d is the most", len(list), maxCPUList)
	}
	var seen [maxCPUs]bool
	for piece := range strings.SplitSeq(list, ",") {
		piece = strings.TrimSpace(piece)
		first, last, isRange := strings.Cut(piece, "-")
		low, err := parseCPU(first)
		if err != nil {
			return nil, badCPUs(piece)
		}
		high := low
		if isRange {
			if high, err = parseCPU(last); err != nil {
				return nil, badCPUs(piece)
			}
		}
		if high < low {
			return nil, fmt.Errorf("cpu range %q runs backwards: write %d-%d", piece, high, low)
		}
		for cpu := low; cpu <= high; cpu++ {
			seen[cpu] = true
		}
	}
	var cpus []int
	for cpu, listed := range seen {
		if listed {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

func parseCPU(s string) (int, error) {
	s = strings.TrimSpace(s)
	cpu, err := strconv.ParseUint(s, 10, 16)
	if err != nil || cpu >= maxCPUs {
		return 0, errors.New("bad cpu number")
	}
	return int(cpu), nil
}

func badCPUs(piece string) error {
	if len(piece) > 40 {
		piece = piece[:40] + "..."
	}
	return fmt.Errorf("cpu list: %q is not a cpu number or range from 0 to %d: write it like 0-3,8", piece, maxCPUs-1)
}

// FormatCPUs writes ascending numbers the way parseCPUList reads them: "0-3,8".
func FormatCPUs(cpus []int) string {
	var pieces []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		piece := strconv.Itoa(cpus[i])
		if j > i {
			piece += "-" + strconv.Itoa(cpus[j])
		}
		pieces = append(pieces, piece)
		i = j + 1
	}
	return strings.Join(pieces, ",")
}

// ChooseCPUs decides how many workers there are and where each runs.
//
// cpus is the user's list, empty for all of set; threads the user's number, 0 for one worker per CPU. Fewer threads
// than CPUs take one CPU of every physical core first. More threads than listed CPUs share them in turn; more than
// all CPUs leave the extra ones unpinned.
//
// A cgroup quota below the number of CPUs limits the default to its whole CPUs, rounded down (1.5 gives 1, less
// than 1 gives 1): with more, the quota would run out before the end of every period, and the kernel then
// stops all threads, the network's too, for the rest of it. Those workers are not pinned, because the quota is not
// bound to CPUs, and every container of the machine would pin to the same first ones.
func ChooseCPUs(set CPUSet, threads int, cpus []int) ([]Placement, error) {
	if threads < 0 || threads > maxCPUs {
		return nil, fmt.Errorf("threads: %d is not between 0 (one per cpu) and %d", threads, maxCPUs)
	}
	if len(set.CPUs) == 0 {
		return nil, errors.New("the system allows this process no cpu at all")
	}
	listed := len(cpus) > 0
	usable := set.CPUs
	if listed {
		for _, cpu := range cpus {
			if !slices.Contains(set.CPUs, cpu) {
				return nil, fmt.Errorf("cpu %d is not on this machine or not allowed to this process: choose from %s",
					cpu, FormatCPUs(set.CPUs))
			}
		}
		usable = slices.Compact(slices.Sorted(slices.Values(cpus)))
	}
	limited := !listed && set.Quota > 0 && set.Quota < float64(len(usable))
	if threads == 0 {
		threads = len(usable)
		if limited {
			threads = set.Room(nil)
		}
	}
	chosen := coresFirst(usable, set.Core)
	chosen = slices.Sorted(slices.Values(chosen[:min(threads, len(chosen))]))

	unpinned := ""
	switch {
	case !set.CanPin:
		unpinned = "this system cannot pin threads"
	case limited && threads < len(usable):
		unpinned = fmt.Sprintf("cgroup quota of %.3g cpus", set.Quota)
	}
	placements := make([]Placement, threads)
	for i := range placements {
		switch {
		case unpinned != "":
			placements[i] = Placement{CPU: -1, Reason: unpinned}
		case i >= len(chosen) && !listed:
			placements[i] = Placement{CPU: -1, Reason: "more threads than cpus"}
		default:
			placements[i] = Placement{CPU: chosen[i%len(chosen)], Pinned: true}
		}
	}
	return placements, nil
}

// Room returns how many threads can run at once on the listed CPUs, empty for all of the set: one for each, fewer with
// a quota. It is at least 1. More threads take turns: together they are no faster, and each starts later.
func (set CPUSet) Room(cpus []int) int {
	usable := set.CPUs
	if len(cpus) > 0 {
		usable = slices.Compact(slices.Sorted(slices.Values(cpus)))
	}
	room := len(usable)
	if set.Quota > 0 && set.Quota < float64(room) {
		room = int(set.Quota)
	}
	return max(room, 1)
}

// coresFirst orders CPUs so that every physical core comes once before any comes twice.
func coresFirst(cpus []int, core map[int]int) []int {
	round := make(map[int]int, len(cpus)) // CPU -> how many of its core come before it
	taken := make(map[int]int)
	for _, cpu := range cpus {
		c, known := core[cpu]
		if !known {
			c = cpu
		}
		round[cpu] = taken[c]
		taken[c]++
	}
	order := slices.Clone(cpus)
	slices.SortStableFunc(order, func(a, b int) int { return round[a] - round[b] })
	return order
}
