package fault

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"time"

	"quarry/stratum/localpool"
)

// jobs is what the job faults remember. The session's lock guards it.
type jobs struct {
	current *localpool.Job    // the newest one of the pool
	before  *localpool.Notify // one of the block before; nil: unknown
	held    *localpool.Notify // of the block that old-block stays on
}

// Job implements [localpool.Faults].
func (c *connection) Job(job *localpool.Job) *localpool.Job {
	if c.withholds() {
		return nil
	}
	previous := c.current
	if previous != nil && previous.PrevHash != job.PrevHash {
		c.before = &previous.Notify
	}
	c.current = job
	n, stale := job.Notify, false
	if s, on := c.on[oldBlock]; on && time.Since(c.began) >= s.time {
		if c.held == nil {
			c.held = &job.Notify
			if previous != nil {
				c.held = &previous.Notify
			}
		}
		n = onBlockOf(n, *c.held)
		if n.PrevHash != job.PrevHash {
			c.plan.count(oldBlock)
		}
	}
	if c.happens(oldJobs) {
		if c.before == nil { // made up
			older := job.Notify
			older.PrevHash = randomHash(c.dice[oldJobs])
			c.before = &older
		}
		n, stale = onBlockOf(n, *c.before), true
		c.plan.count(oldJobs)
	}
	if _, on := c.on[duplicateJobID]; on {
		n.JobID = "1"
		c.plan.count(duplicateJobID)
	}
	if _, on := c.on[forgetJobs]; on { // a pool that has forgotten its jobs gives other ids to new ones
		n.JobID = strconv.FormatUint(c.number, 16) + "-" + n.JobID
	}
	if n.JobID == job.JobID && n.PrevHash == job.PrevHash {
		return job
	}
	altered, err := job.Altered(n, stale)
	if err != nil { // not possible: its parts were taken from jobs
		return job
	}
	return altered
}

// withholds reports whether no job is sent now.
func (c *connection) withholds() bool {
	if _, on := c.on[noJob]; on {
		c.plan.count(noJob)
		return true
	}
	if s, on := c.on[lastJob]; on && time.Since(c.began) >= s.time {
		c.plan.count(lastJob)
		return true
	}
	if s, on := c.on[lateJob]; on && !c.freed.Load() {
		if c.release.CompareAndSwap(0, time.Now().Add(s.time).UnixNano()) {
			c.plan.count(lateJob)
			c.look()
		}
		return true
	}
	return false
}

// nudged ends the wait of late-job: the miner asked something after its authorize.
func (c *connection) nudged() {
	if c.release.Load() != 0 && !c.freed.Load() {
		c.release.Store(time.Now().UnixNano())
		c.look()
	}
}

// look wakes Run.
func (c *connection) look() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// onBlockOf returns n with the block of other: its parent, height and difficulty.
func onBlockOf(n, other localpool.Notify) localpool.Notify {
	n.PrevHash, n.Coinb1, n.NBits = other.PrevHash, other.Coinb1, other.NBits
	return n
}

func randomHash(dice *rand.Rand) string {
	var b [32]byte
	for i := range 23 {
		b[i] = byte(dice.Uint32())
	}
	return hex.EncodeToString(b[:])
}
