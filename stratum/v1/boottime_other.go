//go:build !linux

package v1

import "time"

// realTime is the time since some fixed moment, the time that the machine
// slept included. It goes by the wall clock: one that is set forward looks
// like sleep.
func realTime() time.Duration { return wallTime() }
