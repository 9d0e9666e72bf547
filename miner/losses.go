package miner

import (
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lossPause is how long further such shares are counted rather than logged.
const lossPause = 10 * time.Second

// losses logs shares that are lost, or not sent as stale: one at once, those that
// follow within the pause in one line for each reason. A pool that hangs up, or
// a block while it was away, may cost thousands.
type losses struct {
	log  *zap.Logger
	more string // the message about those that followed

	mu    sync.Mutex
	pause *time.Timer // not nil: losses are counted
	count map[string]uint64
}

// add logs one loss by line, or counts it by its reason.
func (l *losses) add(reason string, line func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause != nil {
		l.count[reason]++
		return
	}
	l.count = make(map[string]uint64)
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
	for _, reason := range slices.Sorted(maps.Keys(l.count)) {
		l.log.Warn(l.more, zap.Uint64("shares", l.count[reason]), zap.String("reason", reason))
	}
	l.count = nil
}
