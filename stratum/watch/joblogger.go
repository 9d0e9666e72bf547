package watch

import (
	"go.uber.org/zap"

	"quarry/bitcoin"
	"quarry/work"
)

// jobLogger logs new blocks and difficulties. When a pool sends many at
// once, the rest waits for the next check, and then only the newest is logged.
type jobLogger struct {
	log     *zap.Logger
	history *History // what earlier sessions logged is not logged again
	pace    Limiter
	waiting bool // for the next check
	last    *work.Job
}

// note logs what is new with the job, now or at the next check.
func (l *jobLogger) note(job *work.Job) {
	l.last = job
	switch {
	case l.waiting || !l.isNews(job):
	case l.pace.Allow(job.Received):
		l.say(job)
	default:
		l.waiting = true
	}
}

// catchUp logs what was postponed.
func (l *jobLogger) catchUp() {
	if l.waiting && l.isNews(l.last) {
		l.say(l.last)
	}
	l.waiting = false
}

func (l *jobLogger) isNews(job *work.Job) bool { return l.newBlock(job) || l.newDifficulty(job) }

func (l *jobLogger) newBlock(job *work.Job) bool {
	return l.history.logged == nil || l.history.logged.PrevHash != job.PrevHash
}

func (l *jobLogger) newDifficulty(job *work.Job) bool {
	return l.history.logged == nil || l.history.logged.Difficulty.Target() != job.Difficulty.Target()
}

func (l *jobLogger) say(job *work.Job) {
	if l.newBlock(job) {
		l.log.Info("new block", height(job), zap.Stringer("previous", job.PrevHash), networkDifficulty(job))
	}
	if l.newDifficulty(job) {
		l.log.Info("difficulty", zap.Float64("difficulty", job.Difficulty.Float64()))
	}
	l.history.logged = job
}

// height is that of the block that the job is for; it leaves out what is not known.
func height(job *work.Job) zap.Field {
	if height, known := bitcoin.CoinbaseHeight(job.Coinb1); known {
		return zap.Uint64("height", height)
	}
	return zap.Skip()
}

// networkDifficulty leaves out what is not known.
func networkDifficulty(job *work.Job) zap.Field {
	if !job.NetworkKnown {
		return zap.Skip()
	}
	return zap.Float64("network_difficulty", job.NetworkTarget.Difficulty())
}
