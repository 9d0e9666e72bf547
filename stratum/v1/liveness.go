package v1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"quarry/stratum/watch"
)

// Ends of a session that worked, from which the caller decides what to do next.
var (
	// ErrSuspended: this machine slept, or the process was stopped. The
	// connection may be dead without knowing it; that is not the pool's fault.
	ErrSuspended = errors.New("the machine or the process was suspended")
	// ErrDeauthorized: the pool refuses shares because it no longer knows their
	// user. A new handshake may help, once.
	ErrDeauthorized = errors.New("the pool no longer knows the user")
)

// stay monitors a session that works until it ends.
func (s *Session) stay(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	awake := watch.SuspendDetector{Clock: s.realTime}
	awake.Gap(time.Now())
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.conn.done:
			if gap := awake.Gap(time.Now()); gap > s.cfg.Limits.Gap { // noticed first by the read deadline
				return fmt.Errorf("%w for %v: %w", ErrSuspended, gap.Round(time.Second), s.conn.why())
			}
			return s.conn.why()
		case <-ticker.C:
			now := time.Now()
			if gap := awake.Gap(now); gap > s.cfg.Limits.Gap {
				return fmt.Errorf("%w for %v: connecting again", ErrSuspended, gap.Round(time.Second))
			}
			err := cmp.Or(s.watch.Check(now), s.cfg.Suggest.TooLate(now))
			if err == nil {
				err = s.ask(s.cfg.Suggest.Again(now))
			}
			if err != nil {
				return err
			}
		}
	}
}
