package v1

import (
	"sync"

	"quarry/hashing"
	"quarry/stratum/watch"
)

// Quirks is what was learned about a pool and outlives its sessions. The zero
// Quirks is ready to use, by one session after another.
type Quirks struct {
	history watch.History // the present session's watch guards it

	mu sync.Mutex // guards the rest

	lowAfterRaise int  // shares rejected as too weak for a newer difficulty than their job's
	newestCounts  bool // enough of them
	masked        bool // version bits are sent masked: see wire
	bitsDecided   bool // masked does not change any more
	sixth         sixth

	difficulty hashing.Difficulty // instead of one that the pool does not announce; zero: 1
	noNudge    bool               // it hung up on a request that was to make it send a job

	told map[string]bool // what was logged
}

// once reports whether it is the first time.
func (h *Quirks) once(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told == nil {
		h.told = make(map[string]bool)
	}
	first := !h.told[what]
	h.told[what] = true
	return first
}
