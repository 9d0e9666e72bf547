package stratumtest

import (
	"crypto/tls"
	"time"
)

// Direction is the direction of a line.
type Direction int

// The directions.
const (
	ToPool Direction = iota
	ToClient
)

func (d Direction) String() string { return [...]string{"to the pool", "to the client"}[d] }

// Fault is a kind of fault.
type Fault string

// The faults. All but the last four are those of an [Injector].
const (
	Delayed     Fault = "delay"
	Cut         Fault = "connection closed (FIN)"
	Reset       Fault = "connection reset (RST)"
	HalfOpen    Fault = "half-open"
	Truncated   Fault = "line truncated"
	Flipped     Fault = "byte flipped"
	Reordered   Fault = "reply reordered"
	Stalled     Fault = "slow reader"
	Refused     Fault = "connections refused"
	Moved       Fault = "address changed"
	Recertified Fault = "certificate changed"

	Restarted  Fault = "pool restarted"
	ByClient   Fault = "closed by the client"
	ByPool     Fault = "closed by the pool"
	NoSuchName Fault = "name not found"
)

// Passage is one line and what became of it.
type Passage struct {
	Link      int // number of the connection, from 1
	At        time.Time
	Direction Direction
	Line      []byte // as received, with its line end
	Sent      []byte // what was forwarded: nothing, a part, all, or other bytes
	Fault     Fault  // why that is not all of it; empty if it is
}

// Whole reports whether the line was forwarded unchanged.
func (p Passage) Whole() bool { return p.Fault == "" }

// Witness observes what happens. Its functions are called from several
// goroutines; any may be nil.
type Witness struct {
	// Opened: a client is connected to the pool. The certificate is the one
	// presented to it, nil without TLS.
	Opened func(link int, shown *tls.Certificate)
	// Passed is called just before the line is forwarded.
	Passed func(Passage)
	// Closed: the connection ended, with its first cause. The passages of lines
	// still under way may come later.
	Closed func(link int, cause Fault)
}
