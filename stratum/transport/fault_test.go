package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestDialFaults has what the system and name servers say, as Go hands it on.
func TestDialFaults(t *testing.T) {
	const address = "pool.example:3333"
	call := func(code syscall.Errno) error {
		at := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3333}
		return &net.OpError{Op: "dial", Net: "tcp", Addr: at, Err: os.NewSyscallError("connect", code)}
	}
	lookup := func(e net.DNSError) error {
		e.Name = "pool.example"
		return &net.OpError{Op: "dial", Net: "tcp", Err: &e}
	}
	for _, c := range []struct {
		err        error
		code, what string
	}{
		{call(connectionRefused), "refused", "connection refused: nothing listens at pool.example:3333 (192.0.2.1)"},
		{call(connectionTimedOut), "no_answer", "no answer from pool.example:3333 (192.0.2.1)"},
		{&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, "no_answer", "no answer from pool.example:3333"},
		{call(connectionReset), "reset", "pool.example:3333 (192.0.2.1) broke off the connection"},
		{call(hostUnreachable), "unreachable", "this machine has no way to pool.example:3333 (192.0.2.1)"},
		{call(networkUnreachable), "unreachable", "this machine has no way to"},
		{call(accessDenied), "forbidden", "the system forbids connections to"},
		{call(notPermitted), "forbidden", "the system forbids connections to"},
		{call(tooManyFiles), "too_many_files", "too many files and connections are open"},
		{call(syscall.Errno(1 << 20)), "connect_failed", "cannot connect to pool.example:3333 (192.0.2.1) ("},
		{lookup(net.DNSError{Err: "no such host", IsNotFound: true, Server: "192.0.2.53:53"}), "name_unknown", `no such host: "pool.example"`},
		{lookup(net.DNSError{Err: "i/o timeout", IsTimeout: true, Server: "192.0.2.53:53"}), "name_server_silent", "the name server 192.0.2.53:53 does not answer"},
		{lookup(net.DNSError{Err: "server misbehaving", IsTemporary: true}), "name_server_failed", "this machine's name server cannot look up"},
	} {
		var f *Fault
		if err := dialFault(address, c.err); !errors.As(err, &f) || f.Code != c.code || !strings.HasPrefix(f.What, c.what) || f.Remedy == "" || !errors.Is(err, c.err) {
			t.Errorf("%v: %v, want %s", c.err, err, c.code)
		}
		if strings.Contains(f.Error(), "dial tcp") || strings.Contains(f.Error(), "connect: connect") {
			t.Errorf("stutters: %s", f)
		}
	}
	if err := dialFault(address, fmt.Errorf("dial: %w", context.Canceled)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
