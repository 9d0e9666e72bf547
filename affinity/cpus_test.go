package affinity

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestParseCPUList(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "0-3,8": "0-3,8", " 3 , 1\n": "1,3", "5,0-2,1-3,5": "0-3,5", "4095": "4095", "7-7": "7", "2 - 4": "2-4",
	} {
		cpus, err := parseCPUList(in)
		if err != nil || FormatCPUs(cpus) != want {
			t.Errorf("parseCPUList(%q) = %v, %v; want %s", in, cpus, err, want)
		}
	}
	for in, part := range map[string]string{
		"": `""`, "0,,1": `""`, "a": `"a"`, "0-3,x-5,8": `"x-5"`, "-1": `"-1"`, "1-": `"1-"`, "+1": `"+1"`, "1-2-3": `"1-2-3"`,
		"4096": "4095", "0-99999999999": `"0-99999999999"`, "0x1": `"0x1"`, "5-2": "2-5", strings.Repeat("9", 1000): "999...",
		strings.Repeat("0,", maxCPUList): "bytes long",
	} {
		cpus, err := parseCPUList(in)
		if err == nil || cpus != nil || !strings.Contains(err.Error(), part) || len(err.Error()) > 200 {
			t.Errorf("parseCPUList(%.40q) = %v, %v; want an error with %s", in, cpus, err, part)
		}
	}
	if got := FormatCPUs(nil); got != "" {
		t.Errorf("FormatCPUs(nil) = %q", got)
	}
}

func FuzzParseCPUList(f *testing.F) {
	for _, s := range []string{"0-3,8", "", "1,1,1", "4095", "0-4095", "3-1", " 2 ", "0,-", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cpus, err := parseCPUList(s)
		if err != nil {
			if cpus != nil {
				t.Errorf("%q gives both %v and %v", s, cpus, err)
			}
			return
		}
		if len(cpus) == 0 || cpus[0] < 0 || cpus[len(cpus)-1] >= maxCPUs {
			t.Errorf("%q gives %v", s, cpus)
		}
		if !slices.IsSorted(cpus) || len(slices.Compact(slices.Clone(cpus))) != len(cpus) {
			t.Errorf("%q gives %v, not ascending", s, cpus)
		}
		again, err := parseCPUList(FormatCPUs(cpus))
		if err != nil || !slices.Equal(again, cpus) {
			t.Errorf("%q written as %q comes back as %v, %v", s, FormatCPUs(cpus), again, err)
		}
	})
}

// cpuRange is first, first+1, ... of n CPUs.
func cpuRange(first, n int) []int {
	cpus := make([]int, n)
	for i := range cpus {
		cpus[i] = first + i
	}
	return cpus
}

// describe writes placements as "0 1 -": "-" is unpinned.
func describe(placements []Placement) string {
	var words []string
	for _, p := range placements {
		if p.Pinned {
			words = append(words, fmt.Sprint(p.CPU))
		} else {
			words = append(words, "-")
		}
	}
	return strings.Join(words, " ")
}

func TestChooseCPUs(t *testing.T) {
	plain := CPUSet{CPUs: cpuRange(0, 4), CanPin: true}
	// As Linux numbers Intel machines (siblings far apart) and AMD ones sometimes (siblings next to each other).
	intel := CPUSet{CPUs: cpuRange(0, 8), CanPin: true, Core: map[int]int{0: 0, 4: 0, 1: 1, 5: 1, 2: 2, 6: 2, 3: 3, 7: 3}}
	amd := CPUSet{CPUs: cpuRange(0, 8), CanPin: true, Core: map[int]int{0: 0, 1: 0, 2: 2, 3: 2, 4: 4, 5: 4, 6: 6, 7: 6}}
	quota := func(s CPUSet, q float64) CPUSet { s.Quota = q; return s }
	noPin := plain
	noPin.CanPin = false

	for name, row := range map[string]struct {
		set     CPUSet
		threads int
		cpus    []int
		want    string
		reason  string // of the last placement
	}{
		"all":                       {plain, 0, nil, "0 1 2 3", ""},
		"affinity with gaps":        {CPUSet{CPUs: []int{2, 5, 9}, CanPin: true}, 0, nil, "2 5 9", ""},
		"fewer":                     {plain, 2, nil, "0 1", ""},
		"more":                      {plain, 6, nil, "0 1 2 3 - -", "more threads than cpus"},
		"list":                      {plain, 0, []int{3, 1, 3}, "1 3", ""},
		"list and fewer":            {plain, 1, []int{1, 3}, "1", ""},
		"list and more":             {plain, 5, []int{1, 3}, "1 3 1 3 1", ""},
		"cores first, intel":        {intel, 4, nil, "0 1 2 3", ""},
		"cores first, amd":          {amd, 4, nil, "0 2 4 6", ""},
		"cores first, then threads": {amd, 6, nil, "0 1 2 3 4 6", ""},
		"cores first in a list":     {amd, 2, []int{0, 1, 4, 5}, "0 4", ""},
		"all threads of all cores":  {amd, 0, nil, "0 1 2 3 4 5 6 7", ""},
		"quota 1.5":                 {quota(plain, 1.5), 0, nil, "-", "cgroup quota of 1.5 cpus"},
		"quota 0.2":                 {quota(plain, 0.2), 0, nil, "-", "cgroup quota of 0.2 cpus"},
		"quota 3.9":                 {quota(plain, 3.9), 0, nil, "- - -", "cgroup quota of 3.9 cpus"},
		"quota of all":              {quota(plain, 4), 0, nil, "0 1 2 3", ""},
		"quota above all":           {quota(plain, 64), 0, nil, "0 1 2 3", ""},
		"quota and threads":         {quota(plain, 1.5), 4, nil, "0 1 2 3", ""},
		"quota and fewer threads":   {quota(plain, 1.5), 2, nil, "- -", "cgroup quota of 1.5 cpus"},
		"quota and list":            {quota(plain, 1.5), 0, []int{0, 1}, "0 1", ""},
		"no pinning":                {noPin, 0, nil, "- - - -", "this system cannot pin threads"},
		"no pinning, list":          {noPin, 0, []int{2}, "-", "this system cannot pin threads"},
	} {
		got, err := ChooseCPUs(row.set, row.threads, row.cpus)
		if err != nil || describe(got) != row.want || got[len(got)-1].Reason != row.reason {
			t.Errorf("%s: %s (%+v), %v; want %s (%s)", name, describe(got), got, err, row.want, row.reason)
		}
		for _, p := range got {
			if p.Pinned == (p.CPU == -1) || p.Pinned == (p.Reason != "") {
				t.Errorf("%s: contradicts itself: %+v", name, p)
			}
		}
	}
	if !slices.Equal(plain.CPUs, cpuRange(0, 4)) {
		t.Errorf("ChooseCPUs changed its input: %v", plain.CPUs)
	}
}

func TestChooseCPUsRefuses(t *testing.T) {
	set := CPUSet{CPUs: []int{0, 1, 2, 3, 8}, CanPin: true}
	for name, row := range map[string]struct {
		set     CPUSet
		threads int
		cpus    []int
		parts   []string
	}{
		"beyond the machine": {set, 0, []int{1, 9}, []string{"cpu 9", "0-3,8"}},
		"negative cpu":       {set, 0, []int{-1}, []string{"cpu -1"}},
		"negative threads":   {set, -1, nil, []string{"-1"}},
		"too many threads":   {set, maxCPUs + 1, nil, []string{"4097", "4096"}},
		"no cpus":            {CPUSet{}, 0, nil, []string{"no cpu"}},
	} {
		got, err := ChooseCPUs(row.set, row.threads, row.cpus)
		if err == nil || got != nil {
			t.Errorf("%s: %v, %v; want an error", name, got, err)
			continue
		}
		for _, part := range row.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q does not say %q", name, err, part)
			}
		}
	}
}

func TestUsableCPUs(t *testing.T) {
	set, err := UsableCPUs()
	if err != nil {
		t.Fatal(err)
	}
	if len(set.CPUs) != runtime.NumCPU() || !slices.IsSorted(set.CPUs) {
		t.Errorf("usable cpus %v, the runtime counts %d", set.CPUs, runtime.NumCPU())
	}
	if _, err := ChooseCPUs(set, 0, nil); err != nil {
		t.Error(err)
	}
}

func TestParsePriority(t *testing.T) {
	for _, p := range []Priority{PriorityIdle, PriorityLow, PriorityNormal} {
		if got, err := ParsePriority(p.String()); err != nil || got != p {
			t.Errorf("ParsePriority(%q) = %v, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "high", "Idle", "priority 7"} {
		if _, err := ParsePriority(bad); err == nil || !strings.Contains(err.Error(), "idle, low or normal") {
			t.Errorf("ParsePriority(%q): %v", bad, err)
		}
	}
	if err := SetThreadPriority(Priority(7)); err == nil || errors.Is(err, errors.ErrUnsupported) && runtime.GOOS == "linux" {
		t.Errorf("unknown priority: %v", err)
	}
}

func TestRoom(t *testing.T) {
	for _, c := range []struct {
		set  CPUSet
		list []int
		want int
	}{
		{CPUSet{CPUs: []int{0, 1}}, nil, 2},
		{CPUSet{CPUs: []int{0, 1, 2, 3}}, []int{3, 1, 3}, 2},
		{CPUSet{CPUs: []int{0, 1, 2, 3}, Quota: 2.5}, nil, 2},
		{CPUSet{CPUs: []int{0, 1, 2, 3}, Quota: 0.5}, nil, 1},
		{CPUSet{CPUs: []int{0, 1, 2, 3}, Quota: 8}, nil, 4},
		{CPUSet{CPUs: []int{0, 1, 2, 3}, Quota: 1}, []int{0, 1}, 1},
		{CPUSet{}, nil, 1},
	} {
		if got := c.set.Room(c.list); got != c.want {
			t.Errorf("%+v, listed %v: %d, want %d", c.set, c.list, got, c.want)
		}
	}
}
