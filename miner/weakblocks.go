package miner

import (
	"context"
	"sync"
	"time"

	"quarry/work"
)

const (
	// easyPause is the least time between two weak blocks on a network where any
	// miner finds them at once (regtest): each may bring a new job, for which there
	// is another one.
	easyPause = 10 * time.Second
	// maxEasyPause is what the pause grows to while the pool rejects them.
	maxEasyPause = 10 * time.Minute
)

// weakBlocks are blocks that are too weak for a share, on a network that is easier
// than the pool's shares. At most one for a job is sent: the pool may want it for the
// network, or reject it. Where the network is so easy that devices do not
// search for them, run finds them, at most one in easyPause.
type weakBlocks struct {
	search *Search

	mu    sync.Mutex
	sent  *work.Job     // for which one was sent
	next  time.Time     // not before
	pause time.Duration // until then, from the one before; 0: easyPause
}

// admit reports whether the share is to be sent, if it is a weak block.
func (w *weakBlocks) admit(share *work.Share, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if share.Job == w.sent {
		return false
	}
	w.sent, w.next = share.Job, now.Add(max(w.pause, easyPause))
	return true
}

// judged learns from the verdict on a weak block: what is rejected each time is sent
// ever less often.
func (w *weakBlocks) judged(verdict work.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch verdict.Kind {
	case work.Accepted:
		w.pause = easyPause
	case work.Rejected:
		w.pause = min(2*max(w.pause, easyPause), maxEasyPause)
	}
}

// run finds a block for each job that hides them, until ctx ends.
func (w *weakBlocks) run(ctx context.Context) {
	var part work.Work
	for a := w.search.Await(ctx); a != nil; a = w.search.Await(ctx) {
		if a.Job.HidesBlocks() && w.rest(ctx, a) {
			w.find(ctx, &part, a)
		}
		select {
		case <-ctx.Done():
		case <-a.replaced:
		}
	}
}

// rest waits until the next weak block may be sent. It reports whether the
// assignment is still the newest.
func (w *weakBlocks) rest(ctx context.Context, a *Assignment) bool {
	w.mu.Lock()
	wait := time.Until(w.next)
	w.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-a.replaced:
	case <-timer.C:
		return true
	}
	return false
}

// find hashes until there is a block. Two hashes are enough on regtest; where it
// takes millions devices find them too often to leave them to the share target.
func (w *weakBlocks) find(ctx context.Context, part *work.Work, a *Assignment) {
	start, ok := w.search.Next(ctx, part, a, 1)
	if !ok {
		return
	}
	const batch = 1 << 12 // between looks at the assignment
	for n := uint32(0); ; n++ {
		if n%batch == 0 && (ctx.Err() != nil || w.search.Newest() != a) {
			return
		}
		if share := part.Block(start + n); share != nil {
			w.search.Found(share)
			return
		}
	}
}
