package bench

import (
	"errors"
	"time"
)

// Core measures the clock and load of the core that the calling thread is on, for
// measurements finer than [Rate]. The thread stays there.
type Core struct{ looker looker }

// NewCore fails where the system's clock is too coarse.
func NewCore() (Core, error) {
	l, ok := newLooker(time.Now)
	if !ok {
		return Core{}, errors.New("the system's clock is too coarse to look at the core for a few microseconds")
	}
	return Core{l}, nil
}

// Look takes about 5 microseconds. It returns the core's clock in hertz, and its
// load: 1, or KnownLoad, if nothing else uses the core; more otherwise.
func (c Core) Look() (hertz, load float64) {
	look := c.looker.look()
	return look.hertz, look.load
}

// KnownLoad returns the load of an undisturbed core of this machine; 0 where that is not known.
func KnownLoad() float64 { return knownLoad(ThisCPU()) }
