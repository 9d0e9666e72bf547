//go:build !linux

package stratum

import (
	"syscall"
	"time"
)

// setPatience does nothing: not every system can end a connection on which
// nothing is acknowledged, so that the limits on answers have to do.
func setPatience(syscall.RawConn, time.Duration) {}
