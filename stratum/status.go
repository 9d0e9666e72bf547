package stratum

import (
	"time"

	"quarry/stratum/v1"
)

// Status is a snapshot of a client for people and interfaces to read.
type Status struct {
	Pool      string // the URL of the pool that is hashed for, else of the best one that is tried; empty before Run
	Connected bool
	Since     time.Time // of the connection, or of its loss; zero before the first
	Connects  int       // connections made so far, to all pools
	RetryAt   time.Time // when the pool is tried again, zero if it is not waited for
	LastError error     // why the pool's last connection failed or ended

	v1.Status // of the session, if there is one
}

// Status returns the present snapshot.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := Status{Connects: c.connects}
	p := c.shownPool()
	if p == nil {
		return status
	}
	status.Pool, status.Since, status.LastError = p.url.String(), p.since, p.lastError
	switch {
	case p.session != nil:
		status.Connected, status.Status = true, p.session.Status()
	case p.next.After(c.clock.now()):
		status.RetryAt = p.next
	}
	return status
}

func (c *Client) shownPool() *pool {
	if c.active != nil {
		return c.active
	}
	for _, p := range c.pools {
		if p.wanted {
			return p
		}
	}
	return nil
}
