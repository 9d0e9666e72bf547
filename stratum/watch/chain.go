package watch

import (
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
	"quarry/work"
)

// chain checks what the jobs say about the block chain. It never changes what is
// mined: that is the pool's decision.
type chain struct {
	log     *zap.Logger
	history *History
	health  *health

	logged map[string]bool // what is logged once in a session
	newest *work.Job
	blocks []hashing.Hash // previous hashes of the jobs, oldest first, each once
	back   time.Time      // when it was last logged that one came back
	stuck  bool           // reported

	first  *work.Job
	ahead  time.Duration // by which the jobs' time was at most ahead of the first job's and the time since
	frozen time.Duration // by which it lags behind that now
}

// note looks at a new job.
func (c *chain) note(job *work.Job) {
	c.noteNetwork(job)
	c.noteTime(job)
	c.noteBlock(job)
	c.newest = job
}

// noteNetwork compares the network's difficulty with those of before and of
// the shares.
func (c *chain) noteNetwork(job *work.Job) {
	if !job.NetworkKnown {
		return
	}
	now := job.NetworkTarget.Difficulty()
	if before := c.history.network(now); before > 0 && (now > maxNetworkStep*before || before > maxNetworkStep*now) && c.once("network") {
		c.log.Warn("network difficulty jumped implausibly", event.Advice("are there two chains behind this host name?"),
			zap.Float64("network_difficulty_before", before), zap.Float64("network_difficulty", now))
	}
	if job.Difficulty.Target().Cmp(job.NetworkTarget) < 0 && !c.history.above {
		c.history.above = true
		c.log.Warn("difficulty above the network's", event.Consequence("blocks that are too weak for a share are sent too: at most one for a job, and one in ten seconds where any hash makes one"),
			zap.Float64("difficulty", job.Difficulty.Float64()), zap.Float64("network_difficulty", now))
	}
}

// noteTime compares the job's time with ours. Our clock may be wrong, and so
// may the pool's: only that its time stands still while ours passes says that
// the pool's node is stuck.
func (c *chain) noteTime(job *work.Job) {
	if c.first == nil {
		c.first = job
	}
	passed := job.Received.Sub(c.first.Received)
	ahead := time.Duration(int64(job.NTime)-int64(c.first.NTime))*time.Second - passed
	c.ahead = max(c.ahead, ahead)
	c.frozen = c.ahead - ahead
	if skew := age(job); skew.Abs() > maxSkew && c.once("time") {
		c.log.Warn("clock and job time are hours apart", event.Advice("one of them is wrong; jobs are used as they are"),
			zap.Time("job_time", time.Unix(int64(job.NTime), 0).UTC()), zap.Time("clock_time", job.Received.UTC()))
	}
}

// age is how old the job was when it arrived, by its own time.
func age(job *work.Job) time.Duration {
	return time.Duration(job.Received.Unix()-int64(job.NTime)) * time.Second
}

// noteBlock looks for a block that was the newest before.
func (c *chain) noteBlock(job *work.Job) {
	if c.newest != nil && c.newest.PrevHash == job.PrevHash {
		return
	}
	if i := slices.Index(c.blocks, job.PrevHash); i >= 0 {
		c.blocks = slices.Delete(c.blocks, i, i+1)
		if c.back.IsZero() || job.Received.Sub(c.back) > time.Minute {
			c.back = job.Received
			c.log.Info("pool went back to an earlier block", zap.Stringer("previous", job.PrevHash))
		}
	}
	c.blocks = append(c.blocks, job.PrevHash)
	c.blocks = c.blocks[max(len(c.blocks)-blockMemory, 0):]
	c.history.block(job.PrevHash, job.Received)
}

// check reports a chain that stands still, and when it moves again.
func (c *chain) check(now time.Time) {
	if c.newest == nil {
		return
	}
	reason := c.reason(now)
	switch {
	case reason != nil && !c.stuck:
		c.log.Warn("pool's node may be stuck", event.Consequence("shares may be worth nothing"), zap.Error(reason))
	case reason == nil && c.stuck:
		c.log.Info("pool's chain moves again")
	default:
		return
	}
	c.stuck = reason != nil
	c.health.set(ErrStuckBlock, reason)
}

func (c *chain) reason(now time.Time) error {
	if age := now.Sub(c.history.newSince); age > maxBlockTime && c.newest.BlocksAreRare() {
		return fmt.Errorf("%w: no new block for %v", ErrStuckBlock, age.Round(time.Minute))
	}
	if old := age(c.newest); old > maxSkew && c.frozen > minFrozen {
		return fmt.Errorf("%w: its newest job is of %v ago by its own time, which stopped %v ago",
			ErrStuckBlock, old.Round(time.Minute), c.frozen.Round(time.Minute))
	}
	return nil
}

// once reports whether it is the first time.
func (c *chain) once(what string) bool {
	if c.logged[what] {
		return false
	}
	if c.logged == nil {
		c.logged = make(map[string]bool)
	}
	c.logged[what] = true
	return true
}
