//go:build !linux

package watch

import "time"

// RealTime returns the time since some fixed moment, the time that the machine
// slept included. It goes by the wall clock: one that is set forward looks
// like sleep.
func RealTime() time.Duration { return wallTime() }
