package v1

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/work"
)

// tellPause is how long a teller keeps quiet once it has spoken often.
const tellPause = time.Second

// teller logs new blocks and difficulties. A hasty pool has several told at
// once, and then only what holds after a pause.
type teller struct {
	log    *zap.Logger
	habits *Habits // what the sessions before have told is no news

	mu    sync.Mutex
	told  *work.Job // the last one whose block and difficulty were logged
	pace  limiter
	pause *time.Timer // runs: last is told when it ends
	last  *work.Job
}

func newTeller(log *zap.Logger, habits *Habits) *teller {
	return &teller{log: log, habits: habits, told: habits.lastTold(), pace: limiter{burst: burst}}
}

// tell logs what is new with the job, now or after the pause.
func (t *teller) tell(job *work.Job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = job
	switch {
	case t.pause != nil || !t.isNews(job):
	case t.pace.allow(time.Now()):
		t.say(job)
	default:
		t.pause = time.AfterFunc(tellPause, t.catchUp)
	}
}

// catchUp ends the pause.
func (t *teller) catchUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pause == nil { // silenced
		return
	}
	t.pause = nil
	if t.isNews(t.last) {
		t.say(t.last)
	}
}

// silence ends the teller.
func (t *teller) silence() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pause != nil {
		t.pause.Stop()
		t.pause = nil
	}
}

func (t *teller) isNews(job *work.Job) bool { return t.newBlock(job) || t.newDifficulty(job) }

func (t *teller) newBlock(job *work.Job) bool {
	return t.told == nil || t.told.PrevHash != job.PrevHash
}

func (t *teller) newDifficulty(job *work.Job) bool {
	return t.told == nil || t.told.Difficulty.Target() != job.Difficulty.Target()
}

func (t *teller) say(job *work.Job) {
	if t.newBlock(job) {
		t.log.Info("new block", zap.Stringer("previous", job.PrevHash), networkDifficulty(job))
	}
	if t.newDifficulty(job) {
		t.log.Info("difficulty", zap.Float64("difficulty", job.Difficulty.Float64()))
	}
	t.told = job
	t.habits.tell(job)
}

// networkDifficulty leaves out what is not known.
func networkDifficulty(job *work.Job) zap.Field {
	if !job.NetworkKnown {
		return zap.Skip()
	}
	return zap.Float64("network_difficulty", job.NetworkTarget.Difficulty())
}
