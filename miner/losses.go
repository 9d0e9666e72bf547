package miner

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/work"
)

// lossPause is how long further such shares are counted rather than logged.
const lossPause = 10 * time.Second

// losses logs shares that are lost, or not sent as stale: one at once, those that
// follow within the pause in one line for each reason and pool. A pool that hangs up, or
// a block while it was away, may cost thousands.
type losses struct {
	log  *zap.Logger
	more string // the message about those that followed

	mu    sync.Mutex
	pause *time.Timer // not nil: losses are counted
	count map[loss]uint64
}

// loss is what losses are counted by.
type loss struct{ reason, pool string }

// add logs one loss by line, or counts it.
func (l *losses) add(what loss, line func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause != nil {
		l.count[what]++
		return
	}
	l.count = make(map[loss]uint64)
	l.pause = time.AfterFunc(lossPause, l.flush)
	line()
}

// flush logs what was counted, and ends the pause.
func (l *losses) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause != nil {
		l.pause.Stop()
		l.pause = nil
	}
	inOrder := func(a, b loss) int { return cmp.Or(cmp.Compare(a.reason, b.reason), cmp.Compare(a.pool, b.pool)) }
	for _, what := range slices.SortedFunc(maps.Keys(l.count), inOrder) {
		l.log.Warn(l.more, zap.Uint64("shares", l.count[what]), event.Of("reason", event.Phrase(work.ReasonText(what.reason))), zap.String("pool", what.pool))
	}
	l.count = nil
}
