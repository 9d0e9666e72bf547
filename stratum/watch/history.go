package watch

import (
	"time"

	"quarry/hashing"
	"quarry/work"
)

// History is what was seen of a pool and outlives its sessions. The zero History
// is ready to use, by one session after another.
type History struct {
	newest     hashing.Hash // the previous hash of the newest job
	newSince   time.Time
	difficulty float64 // of the network, 0: not known

	above  bool      // it was logged that the network is easier than the shares
	logged *work.Job // whose block and difficulty were logged last
}

// block records the newest job's block.
func (h *History) block(previous hashing.Hash, now time.Time) {
	if h.newSince.IsZero() || previous != h.newest {
		h.newest, h.newSince = previous, now
	}
}

// network records the network's difficulty and returns the one before.
func (h *History) network(difficulty float64) (before float64) {
	before, h.difficulty = h.difficulty, difficulty
	return before
}
