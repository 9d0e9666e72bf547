package upstream

import (
	"context"
	"math/rand/v2"
	"time"
)

// Clock is time and chance, replaceable in tests.
type Clock struct {
	Now    func() time.Time
	Wait   func(context.Context, time.Duration) error                    // returns the context's error
	After  func(time.Duration) (over <-chan time.Time, stop func() bool) // a timer
	Jitter func() float64                                                // between -1 and 1
}

// RealClock returns the system's time, and random jitter.
func RealClock() Clock {
	return Clock{Now: time.Now, Wait: wait, After: after, Jitter: func() float64 { return 2*rand.Float64() - 1 }}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func after(d time.Duration) (<-chan time.Time, func() bool) {
	timer := time.NewTimer(d)
	return timer.C, timer.Stop
}
