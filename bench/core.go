package bench

import (
	"errors"
	"time"
)

// Core looks at the core that the calling thread is on, for measuring that
// is finer than [Rate]. The thread stays there.
type Core struct{ looker looker }

// NewCore fails where the system's clock is too coarse.
func NewCore() (Core, error) {
	l, ok := newLooker(time.Now)
	if !ok {
		return Core{}, errors.New("the system's clock is too coarse to look at the core for a few microseconds")
	}
	return Core{l}, nil
}

// Look takes some 5 microseconds. It tells the core's clock in hertz, and its
// load: 1, or what KnownLoad says, if nobody else uses the core; more, if they do.
func (c Core) Look() (hertz, load float64) {
	look := c.looker.look()
	return look.hertz, look.load
}

// KnownLoad returns the load of an undisturbed core of this machine; 0 where that is not known.
func KnownLoad() float64 { return knownLoad(ThisCPU()) }
