package miner

import (
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lossPause is how long further losses are counted rather than logged.
const lossPause = 10 * time.Second

// losses logs lost shares: one at once, those that follow within the pause in
// one line for each reason. A pool that hangs up may take thousands with it.
type losses struct {
	log *zap.Logger

	mu    sync.Mutex
	pause *time.Timer // runs: losses are counted
	more  map[string]uint64
}

// tell logs one loss by line, or counts it by its reason.
func (l *losses) tell(reason string, line func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause != nil {
		l.more[reason]++
		return
	}
	l.more = make(map[string]uint64)
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
	for _, reason := range slices.Sorted(maps.Keys(l.more)) {
		l.log.Warn("more shares lost", zap.Uint64("shares", l.more[reason]), zap.String("reason", reason))
	}
	l.more = nil
}
