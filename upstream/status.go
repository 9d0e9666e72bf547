package upstream

import (
	"context"
	"errors"
	"time"

	"quarry/telemetry"
)

// Status returns the members' states, in their order.
func (c *Client) Status() []telemetry.PoolStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	c.noteStates(now) // a pause may be over, which nothing else says
	all := make([]telemetry.PoolStatus, len(c.members))
	for i, m := range c.members {
		status := telemetry.PoolStatus{
			Name: m.Name, URL: m.URL, User: m.User, State: m.shown, Since: m.shownSince,
			Connects: m.connects, Failures: m.failures, Waiting: m.queued,
		}
		if m.session != nil {
			status.Connected = true
			session := m.session.Status()
			status.Difficulty, status.PaysUser = telemetry.Known(session.Difficulty.Float64()), session.PaysUser
		} else if m.linked && m.next.After(now) {
			status.RetryAt = m.next
		}
		if m.lastError != nil && !errors.Is(m.lastError, context.Canceled) { // which is our own end
			status.LastError = telemetry.Text(m.lastError.Error())
		}
		all[i] = status
	}
	return all
}

// noteStates records since when the members are in their states.
// Caller holds mu.
func (c *Client) noteStates(now time.Time) {
	for _, m := range c.members {
		if state := m.stateOf(c.active == m, now); state != m.shown {
			m.shown, m.shownSince = state, now
		}
	}
}

func (m *member) stateOf(active bool, now time.Time) telemetry.PoolState {
	switch {
	case active:
		return telemetry.PoolActive
	case m.leaving && m.session != nil:
		return telemetry.PoolLeaving
	case !m.working.IsZero():
		return telemetry.PoolReady
	case m.dead:
		return telemetry.PoolFailed
	case m.resting && m.next.After(now):
		return telemetry.PoolResting
	case !m.linked:
		return telemetry.PoolUnused
	case m.session == nil && m.next.After(now):
		return telemetry.PoolWaiting
	}
	return telemetry.PoolConnecting
}
