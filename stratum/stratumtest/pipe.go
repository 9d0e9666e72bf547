package stratumtest

import (
	"net"
	"testing"
)

// Pipe returns an in-memory connection to a pool that runs the script: it works
// in a synctest bubble, where time passes as fast as the test allows. The script
// ends when the connection is closed, at the latest with the test.
func Pipe(t testing.TB, script Script) net.Conn {
	ours, its := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer its.Close()
		script(lineConn(t, its))
	}()
	t.Cleanup(func() { its.Close(); <-done })
	return ours
}
