package miner

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"quarry/internal/event"
	"quarry/work"
)

const (
	// exhaustedPause is how long a worker waits for the clock when a job's
	// space is used up: by then ntime may be rolled one further.
	exhaustedPause = time.Second
	exhaustedQuiet = time.Minute // between two lines about that
)

// Search is what devices get from the pipeline. It is the same for all of them,
// and safe for concurrent use.
type Search struct {
	feed   *feed
	roller *work.Roller
	shares *submitter
	trace  Trace
	log    *zap.Logger

	exhausted struct {
		sync.Mutex
		logged time.Time
	}
}

// Newest returns the newest assignment, at the cost of an atomic load. Batches of
// any other one should end.
func (s *Search) Newest() *Assignment { return s.feed.newest() }

// Await returns the newest assignment that has a job, and waits for one if
// necessary; nil when ctx ends.
func (s *Search) Await(ctx context.Context) *Assignment {
	for ctx.Err() == nil {
		a := s.feed.newest()
		if a.Job != nil {
			return a
		}
		select {
		case <-ctx.Done():
		case <-a.replaced:
		}
	}
	return nil
}

// Next fills w with a part of the assignment's job that no other worker searches,
// of at most so many versions, and returns the nonce to begin with. Kernels that
// watch their prehash's stop word end when the job is replaced. When nothing is left
// of the job, Next waits and ok is false: the assignment may have been replaced.
func (s *Search) Next(ctx context.Context, w *work.Work, a *Assignment, versions int) (nonce uint32, ok bool) {
	nonce, err := s.roller.Next(w, a.Job, versions, time.Since(a.Job.Received))
	if err == nil {
		w.Prehash().Stop = &a.stop.word
		return nonce, true
	}
	s.logExhausted(a.Job) // err is work.ErrExhausted
	pause := time.NewTimer(exhaustedPause)
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-a.replaced:
	case <-pause.C:
	}
	return 0, false
}

// logExhausted logs, at most once a minute, why hashing pauses.
func (s *Search) logExhausted(job *work.Job) {
	s.exhausted.Lock()
	defer s.exhausted.Unlock()
	if !s.exhausted.logged.IsZero() && time.Since(s.exhausted.logged) < exhaustedQuiet {
		return
	}
	s.exhausted.logged = time.Now()
	s.log.Warn("search space exhausted", event.Consequence("no hashing until the next second or job"),
		zap.Int("extranonce2_bytes", job.Extranonce2Size), zap.String("job", job.ID), zap.String("pool", job.Pool))
}

// Switched must be called by each worker just before its first scan of a job.
func (s *Search) Switched(worker int, job *work.Job) {
	if s.trace.Switched != nil {
		s.trace.Switched(worker, job)
	}
}

// Found takes a verified share. It never waits.
func (s *Search) Found(share *work.Share) { s.shares.offer(share) }

// Log returns the session's logger.
func (s *Search) Log() *zap.Logger { return s.log }
