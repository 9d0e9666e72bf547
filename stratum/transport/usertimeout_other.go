//go:build !linux

package transport

import (
	"syscall"
	"time"
)

// setUserTimeout does nothing: not every system can end a connection on which
// nothing is acknowledged, so that the limits on answers have to do.
func setUserTimeout(syscall.RawConn, time.Duration) {}
