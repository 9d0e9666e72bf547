package upstream

import (
	"time"

	"quarry/work"
)

// events are what the member's session of that number reports.
func (c *Client) events(m *member, number uint64) Events {
	return Events{
		Publish:    func(job *work.Job) { c.jobArrived(m, job) },
		Subscribed: func(resumed bool) { c.subscribed(m, number, resumed) },
		Working:    func() { c.worksNow(m, number) },
		Health:     func(reason error) { c.health(m, number, reason) },
	}
}

// jobArrived takes a job of a session, on its reader's goroutine: that of the
// active member is published at once.
func (c *Client) jobArrived(m *member, job *work.Job) {
	c.locked(func() {
		if !m.present(job.Session) {
			return // of a session that is being left
		}
		m.job, m.lost = job, time.Time{}
		if c.active == nil && m.wanted && !m.leaving {
			c.activate(m, "first pool with work", c.clock.Now())
			c.signal()
		}
		if c.active == m {
			c.show(job)
		}
	})
}

// subscribed records whether the member resumed the previous session. If not, its
// jobs are worthless.
func (c *Client) subscribed(m *member, number uint64, resumed bool) {
	c.change(func() {
		if !m.present(number) {
			return
		}
		if resumed {
			m.refusals = 0
			return
		}
		if m.resume != nil && m.resume.Asks() {
			m.refusals++
		}
		if m.job != nil && m.job.Session != number {
			m.job = nil
			if c.active == m { // the new session's first job is near
				c.active, c.shown = nil, nil
				c.idle = c.clock.Now()
			}
		}
	})
}

// worksNow records that shares can be found and sent.
func (c *Client) worksNow(m *member, number uint64) {
	c.change(func() {
		if !m.present(number) {
			return
		}
		m.working, m.idle, m.unhealthy = c.clock.Now(), time.Time{}, nil
		c.catchUp(m)
		if c.options.NoRetry {
			for _, other := range c.members {
				other.dead = false
			}
		}
	})
}

// catchUp gives a member that begins to work the same served share as those that
// work: what it missed is not made up for.
func (c *Client) catchUp(m *member) {
	weight := func(m *member) float64 { return float64(max(m.Quota, 1)) }
	least := -1.0
	for _, other := range c.members {
		if share := float64(other.served) / weight(other); other != m && other.works() && (least < 0 || share < least) {
			least = share
		}
	}
	m.served = max(m.served, time.Duration(least*weight(m)))
}

// health records why a member is unhealthy although it works; nil: it is healthy again.
func (c *Client) health(m *member, number uint64, reason error) {
	c.change(func() {
		if m.present(number) {
			m.unhealthy = reason
		}
	})
}
