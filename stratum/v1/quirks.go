package v1

import (
	"sync"

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
}
