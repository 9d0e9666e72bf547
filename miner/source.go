package miner

import (
	"context"

	"quarry/telemetry"
	"quarry/work"
)

// Source gives jobs and judges shares: a pool, a node, a fixed job.
type Source interface {
	// Run publishes jobs until ctx ends or there is no hope of more, which is
	// work.ErrNoWork; nil as a job means that there is nothing to work on at
	// present. It holds no lock while it publishes that Status needs, and returns
	// after all that it started has ended.
	Run(ctx context.Context, publish func(*work.Job)) error
	// Submit delivers a share and waits for the verdict. It is called from
	// several goroutines at once.
	Submit(ctx context.Context, share *work.Share) work.Verdict
	// Status returns what pools or nodes there are, and how they are, in the order
	// of preference. Their Name is that of their jobs (work.Job.Pool). It may be
	// called at any time, and does not wait for a network.
	Status() []telemetry.PoolStatus
}
