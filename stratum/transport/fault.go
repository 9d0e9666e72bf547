package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Fault is why a server cannot be reached, in words for people.
type Fault struct {
	Code   string // names the kind of fault for programs, such as "refused"
	What   string // what happened
	Remedy string // what to do about it; empty if nothing is known
	Pin    string // see [TLSOptions]; of a certificate that was not accepted
	Err    error  // the cause; nil if What says all
}

// Error is what happened and what to do.
func (f *Fault) Error() string {
	if f.Remedy == "" {
		return f.What
	}
	return f.What + ": " + f.Remedy
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Cause is what happened, without the remedy.
func (f *Fault) Cause() string { return f.What }

// FaultCode names the kind of fault for programs.
func (f *Fault) FaultCode() string { return f.Code }

// dialFault explains why no connection to the address, host:port, was made.
func dialFault(address string, err error) error {
	var known *Fault
	var dns *net.DNSError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("connect: %w", context.Canceled)
	case errors.As(err, &dns):
		return nameFault(dns, err)
	}
	f := socketFault(address, err)
	f.Err = err
	return f
}

// nameFault explains why a name has no address.
func nameFault(dns *net.DNSError, err error) *Fault {
	server := "this machine's name server"
	if dns.Server != "" {
		server = "the name server " + dns.Server
	}
	switch {
	case dns.IsNotFound:
		return &Fault{"name_unknown", fmt.Sprintf("no such host: %.80q", dns.Name), "check the name in the url, and this machine's name server", "", err}
	case dns.IsTimeout:
		return &Fault{"name_server_silent", fmt.Sprintf("%s does not answer (looking up %.80q)", server, dns.Name), "check this machine's network and its name server", "", err}
	}
	return &Fault{"name_server_failed", fmt.Sprintf("%s cannot look up %.80q (%.80s)", server, dns.Name, dns.Err), "check this machine's network and its name server, or try again later", "", err}
}

// socketFault explains an error of the system.
func socketFault(address string, err error) *Fault {
	const checkPort = "check host and port"
	place := address
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil && op.Addr.String() != address {
		if ip, _, err := net.SplitHostPort(op.Addr.String()); err == nil {
			place += " (" + ip + ")"
		}
	}
	is := func(codes ...syscall.Errno) bool {
		for _, code := range codes {
			if errors.Is(err, code) {
				return true
			}
		}
		return false
	}
	switch {
	case is(connectionRefused):
		return &Fault{Code: "refused", What: "connection refused: nothing listens at " + place, Remedy: checkPort + ", and that the server runs"}
	case isTimeout(err), is(connectionTimedOut):
		return &Fault{Code: "no_answer", What: "no answer from " + place, Remedy: checkPort + ", and whether a firewall is in between"}
	case is(connectionReset, connectionAborted):
		return &Fault{Code: "reset", What: place + " broke off the connection", Remedy: checkPort + ", and whether a firewall is in between"}
	case strings.HasPrefix(address, "[fe80:") && !hasInterface(address):
		return zoneFault(place)
	case is(hostUnreachable, networkUnreachable, networkDown, hostDown, addressNotAvailable):
		return &Fault{Code: "unreachable", What: "this machine has no way to " + place, Remedy: "check the address and this machine's network (is it IPv6 that is missing?)"}
	case is(accessDenied, notPermitted):
		return &Fault{Code: "forbidden", What: "the system forbids connections to " + place, Remedy: "allow them in this machine's firewall or sandbox"}
	case is(tooManyFiles, tooManyFilesInSystem):
		return &Fault{Code: "too_many_files", What: "too many files and connections are open", Remedy: "raise the limit (ulimit -n)"}
	}
	return &Fault{Code: "connect_failed", What: fmt.Sprintf("cannot connect to %s (%v)", place, plainCause(err)), Remedy: checkPort}
}

// plainCause is an error of the system without the steps and addresses that Go
// puts before it.
func plainCause(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	switch {
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// hasInterface reports whether an address names one of this machine's interfaces.
func hasInterface(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	_, zone, _ := strings.Cut(host, "%")
	if number, err := strconv.Atoi(zone); err == nil {
		_, err = net.InterfaceByIndex(number)
		return err == nil
	}
	_, err := net.InterfaceByName(zone)
	return err == nil
}

// zoneFault explains why a link-local address cannot be connected to: which
// interface it is at is no part of the address.
func zoneFault(place string) *Fault {
	var names []string
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
			names = append(names, i.Name)
		}
	}
	has := "has none that is up"
	if len(names) > 0 {
		has = "has " + strings.Join(names, ", ")
	}
	return &Fault{
		Code: "zone", What: "no network interface of this machine leads to " + place,
		Remedy: "name one behind the address, [fe80::1%eth0], in the same letters: this machine " + has,
	}
}
