package v1

import (
	"sync"
	"time"

	"quarry/hashing"
	"quarry/work"
)

// Habits is what was learnt about a pool that outlives its sessions. The zero
// Habits is ready to use, also by several sessions at once.
type Habits struct {
	mu sync.Mutex

	newest     hashing.Hash // the previous hash of the newest job
	newSince   time.Time
	difficulty float64 // of the network, 0: not known

	told *work.Job // whose block and difficulty were logged last

	lowAfterRaise int  // shares rejected as too weak for a newer difficulty than their job's
	newestCounts  bool // enough of them
	masked        bool // version bits are sent masked: see work.Job.MaskedBits
	bitsSettled   bool // whether they are will not change any more
}

// block takes note of the newest job's block.
func (h *Habits) block(previous hashing.Hash, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.newSince.IsZero() || previous != h.newest {
		h.newest, h.newSince = previous, now
	}
}

// since is how long the newest block has been the newest.
func (h *Habits) since() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newSince
}

// network takes note of the network's difficulty and returns the one before.
func (h *Habits) network(difficulty float64) (before float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.difficulty = h.difficulty, difficulty
	return before
}

func (h *Habits) tell(job *work.Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = job
}

func (h *Habits) lastTold() *work.Job {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told
}
