package v1

import "syscall"

// setLowWater sets how many bytes must be there before the system tells that
// there is something to read (SO_RCVLOWAT, socket(7)). A failure costs time only.
func setLowWater(c syscall.Conn, bytes int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
	})
}
