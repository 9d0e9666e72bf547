package stratumtest

import "time"

// The faults of an Injector's connections.

// Delay delays each line by that time, in order, for the lasting time.
func (i *Injector) Delay(d Direction, by, lasting time.Duration) int {
	return i.arm(Delayed, d, func(s *side) { s.delay, s.delayUntil = by, time.Now().Add(lasting) })
}

// Cut closes the connections as a peer that ends does. What the client still
// writes until it closes its side goes nowhere.
func (i *Injector) Cut() int { return i.end(Cut) }

// Reset breaks the connections: the client gets a TCP reset.
func (i *Injector) Reset() int { return i.end(Reset) }

// End drops the connections for the cause that the caller gives.
func (i *Injector) End(cause Fault) int { return i.end(cause) }

func (i *Injector) end(cause Fault) int {
	return i.each(func(l *link) bool {
		if !l.end(cause) {
			return false
		}
		i.add(cause)
		return true
	})
}

// HalfOpen silently swallows all lines of the direction from now on, until the
// connection ends.
func (i *Injector) HalfOpen(d Direction) int {
	return i.arm(HalfOpen, d, func(s *side) { s.swallow = true })
}

// Truncate forwards only a part of the next line and closes the connection.
func (i *Injector) Truncate(d Direction) int {
	return i.arm("", d, func(s *side) { s.truncate = true })
}

// Flip changes one bit in each of the next count lines.
func (i *Injector) Flip(d Direction, count int) int {
	return i.arm("", d, func(s *side) { s.flip += count })
}

// Reorder holds back the next reply to the client until that many other lines
// passed, or the time is over.
func (i *Injector) Reorder(lines int, most time.Duration) int {
	return i.arm("", ToClient, func(s *side) { s.reorder, s.reorderFor = lines, most })
}

// Stall stops reading from the client for that time.
func (i *Injector) Stall(lasting time.Duration) int {
	return i.arm(Stalled, ToPool, func(s *side) { s.stallUntil = time.Now().Add(lasting) })
}

// Heal ends delays and stalls and disarms what has not happened yet. Half-open
// connections stay half-open.
func (i *Injector) Heal() {
	for _, d := range []Direction{ToPool, ToClient} {
		i.arm("", d, func(s *side) {
			s.delay, s.flip, s.truncate, s.reorder, s.stallUntil = 0, 0, false, 0, time.Time{}
		})
	}
}

// Swallowing returns the number of half-open connections.
func (i *Injector) Swallowing() int {
	return i.each(func(l *link) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.sides[ToPool].swallow || l.sides[ToClient].swallow
	})
}

// arm changes one side of all connections; the fault is counted for each of
// them, unless it is empty: then it counts when it happens.
func (i *Injector) arm(f Fault, d Direction, change func(*side)) int {
	return i.each(func(l *link) bool {
		l.mu.Lock()
		change(l.sides[d])
		l.mu.Unlock()
		if f != "" {
			i.add(f)
		}
		return true
	})
}
