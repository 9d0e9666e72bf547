package stratum

import (
	"time"

	"quarry/stratum/v1"
)

// Status is a snapshot of a client for people and interfaces to read.
type Status struct {
	Pool      string // the URL of the pool in use, or of the one tried last
	Connected bool
	Since     time.Time // of the connection, or of its loss; zero before the first
	Connects  int       // connections made so far
	RetryAt   time.Time // when the pool is tried again, zero if it is not waited for
	LastError error     // why the last connection failed or ended

	v1.Status // of the session, if there is one
}

// Status returns the present snapshot.
func (c *Client) Status() Status {
	c.mu.Lock()
	status, s := c.status, c.sessions[c.generation]
	c.mu.Unlock()
	if s != nil {
		status.Status = s.Status()
	}
	return status
}

func (c *Client) update(change func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.status)
}
