package v1

import (
	"quarry/stratum/watch"
	"sync"
)

// Quirks is what was learnt about a pool and outlives its sessions. The zero
// Quirks is ready to use, by one session after another.
type Quirks struct {
	history watch.History // the present session's watch guards it

	mu sync.Mutex // guards the rest

	lowAfterRaise int  // shares rejected as too weak for a newer difficulty than their job's
	newestCounts  bool // enough of them
	masked        bool // version bits are sent masked: see wire
	bitsSettled   bool // whether they are will not change any more
}
