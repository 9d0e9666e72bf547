package transport

import "golang.org/x/sys/windows"

// What the system says of a connection that it cannot make. The constants of
// package syscall are others, which Windows never returns.
const (
	connectionRefused    = windows.WSAECONNREFUSED
	connectionTimedOut   = windows.WSAETIMEDOUT
	connectionReset      = windows.WSAECONNRESET
	connectionAborted    = windows.WSAECONNABORTED
	addressNotAvailable  = windows.WSAEADDRNOTAVAIL
	hostUnreachable      = windows.WSAEHOSTUNREACH
	hostDown             = windows.WSAEHOSTDOWN
	networkUnreachable   = windows.WSAENETUNREACH
	networkDown          = windows.WSAENETDOWN
	accessDenied         = windows.WSAEACCES
	notPermitted         = windows.ERROR_ACCESS_DENIED
	tooManyFiles         = windows.WSAEMFILE
	tooManyFilesInSystem = windows.ERROR_TOO_MANY_OPEN_FILES
)
