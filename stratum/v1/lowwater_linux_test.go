package v1

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"quarry/stratum/stratumtest"
)

// TestLowWater: a reader that dozes is not woken for packets, and is woken for
// each byte afterwards.
func TestLowWater(t *testing.T) {
	conn := dial(t, stratumtest.Serve(t, (*stratumtest.Conn).Hang).Address)
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	l := NewLines(conn, Limits{})
	bytes := func() (n int) {
		var got error
		err := raw.Control(func(fd uintptr) { n, got = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT) })
		if err != nil || got != nil {
			t.Fatal(err, got)
		}
		return n
	}
	l.Doze(true)
	if n := bytes(); n < 64<<10 { // the system allows half of what its buffers may have (tcp_rmem)
		t.Errorf("woken for %d bytes", n)
	}
	l.Doze(false)
	if n := bytes(); n != 1 {
		t.Errorf("not woken for less than %d bytes", n)
	}
}
