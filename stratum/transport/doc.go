// Package transport connects to a server and carries messages, whatever they
// mean: it knows bytes, lines and URLs, and nothing of the protocols above them.
//
// A [URL] names the server ([ParseURL]). A [Dialer] connects to it step by step:
// the name is looked up and connected to (dial.go), through a proxy if there is
// one (proxy.go), TLS is spoken where the URL wants it (tls.go), and the result
// is a [Conn], on which a message is a line ([Lines]) or a WebSocket's message
// (websocket.go). Each step has its limit ([Limits]) and its own errors, most of
// them a [Fault] with a cause and a remedy, which hold no secret.
package transport
