package transport

import "time"

// Limits cap the memory and the waiting time that a server can cause. Zero
// fields stand for the default.
type Limits struct {
	Line     int           // bytes of one message of the server, 256 KiB
	Connect  time.Duration // to reach the server, 10 s
	TLS      time.Duration // TLS or WebSocket handshake, 10 s
	LineTime time.Duration // from a message's first byte to its last, 30 s
	Write    time.Duration // to write one message, 10 s
	Silence  time.Duration // without any message, 120 s
}

// WithDefaults returns the same limits with the zero fields filled in.
func (l Limits) WithDefaults() Limits {
	orDefault(&l.Line, 256<<10)
	orDefault(&l.Connect, 10*time.Second)
	orDefault(&l.TLS, 10*time.Second)
	orDefault(&l.LineTime, 30*time.Second)
	orDefault(&l.Write, 10*time.Second)
	orDefault(&l.Silence, 120*time.Second)
	return l
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
