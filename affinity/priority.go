package affinity

import "fmt"

// Priority is how the system's scheduler treats the hashing threads. The zero value changes nothing.
type Priority int

const (
	PriorityNormal Priority = iota // as the process was started
	PriorityLow                    // after other programs (Linux: nice 10)
	PriorityIdle                   // only when nothing else wants the CPU (Linux: SCHED_IDLE)
)

// ParsePriority reads "idle", "low" or "normal".
func ParsePriority(s string) (Priority, error) {
	for _, p := range []Priority{PriorityIdle, PriorityLow, PriorityNormal} {
		if s == p.String() {
			return p, nil
		}
	}
	return PriorityNormal, fmt.Errorf("unknown priority %.40q: use idle, low or normal", s)
}

// String returns the name that ParsePriority reads.
func (p Priority) String() string {
	switch p {
	case PriorityIdle:
		return "idle"
	case PriorityLow:
		return "low"
	case PriorityNormal:
		return "normal"
	}
	return fmt.Sprintf("priority %d", int(p))
}
