package miner

import (
	"context"

	"quarry/work"
)

// Source gives jobs and judges shares: a pool, a node, a fixed job.
type Source interface {
	// Run publishes jobs until ctx ends or there is no hope of more; nil as a
	// job means that there is nothing to work on at present. It returns after
	// all that it started has ended.
	Run(ctx context.Context, publish func(*work.Job)) error
	// Submit delivers a share and waits for the verdict. It is called from
	// several goroutines at once.
	Submit(ctx context.Context, share *work.Share) work.Verdict
}
