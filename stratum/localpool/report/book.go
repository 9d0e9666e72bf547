package report

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"quarry/stratum/localpool"
)

// Bounds of what strangers can make a Book remember.
const (
	mostWorkers = 256
	mostName    = 64 // bytes
	others      = "(others)"
)

// hashesPerDifficulty is how many hashes a share of difficulty 1 takes on
// average: 2^48 / 65535.
const hashesPerDifficulty = float64(1<<48) / 65535

// Worker is what one worker's shares came to.
type Worker struct {
	Name     string  `json:"worker"`
	Accepted uint64  `json:"accepted"`
	Rejected uint64  `json:"rejected"`
	Hashes   float64 `json:"hashes"` // expected for the accepted shares
	Best     float64 `json:"best_difficulty"`
}

// rateSeconds is how far back a rate looks.
const rateSeconds = 60

// Book adds up shares by worker. The zero value is empty.
type Book struct {
	mu      sync.Mutex
	workers map[string]*Worker
	seconds [rateSeconds]float64 // hashes, by second modulo rateSeconds
	newest  int64                // second that was booked last, Unix time
}

// Judged books a share; it is for [localpool.Config].
func (b *Book) Judged(_ string, share localpool.Submission, v localpool.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.worker(share.Worker)
	if !v.Accepted() {
		w.Rejected++
		return
	}
	w.Accepted++
	hashes := v.Asked * hashesPerDifficulty
	w.Hashes += hashes
	b.turn(time.Now())
	b.seconds[b.newest%rateSeconds] += hashes
	w.Best = max(w.Best, v.Achieved)
}

// turn empties the seconds that have passed. Caller holds mu.
func (b *Book) turn(now time.Time) {
	second := now.Unix()
	for s := max(b.newest+1, second-rateSeconds+1); s <= second; s++ {
		b.seconds[s%rateSeconds] = 0
	}
	b.newest = max(b.newest, second)
}

// Rate returns the hashes per second that the accepted shares of the last minute
// stand for, or of the time up if that is shorter. Miners may have come and gone.
func (b *Book) Rate(now time.Time, up time.Duration) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	var sum float64
	for _, hashes := range b.seconds {
		sum += hashes
	}
	return sum / min(rateSeconds, max(1, up.Seconds()))
}

// worker returns the entry of a name. Caller holds mu.
func (b *Book) worker(name string) *Worker {
	name = strings.ToValidUTF8(name[:min(len(name), mostName)], "?")
	w, known := b.workers[name]
	if !known && len(b.workers) >= mostWorkers {
		name = others
		w, known = b.workers[name]
	}
	if !known {
		w = &Worker{Name: name}
		if b.workers == nil {
			b.workers = make(map[string]*Worker)
		}
		b.workers[name] = w
	}
	return w
}

// Workers returns the entries by name.
func (b *Book) Workers() []Worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Worker, 0, len(b.workers))
	for _, name := range slices.Sorted(maps.Keys(b.workers)) {
		all = append(all, *b.workers[name])
	}
	return all
}
