package v1

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setLowWater sets how many bytes must be there before the system tells that
// there is something to read (SO_RCVLOWAT, socket(7)). A failure costs time only.
func setLowWater(c syscall.Conn, bytes int) {
	conn, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes)
	})
}
