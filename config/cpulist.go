package config

import (
	"fmt"
	"strconv"
	"strings"
)

// CPUList is a list of logical CPU numbers, ascending, without repeats.
type CPUList []int

// maxCPU is the highest CPU number a list may name; the limit of this
// machine is checked by Input.Checks.
const maxCPU = 4095

// ParseCPUList reads "0-3,8": single numbers and inclusive ranges from 0 to
// 4095. The empty text and "all" are the empty list.
func ParseCPUList(text string) (CPUList, error) {
	if text = strings.TrimSpace(text); text == "" || strings.EqualFold(text, "all") {
		return nil, nil
	}
	var chosen, alone [maxCPU + 1]bool
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		first, last, ok := parseCPUs(part)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is not a CPU number or range from 0 to %d", quote(part), maxCPU)
		case last < first:
			return nil, fmt.Errorf("range %s runs backwards", quote(part))
		case first == last && alone[first]:
			return nil, fmt.Errorf("cpu %d is named twice; each CPU gets one thread", first)
		}
		alone[first] = alone[first] || first == last
		for n := first; n <= last; n++ {
			chosen[n] = true
		}
	}
	var list CPUList
	for n, in := range chosen {
		if in {
			list = append(list, n)
		}
	}
	return list, nil
}

// parseCPUs reads "8" or "0-3".
func parseCPUs(part string) (first, last int, ok bool) {
	low, high, isRange := strings.Cut(part, "-")
	if !isRange {
		high = low
	}
	first, firstOK := parseCPU(low)
	last, lastOK := parseCPU(high)
	return first, last, firstOK && lastOK
}

func parseCPU(text string) (n int, ok bool) {
	number, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	return int(number), err == nil && number <= maxCPU
}

// String returns the shortest text that ParseCPUList reads back: "0-3,8".
func (l CPUList) String() string {
	var b strings.Builder
	for i := 0; i < len(l); {
		end := i
		for end+1 < len(l) && l[end+1] == l[end]+1 {
			end++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(l[i]))
		if end > i {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(l[end]))
		}
		i = end + 1
	}
	return b.String()
}
