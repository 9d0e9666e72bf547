package transport

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout has the system end a connection on which nothing that was sent
// has been acknowledged for that long. (It is the machine of the peer that
// acknowledges, also for a program that is stopped.) Otherwise a cut cable
// shows only in the absence of answers. It is not essential: an error does not
// matter.
func setUserTimeout(conn syscall.RawConn, d time.Duration) {
	_ = conn.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
}
