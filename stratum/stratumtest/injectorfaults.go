package stratumtest

import "time"

// The faults of an Injector's connections.

// Delay holds each line back for so long, in the order of their coming, for
// the lines of the time to come.
func (i *Injector) Delay(d Direction, by, lasting time.Duration) int {
	return i.arm(Delayed, d, func(s *side) { s.delay, s.delayUntil = by, time.Now().Add(lasting) })
}

// Cut closes the connections as a peer that ends does. The client is not read
// any more, but may write until it closes its side.
func (i *Injector) Cut() int { return i.end(Cut) }

// Reset breaks the connections: the client gets a TCP reset.
func (i *Injector) Reset() int { return i.end(Reset) }

// End drops the connections for a reason that the caller names.
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

// HalfOpen swallows all lines of the direction from now on, without a word to
// anybody. Only the end of the connection ends that.
func (i *Injector) HalfOpen(d Direction) int {
	return i.arm(HalfOpen, d, func(s *side) { s.swallow = true })
}

// Truncate sends only a part of the next line on, and closes the connection.
func (i *Injector) Truncate(d Direction) int {
	return i.arm("", d, func(s *side) { s.truncate = true })
}

// Flip changes one bit in each of the next lines, of which there will be
// count.
func (i *Injector) Flip(d Direction, count int) int {
	return i.arm("", d, func(s *side) { s.flip += count })
}

// Reorder holds the next reply to the client back until so many other lines
// went by, or the time is over.
func (i *Injector) Reorder(lines int, most time.Duration) int {
	return i.arm("", ToClient, func(s *side) { s.reorder, s.reorderFor = lines, most })
}

// Stall does not read from the client for so long.
func (i *Injector) Stall(lasting time.Duration) int {
	return i.arm(Stalled, ToPool, func(s *side) { s.stallUntil = time.Now().Add(lasting) })
}

// Heal ends delays and stalls and disarms what did not happen yet. What is
// half-open stays so.
func (i *Injector) Heal() {
	for _, d := range []Direction{ToPool, ToClient} {
		i.arm("", d, func(s *side) {
			s.delay, s.flip, s.truncate, s.reorder, s.stallUntil = 0, 0, false, 0, time.Time{}
		})
	}
}

// Swallowing is how many connections are half-open.
func (i *Injector) Swallowing() int {
	return i.each(func(l *link) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.sides[ToPool].swallow || l.sides[ToClient].swallow
	})
}

// arm changes one side of all connections; the fault is counted for each of
// them, unless it is empty: then it counts when it strikes.
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
