//go:build !windows

package transport

import "syscall"

// What the system says of a connection that it cannot make.
const (
	connectionRefused    = syscall.ECONNREFUSED
	connectionTimedOut   = syscall.ETIMEDOUT
	connectionReset      = syscall.ECONNRESET
	connectionAborted    = syscall.ECONNABORTED
	addressNotAvailable  = syscall.EADDRNOTAVAIL
	hostUnreachable      = syscall.EHOSTUNREACH
	hostDown             = syscall.EHOSTDOWN
	networkUnreachable   = syscall.ENETUNREACH
	networkDown          = syscall.ENETDOWN
	accessDenied         = syscall.EACCES
	notPermitted         = syscall.EPERM
	tooManyFiles         = syscall.EMFILE
	tooManyFilesInSystem = syscall.ENFILE
)
