//go:build !linux

package benchmarks

import "time"

// Elsewhere the time that passes must do: nothing else may run then.
func threadTime() time.Duration { return time.Since(time.Time{}.AddDate(2000, 0, 0)) }
