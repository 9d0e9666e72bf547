package transport

import "errors"

// Conn carries messages. ReadMessage is called from one goroutine; the result
// is good until the next call. WriteMessage is called from one goroutine at a
// time. Close may be called at any time and makes both return.
type Conn interface {
	ReadMessage() ([]byte, error)
	WriteMessage([]byte) error
	Close() error
}

// Reasons why a connection ended.
var (
	// ErrClosed: the server closed the connection.
	ErrClosed = errors.New("the server closed the connection")
	// ErrSilent: nothing came from the server for too long.
	ErrSilent = errors.New("the server is silent")
	// ErrTimedOut: the system closed the connection because nothing came back.
	ErrTimedOut = errors.New("the OS timed the connection out")
	// ErrTLSServer: the server answers in TLS on a connection without it.
	ErrTLSServer = errors.New("the server speaks TLS: use stratum+ssl:// for this port")
)

// ErrNoWebSocket: an HTTP server refuses to open a WebSocket.
var ErrNoWebSocket = errors.New("the server refuses the websocket")
